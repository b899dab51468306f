// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Activations and weights, beside a copy of the same bytes.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"
#include "tilework/testing/benchmarking.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

void SetCounters(benchmark::State& state, int64_t elements, int64_t bytes) {
  state.SetBytesProcessed(state.iterations() * bytes);
  state.SetItemsProcessed(state.iterations() * elements);
}

void BM_QuantizeMxfp8(benchmark::State& state, DType input, DType output,
                      MxScaleMode mode, bool transposed) {
  const int64_t rows = state.range(0);
  const int64_t size = state.range(1);
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer x = TypicalNumbers(input, {rows, size});
  Buffer data = Buffer::Zeros(output, {rows, size});
  Buffer scales = Buffer::Zeros(DType::kE8M0, {rows, (size + 31) / 32});
  Buffer data_t = Buffer::Zeros(output, {size, rows});
  Buffer scales_t = Buffer::Zeros(DType::kE8M0, {size, (rows + 31) / 32});
  QuantizeMxfp8Args args = {.src_tensor = x.view(),
                            .data = data.view(),
                            .scales = scales.view(),
                            .scale_mode = mode};
  if (transposed) {
    args.data_t = data_t.view();
    args.scales_t = scales_t.view();
  }
  for (auto _ : state) {
    ABSL_CHECK_OK(QuantizeMxfp8(args, context));
    benchmark::ClobberMemory();
  }
  const int64_t output_bytes =
      data.view().NumBytes() + scales.view().NumBytes();
  SetCounters(state, rows * size,
              x.view().NumBytes() + output_bytes * (transposed ? 2 : 1));
}

// As much memory traffic as `input` elements and a byte for each.
void BM_Copy(benchmark::State& state, DType input) {
  const int64_t elements = state.range(0) * state.range(1);
  const int64_t bytes = elements * static_cast<int64_t>(SizeOf(input) + 1);
  MeasureCopy(state, bytes);
  SetCounters(state, elements, bytes);
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "K"})->UseRealTime();
  benchmark->Args({32, 2880})->Args({5760, 2880})->Args({8192, 8192});
}

constexpr DType kBF16 = DType::kBF16;
constexpr DType kF32 = DType::kF32;
constexpr DType kE4M3 = DType::kF8E4M3;
constexpr DType kE2M1 = DType::kF4E2M1;
using enum MxScaleMode;

BENCHMARK_CAPTURE(BM_Copy, bf16, kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_QuantizeMxfp8, bf16, kBF16, kE4M3, kFloor, false)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_QuantizeMxfp8, bf16_rceil, kBF16, kE4M3, kRceil, false)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_QuantizeMxfp8, bf16_f4, kBF16, kE2M1, kFloor, false)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_QuantizeMxfp8, bf16_both, kBF16, kE4M3, kFloor, true)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Copy, f32, kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_QuantizeMxfp8, f32, kF32, kE4M3, kFloor, false)
    ->Apply(Shapes);

}  // namespace
}  // namespace tilework
