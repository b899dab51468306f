// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Queries and keys of a layer, beside a copy of the same bytes.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_hf.h"
#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/testing/benchmarking.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

struct Shape {
  explicit Shape(const benchmark::State& state)
      : q({state.range(0), state.range(1), state.range(3), state.range(4)}),
        k({state.range(0), state.range(2), state.range(3), state.range(4)}) {}

  Dims q, k;
};

void BM_RopeHf(benchmark::State& state, DType dtype, bool backward) {
  const Shape shape(state);
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  Buffer cache(dtype, {shape.q[2], 2 * shape.q[3]});
  ABSL_CHECK_OK(RopeTables(
      {.rope_cache = cache.view(), .rotary_dim = shape.q[3], .duplicate = true},
      context));
  const Buffer q = TypicalNumbers(dtype, shape.q);
  const Buffer k = TypicalNumbers(dtype, shape.k);
  Buffer q_out = Buffer::Zeros(dtype, shape.q);
  Buffer k_out = Buffer::Zeros(dtype, shape.k);
  const RopeHfArgs args = {.q = q.view(),
                           .k = k.view(),
                           .q_out = q_out.view(),
                           .k_out = k_out.view(),
                           .rope_cache = cache.view(),
                           .backward = backward};
  for (auto _ : state) {
    ABSL_CHECK_OK(RopeHf(args, context));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() *
                          (2 * (q.view().NumBytes() + k.view().NumBytes()) +
                           cache.view().NumBytes()));
}

void BM_Copy(benchmark::State& state, DType dtype) {
  const Shape shape(state);
  MeasureCopy(state, 2 * (ContiguousBytes(shape.q, dtype) +
                          ContiguousBytes(shape.k, dtype)));
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"B", "Hq", "Hkv", "S", "D"})
      ->UseRealTime()
      ->Args({1, 32, 8, 256, 128})
      ->Args({4, 1, 1, 512, 128})
      ->Args({1, 32, 8, 4096, 128});
}

BENCHMARK_CAPTURE(BM_Copy, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RopeHf, bf16, DType::kBF16, false)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RopeHf, bf16_backward, DType::kBF16, true)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Copy, f32, DType::kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RopeHf, f32, DType::kF32, false)->Apply(Shapes);

}  // namespace
}  // namespace tilework
