// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Queries of a prefill and of a decoding step, in the layouts and modes that
// matter, beside a copy of the same bytes.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/testing/benchmarking.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

// How [B, S, N, D] lies in memory.
constexpr int kTokenMajor[] = {0, 1, 2, 3};  // [B, S, N, D]
constexpr int kHeadMajor[] = {0, 2, 1, 3};   // [B, N, S, D], HuggingFace
constexpr int kDimMajor[] = {1, 3, 2, 0};    // [D, B, N, S], NKI

struct Options {
  DType dtype = DType::kBF16;
  bool contiguous = true;
  const int (&order)[4] = kTokenMajor;
  RopeMode mode = RopeMode::kTable;
  bool in_place = false;
};

Dims ShapeOf(const benchmark::State& state) {
  return {state.range(0), state.range(1), state.range(2), state.range(3)};
}

// A view [B, S, N, D] of `buffer`.
Tensor Permuted(Buffer& buffer, const Dims& shape, const int (&order)[4]) {
  Dims stored = shape;
  for (int i = 0; i < 4; ++i) stored[order[i]] = shape[i];
  return buffer.view().Reshape(stored).Permute(
      {order[0], order[1], order[2], order[3]});
}

void SetCounters(benchmark::State& state, int64_t flops, int64_t bytes) {
  state.SetBytesProcessed(state.iterations() * bytes);
  state.counters["FLOP/s"] = benchmark::Counter(
      static_cast<double>(flops), benchmark::Counter::kIsIterationInvariantRate,
      benchmark::Counter::OneK::kIs1000);
}

void BM_Rope(benchmark::State& state, const Options& options) {
  const Dims shape = ShapeOf(state);
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  // Positions of decoding are anywhere in a long context.
  const bool indexed = options.mode == RopeMode::kIndexed;
  const int64_t rows = indexed ? 131072 : shape[1];
  Buffer cos(DType::kF32, {rows, shape[3] / 2});
  Buffer sin(DType::kF32, {rows, shape[3] / 2});
  Buffer inv_freq(DType::kF32, {shape[3] / 2});
  Buffer positions(DType::kI32, {shape[0], shape[1]});
  for (int64_t t = 0; t < shape[0] * shape[1]; ++t) {
    positions.data<int32_t>()[t] = static_cast<int32_t>(t * 7919 % 131072);
  }
  ABSL_CHECK_OK(RopeTables({.cos = cos.view(),
                            .sin = sin.view(),
                            .inv_freq = inv_freq.view(),
                            .rotary_dim = shape[3]},
                           context));
  Buffer x_in = TypicalNumbers(options.dtype, shape);
  Buffer x_out = Buffer::Zeros(options.dtype, shape);
  RopeArgs args = {
      .x_in = Permuted(x_in, shape, options.order),
      .x_out = Permuted(options.in_place ? x_in : x_out, shape, options.order),
      .contiguous_layout = options.contiguous,
      .mode = options.mode};
  int64_t bytes = 2 * x_in.view().NumBytes();
  if (options.mode == RopeMode::kComputed) {
    args.inv_freq = inv_freq.view();
  } else {
    args.cos = cos.view();
    args.sin = sin.view();
    bytes += 2 * positions.view().NumElements() * shape[3] / 2 * 4;
  }
  if (options.mode != RopeMode::kTable) args.positions = positions.view();
  for (auto _ : state) {
    ABSL_CHECK_OK(Rope(args, context));
    benchmark::ClobberMemory();
  }
  SetCounters(state, 3 * shape.Product(), bytes);
}

void BM_Copy(benchmark::State& state, DType dtype) {
  MeasureCopy(state, 2 * ContiguousBytes(ShapeOf(state), dtype));
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"B", "S", "N", "D"})
      ->UseRealTime()
      ->Args({1, 1, 9, 64})
      ->Args({64, 1, 32, 128})
      ->Args({1, 4096, 32, 128});
}

void LargeShape(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"B", "S", "N", "D"})
      ->UseRealTime()
      ->Args({1, 4096, 32, 128});
}

BENCHMARK_CAPTURE(BM_Copy, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, bf16, {})->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, bf16_interleaved, {.contiguous = false})
    ->Apply(LargeShape);
BENCHMARK_CAPTURE(BM_Rope, bf16_head_major, {.order = kHeadMajor})
    ->Apply(LargeShape);
BENCHMARK_CAPTURE(BM_Rope, bf16_dim_major, {.order = kDimMajor})
    ->Apply(LargeShape);
BENCHMARK_CAPTURE(BM_Rope, bf16_in_place, {.in_place = true})
    ->Apply(LargeShape);
BENCHMARK_CAPTURE(BM_Rope, bf16_indexed, {.mode = RopeMode::kIndexed})
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, bf16_computed, {.mode = RopeMode::kComputed})
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, f16, {.dtype = DType::kF16})->Apply(LargeShape);
BENCHMARK_CAPTURE(BM_Copy, f32, DType::kF32)->Apply(LargeShape);
BENCHMARK_CAPTURE(BM_Rope, f32, {.dtype = DType::kF32})->Apply(LargeShape);
BENCHMARK_CAPTURE(BM_Rope, f32_interleaved,
                  {.dtype = DType::kF32, .contiguous = false})
    ->Apply(LargeShape);
BENCHMARK_CAPTURE(BM_Rope, f32_dim_major,
                  {.dtype = DType::kF32, .order = kDimMajor})
    ->Apply(LargeShape);

}  // namespace
}  // namespace tilework
