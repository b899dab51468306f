// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Where `tilework bench` measures kernels: on the host or on the device.

#ifndef TILEWORK_TOOLS_BENCH_PLACE_H_
#define TILEWORK_TOOLS_BENCH_PLACE_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/argument_builder.h"

namespace tilework {

// What a call reads, writes and computes at least.
struct Work {
  double read = 0;
  double written = 0;
  double flops = 0;
  DType dtype = DType::kNone;  // of the first tensor
};

class BenchPlace {
 public:
  virtual ~BenchPlace() = default;
  // Its cases of a kernel, if none are asked for.
  virtual std::vector<ReferenceCase> CasesOf(
      const TestedKernel& kernel) const = 0;
  // Measures one. Google Benchmark calls it more than once; `reference` lives
  // until the last case is done.
  virtual void Run(benchmark::State& state, const TestedKernel& kernel,
                   const ReferenceCase& reference) = 0;
  // The name of the counter that says how near the limit a case is, and the
  // limit in words.
  virtual std::string_view limit_counter() const = 0;
  virtual std::string_view limit() const = 0;
  // Lines before and after the table.
  virtual std::string Header() const = 0;
  virtual std::string Footer() const = 0;
};

std::unique_ptr<BenchPlace> MakeHostBench(int threads);
// An error if there is no device.
absl::StatusOr<std::unique_ptr<BenchPlace>> MakeDeviceBench();

// The arguments of a reference case.
absl::StatusOr<BuiltArguments> BuildCase(const TestedKernel& kernel,
                                         const ReferenceCase& reference);

Work WorkOf(AnyArguments& arguments);

// Tells `state` what a call does, and at what share of the limit, by the least
// time that a call could take.
void SetFigures(benchmark::State& state, const Work& work, double least_seconds,
                std::string_view limit_counter);

}  // namespace tilework

#endif  // TILEWORK_TOOLS_BENCH_PLACE_H_
