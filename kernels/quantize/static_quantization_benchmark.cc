// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Activations, beside a copy of the same bytes.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/quantize_benchmarking.h"
#include "tilework/kernels/quantize/static_quantization.h"
#include "tilework/testing/benchmarking.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

void BM_StaticQuantization(benchmark::State& state, DType input, DType output) {
  const Dims shape = {state.range(0), state.range(1)};
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer x = TypicalNumbers(input, shape);
  Buffer y = Buffer::Zeros(output, shape);
  // So that the largest of the numbers have the largest codes.
  const float scale = 0.01f;
  const StaticQuantizationArgs args = {
      .hidden_state = x.view(),
      .input_dequant_scale = ConstTensor(&scale, DType::kF32, {1}),
      .quantized = y.view()};
  for (auto _ : state) {
    ABSL_CHECK_OK(StaticQuantization(args, context));
    benchmark::ClobberMemory();
  }
  SetCounters(state, shape.Product(),
              x.view().NumBytes() + y.view().NumBytes());
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "H"})->UseRealTime();
  benchmark->Args({1, 8192})->Args({64, 4096})->Args({4096, 8192});
}

BENCHMARK_CAPTURE(BM_CopyOf, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_StaticQuantization, bf16, DType::kBF16, DType::kF8E4M3)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_CopyOf, f32, DType::kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_StaticQuantization, f32, DType::kF32, DType::kF8E4M3)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_StaticQuantization, f16_240, DType::kF16,
                  DType::kF8E4M3_240)
    ->Apply(Shapes);

}  // namespace
}  // namespace tilework
