// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Activations, beside a copy of the same bytes.

#include <cstdint>
#include <cstring>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/fp8_dequantize.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/quantize_benchmarking.h"
#include "tilework/testing/benchmarking.h"

namespace tilework {
namespace {

void BM_Fp8Dequantize(benchmark::State& state, DType output,
                      QuantizationGranularity granularity) {
  const Dims shape = {state.range(0), state.range(1)};
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer codes = Buffer::Zeros(DType::kF8E4M3, shape);
  Buffer y = Buffer::Zeros(output, shape);
  Fp8DequantizeArgs args = {
      .quantized = codes.view(), .y = y.view(), .granularity = granularity};
  const ScaleUnits units(y.view(), granularity, args.group_size);
  Buffer scale(DType::kE8M0, {units.num_bands(), units.num_columns()});
  std::memset(scale.view().data(), 127,
              static_cast<size_t>(scale.view().NumBytes()));
  args.dequant_scale = scale.view();
  for (auto _ : state) {
    ABSL_CHECK_OK(Fp8Dequantize(args, context));
    benchmark::ClobberMemory();
  }
  SetCounters(
      state, shape.Product(),
      codes.view().NumBytes() + y.view().NumBytes() + scale.view().NumBytes());
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "H"})->UseRealTime();
  benchmark->Args({1, 8192})->Args({33, 2880})->Args({4096, 8192});
}

constexpr DType kBF16 = DType::kBF16;
constexpr DType kF32 = DType::kF32;
using enum QuantizationGranularity;

BENCHMARK_CAPTURE(BM_CopyOf, bf16, kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Fp8Dequantize, bf16_row, kBF16, kRow)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Fp8Dequantize, bf16_group, kBF16, kGroup)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Fp8Dequantize, bf16_block2d, kBF16, kBlock2d)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_CopyOf, f32, kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Fp8Dequantize, f32_row, kF32, kRow)->Apply(Shapes);

}  // namespace
}  // namespace tilework
