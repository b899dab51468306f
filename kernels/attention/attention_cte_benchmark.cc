// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// FLOP/s counts 2 (D + Dv) for each visible pair of query and key.

#include <cmath>
#include <cstdint>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_cte.h"

namespace tilework {
namespace {

Buffer Waves(DType dtype, const Dims& shape) {
  Buffer f32(DType::kF32, {shape.Product()});
  for (int64_t i = 0; i < shape.Product(); ++i) {
    f32.data<float>()[i] = std::sin(static_cast<float>(i % 100003));
  }
  return ToContiguous(f32.view().Reshape(shape), dtype);
}

// Causal, the whole prompt at once.
void Run(benchmark::State& state, DType dtype) {
  const int64_t hq = state.range(0), hkv = state.range(1);
  const int64_t d = state.range(2), s = state.range(3);
  HostContext context;
  context.pool().SetSpinning(true);
  const Buffer q = Waves(dtype, {1, hq, s, d});
  const Buffer k = Waves(dtype, {1, hkv, s, d});
  const Buffer v = Waves(dtype, {1, hkv, s, d});
  Buffer out(dtype, {1, hq, s, d});
  for (auto _ : state) {
    const absl::Status status =
        AttentionCte({.q = q.view(),
                      .k = k.view(),
                      .v = v.view(),
                      .out = out.view(),
                      .scale = 1 / std::sqrt(static_cast<float>(d))},
                     context);
    ABSL_CHECK(status.ok()) << status;
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() *
                          (q.view().NumBytes() + k.view().NumBytes() +
                           v.view().NumBytes() + out.view().NumBytes()));
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(hq * (s * (s + 1) / 2) * 4 * d),
                         benchmark::Counter::kIsIterationInvariantRate);
}

void BM_AttentionCte_bf16(benchmark::State& state) { Run(state, DType::kBF16); }
BENCHMARK(BM_AttentionCte_bf16)
    ->ArgNames({"Hq", "Hkv", "D", "S"})
    ->UseRealTime()
    ->Args({9, 3, 64, 16})  // SmolLM2-135M
    ->Args({9, 3, 64, 128})
    ->Args({9, 3, 64, 512})
    ->Args({9, 3, 64, 2048})
    ->Args({32, 8, 128, 512})  // Llama-3-8B
    ->Args({32, 8, 128, 2048});

void BM_AttentionCte_f32(benchmark::State& state) { Run(state, DType::kF32); }
BENCHMARK(BM_AttentionCte_f32)
    ->ArgNames({"Hq", "Hkv", "D", "S"})
    ->UseRealTime()
    ->Args({9, 3, 64, 2048})
    ->Args({32, 8, 128, 512});

}  // namespace
}  // namespace tilework
