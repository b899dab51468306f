// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the benchmarks of the quantization kernels share.

#ifndef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_BENCHMARKING_H_
#define TILEWORK_KERNELS_QUANTIZE_QUANTIZE_BENCHMARKING_H_

#include <cstdint>

#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/copy_bandwidth.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

inline constexpr int kBenchmarkThreads = 2;

inline void SetCounters(benchmark::State& state, int64_t elements,
                        int64_t bytes) {
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetItemsProcessed(state.iterations() * elements);
}

// A copy with as much memory traffic as the quantization of `input` elements
// to a byte each.
inline void BM_CopyOf(benchmark::State& state, DType input) {
  const int64_t elements = state.range(0) * state.range(1);
  const int64_t bytes = elements * static_cast<int64_t>(SizeOf(input) + 1) / 2;
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer from = Buffer::Zeros(DType::kU8, {bytes});
  Buffer to = Buffer::Zeros(DType::kU8, {bytes});
  for (auto _ : state) {
    ParallelCopy(from.view(), to.view(), context.pool());
    benchmark::ClobberMemory();
  }
  SetCounters(state, elements, 2 * bytes);
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_QUANTIZE_BENCHMARKING_H_
