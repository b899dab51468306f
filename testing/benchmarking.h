// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the benchmarks of the kernels share.

#ifndef TILEWORK_TESTING_BENCHMARKING_H_
#define TILEWORK_TESTING_BENCHMARKING_H_

#include <cstdint>

#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/copy_bandwidth.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

inline constexpr int kBenchmarkThreads = 2;

// Measures a copy that moves `bytes`, read and written ones both counted: the
// floor of a kernel with as much memory traffic.
inline void MeasureCopy(benchmark::State& state, int64_t bytes) {
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer from = Buffer::Zeros(DType::kU8, {bytes / 2});
  Buffer to = Buffer::Zeros(DType::kU8, {bytes / 2});
  for (auto _ : state) {
    ParallelCopy(from.view(), to.view(), context.pool());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * bytes);
}

}  // namespace tilework

#endif  // TILEWORK_TESTING_BENCHMARKING_H_
