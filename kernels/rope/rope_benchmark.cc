// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Queries of a prefill and of a decoding step, beside a copy of the same bytes.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/testing/parallel_copy.h"

namespace tilework {
namespace {

constexpr int kThreads = 2;

Dims ShapeOf(const benchmark::State& state) {
  return {1, state.range(0), state.range(1), state.range(2)};
}

void SetCounters(benchmark::State& state, int64_t flops, int64_t bytes) {
  state.SetBytesProcessed(state.iterations() * bytes);
  state.counters["FLOP/s"] = benchmark::Counter(
      static_cast<double>(flops), benchmark::Counter::kIsIterationInvariantRate,
      benchmark::Counter::OneK::kIs1000);
}

void BM_Rope(benchmark::State& state, DType dtype, bool contiguous) {
  const Dims shape = ShapeOf(state);
  HostContext context(kThreads);
  context.pool().SetSpinning(true);
  Buffer cos(DType::kF32, {shape[1], shape[3] / 2});
  Buffer sin(DType::kF32, {shape[1], shape[3] / 2});
  ABSL_CHECK_OK(RopeTables(
      {.cos = cos.view(), .sin = sin.view(), .rotary_dim = shape[3]}, context));
  const Buffer x_in = Buffer::Zeros(dtype, shape);
  Buffer x_out = Buffer::Zeros(dtype, shape);
  const RopeArgs args = {.x_in = x_in.view(),
                         .x_out = x_out.view(),
                         .cos = cos.view(),
                         .sin = sin.view(),
                         .contiguous_layout = contiguous};
  for (auto _ : state) {
    ABSL_CHECK_OK(Rope(args, context));
    benchmark::ClobberMemory();
  }
  SetCounters(state, 3 * shape.Product(),
              2 * (x_in.view().NumBytes() + cos.view().NumBytes()));
}

void BM_Copy(benchmark::State& state, DType dtype) {
  HostContext context(kThreads);
  context.pool().SetSpinning(true);
  const Buffer x_in = Buffer::Zeros(dtype, ShapeOf(state));
  Buffer x_out = Buffer::Zeros(dtype, ShapeOf(state));
  for (auto _ : state) {
    ParallelCopy(x_in.view(), x_out.view(), context.pool());
    benchmark::ClobberMemory();
  }
  SetCounters(state, 0, 2 * x_in.view().NumBytes());
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"S", "N", "D"})->UseRealTime();
  for (const Dims& shape : {Dims({1, 9, 64}), Dims({512, 9, 64}),
                            Dims({4096, 1, 64}), Dims({4096, 32, 128})}) {
    benchmark->Args({shape[0], shape[1], shape[2]});
  }
}

BENCHMARK_CAPTURE(BM_Copy, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, bf16, DType::kBF16, true)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, bf16_interleaved, DType::kBF16, false)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, f16, DType::kF16, true)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Copy, f32, DType::kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, f32, DType::kF32, true)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Rope, f32_interleaved, DType::kF32, false)->Apply(Shapes);

}  // namespace
}  // namespace tilework
