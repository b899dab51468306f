// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/rmsnorm_quant.h"
#include "tilework/testing/benchmarking.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

int64_t Bytes(DType input, int64_t rows, int64_t size) {
  return rows * size * static_cast<int64_t>(SizeOf(input) + 1) + rows * 4;
}

void BM_RmsNormQuant(benchmark::State& state, DType input, DType output) {
  const int64_t rows = state.range(0);
  const int64_t size = state.range(1);
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer hidden = TypicalNumbers(input, {rows, size});
  const Buffer gamma = TypicalNumbers(input, {size});
  Buffer out = Buffer::Zeros(output, {rows, size});
  Buffer scale = Buffer::Zeros(DType::kF32, {rows});
  const RmsNormQuantArgs args = {.hidden = hidden.view(),
                                 .ln_w = gamma.view(),
                                 .out = out.view(),
                                 .dequant_scale = scale.view(),
                                 .packed_output = false};
  for (auto _ : state) {
    ABSL_CHECK_OK(RmsNormQuant(args, context));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * Bytes(input, rows, size));
}

void BM_Copy(benchmark::State& state, DType input) {
  MeasureCopy(state, Bytes(input, state.range(0), state.range(1)));
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "H"})->UseRealTime();
  benchmark->Args({1, 8192})->Args({8192, 4096})->Args({32768, 4096});
}

BENCHMARK_CAPTURE(BM_Copy, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RmsNormQuant, bf16, DType::kBF16, DType::kF8E4M3)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Copy, f32, DType::kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RmsNormQuant, f32, DType::kF32, DType::kF8E4M3)
    ->Apply(Shapes);

}  // namespace
}  // namespace tilework
