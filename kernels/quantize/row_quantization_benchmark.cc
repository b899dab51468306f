// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Activations and weights, beside a copy of the same bytes.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/quantize_benchmarking.h"
#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/testing/benchmarking.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

void BM_RowQuantization(benchmark::State& state, DType input, DType output,
                        QuantizationGranularity granularity) {
  const Dims shape = {state.range(0), state.range(1)};
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer x = TypicalNumbers(input, shape);
  Buffer y = Buffer::Zeros(output, shape);
  RowQuantizationArgs args = {.hidden_state = x.view(),
                              .quantized = y.view(),
                              .granularity = granularity};
  const ScaleUnits units(x.view(), granularity, args.group_size);
  const bool one = granularity == QuantizationGranularity::kTensor;
  Buffer scale(
      DType::kF32,
      one ? Dims({1}) : Dims({units.num_bands(), units.num_columns()}));
  args.dequant_scale = scale.view();
  for (auto _ : state) {
    ABSL_CHECK_OK(RowQuantization(args, context));
    benchmark::ClobberMemory();
  }
  SetCounters(
      state, shape.Product(),
      x.view().NumBytes() + y.view().NumBytes() + scale.view().NumBytes());
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "H"})->UseRealTime();
  benchmark->Args({1, 8192})->Args({33, 2880})->Args({4096, 8192});
}

constexpr DType kBF16 = DType::kBF16;
constexpr DType kF32 = DType::kF32;
constexpr DType kE4M3 = DType::kF8E4M3;
using enum QuantizationGranularity;

BENCHMARK_CAPTURE(BM_CopyOf, bf16, kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RowQuantization, bf16_row, kBF16, kE4M3, kRow)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RowQuantization, bf16_group, kBF16, kE4M3, kGroup)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RowQuantization, bf16_block2d, kBF16, kE4M3, kBlock2d)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RowQuantization, bf16_tensor, kBF16, kE4M3, kTensor)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_CopyOf, f32, kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RowQuantization, f32_row, kF32, kE4M3, kRow)
    ->Apply(Shapes);

}  // namespace
}  // namespace tilework
