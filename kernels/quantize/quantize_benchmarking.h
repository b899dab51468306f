// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the benchmarks of the quantization kernels share.

#ifndef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_BENCHMARKING_H_
#define TILEWORK_KERNELS_QUANTIZE_QUANTIZE_BENCHMARKING_H_

#include <cstdint>

#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/testing/benchmarking.h"

namespace tilework {

inline void SetCounters(benchmark::State& state, int64_t elements,
                        int64_t bytes) {
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetItemsProcessed(state.iterations() * elements);
}

// A copy with as much memory traffic as the quantization of `input` elements
// to a byte each.
inline void BM_CopyOf(benchmark::State& state, DType input) {
  const int64_t elements = state.range(0) * state.range(1);
  const int64_t bytes = elements * static_cast<int64_t>(SizeOf(input) + 1);
  MeasureCopy(state, bytes);
  SetCounters(state, elements, bytes);
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_QUANTIZE_BENCHMARKING_H_
