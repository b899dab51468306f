// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The scales of a projection.

#include <cstdint>
#include <vector>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"
#include "tilework/kernels/quantize/quantize_benchmarking.h"
#include "tilework/testing/benchmarking.h"

namespace tilework {
namespace {

void BM_PreCombineDequantScales(benchmark::State& state) {
  const int64_t rows = state.range(0);
  const int64_t size = state.range(1);
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const std::vector<float> weight(static_cast<size_t>(size), 1.0f);
  const std::vector<float> input(static_cast<size_t>(rows), 1.0f);
  Buffer combined = Buffer::Zeros(DType::kF32, {rows, size});
  const PreCombineDequantScalesArgs args = {
      .weight_dequant_scale = ConstTensor(weight.data(), DType::kF32, {size}),
      .input_dequant_scale = ConstTensor(input.data(), DType::kF32, {rows}),
      .combined = combined.view()};
  for (auto _ : state) {
    ABSL_CHECK_OK(PreCombineDequantScales(args, context));
    benchmark::ClobberMemory();
  }
  SetCounters(state, rows * size, combined.view().NumBytes());
}
BENCHMARK(BM_PreCombineDequantScales)
    ->ArgNames({"T", "N"})
    ->Args({1, 8192})
    ->Args({1024, 8192})
    ->UseRealTime();

}  // namespace
}  // namespace tilework
