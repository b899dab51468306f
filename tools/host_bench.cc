// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/argument_builder.h"
#include "tilework/tools/bench_place.h"
#include "tilework/tools/machine.h"

namespace tilework {
namespace {

class HostBench final : public BenchPlace {
 public:
  explicit HostBench(int threads) : context_(threads) {
    context_.pool().SetSpinning(true);
    limits_ = MeasureLimits(context_);
  }

  std::vector<ReferenceCase> CasesOf(
      const TestedKernel& kernel) const override {
    return kernel.cases();
  }
  void Run(benchmark::State& state, const TestedKernel& kernel,
           const ReferenceCase& reference) override {
    const auto built = BuildCase(kernel, reference);
    if (!built.ok()) return state.SkipWithError(built.status().ToString());
    for (auto _ : state) {
      const absl::Status status = built->arguments().Run(context_);
      if (!status.ok()) return state.SkipWithError(status.ToString());
    }
    const Work work = WorkOf(built->arguments());
    SetFigures(state, work, LeastSeconds(work), limit_counter());
  }
  std::string_view limit_counter() const override { return "percent_of_limit"; }
  std::string_view limit() const override { return "the limit"; }
  std::string Header() const override {
    return absl::StrFormat(
        "limits: copy %.1f GB/s, read %.1f GB/s, f32 %.1f GFLOP/s, bf16 "
        "%.1f GFLOP/s; %d threads\n",
        limits_.copy_bandwidth * 1e-9, limits_.read_bandwidth * 1e-9,
        limits_.flops.f32 * 1e-9, limits_.flops.bf16 * 1e-9,
        context_.num_threads());
  }
  std::string Footer() const override {
    return "Cases that fit in the caches may exceed the limit, which is the "
           "memory's.\n";
  }

 private:
  double LeastSeconds(const Work& work) const {
    const double rate =
        work.dtype == DType::kBF16 ? limits_.flops.bf16 : limits_.flops.f32;
    return std::max(limits_.MemorySeconds(work.read, work.written),
                    work.flops / rate);
  }

  HostContext context_;
  MachineLimits limits_ = {};
};

}  // namespace

std::unique_ptr<BenchPlace> MakeHostBench(int threads) {
  return std::make_unique<HostBench>(threads);
}

}  // namespace tilework
