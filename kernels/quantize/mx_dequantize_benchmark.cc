// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Weights, beside a copy of the same bytes.

#include <cstdint>
#include <cstring>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/mx_dequantize.h"
#include "tilework/kernels/quantize/quantize_benchmarking.h"
#include "tilework/testing/benchmarking.h"

namespace tilework {
namespace {

void BM_MxDequantize(benchmark::State& state, DType input, DType output) {
  const int64_t rows = state.range(0);
  const int64_t size = state.range(1);
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer data = Buffer::Zeros(input, {rows, size});
  Buffer scales(DType::kE8M0, {rows, (size + 31) / 32});
  std::memset(scales.view().data(), 127,
              static_cast<size_t>(scales.view().NumBytes()));
  Buffer y = Buffer::Zeros(output, {rows, size});
  const MxDequantizeArgs args = {
      .data = data.view(), .scales = scales.view(), .y = y.view()};
  for (auto _ : state) {
    ABSL_CHECK_OK(MxDequantize(args, context));
    benchmark::ClobberMemory();
  }
  SetCounters(
      state, rows * size,
      data.view().NumBytes() + scales.view().NumBytes() + y.view().NumBytes());
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "K"})->UseRealTime();
  benchmark->Args({32, 2880})->Args({5760, 2880})->Args({4096, 8192});
}

constexpr DType kBF16 = DType::kBF16;
constexpr DType kF32 = DType::kF32;

BENCHMARK_CAPTURE(BM_CopyOf, bf16, kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_MxDequantize, bf16, DType::kF8E4M3, kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_MxDequantize, bf16_f4, DType::kF4E2M1, kBF16)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_MxDequantize, f32, DType::kF8E4M3, kF32)->Apply(Shapes);

}  // namespace
}  // namespace tilework
