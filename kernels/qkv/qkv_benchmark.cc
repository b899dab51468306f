// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// bytes_per_second counts the weight, which decoding streams once.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/qkv/qkv.h"

namespace tilework {
namespace {

// bf16, packed weight: norm, rotation, caches.
void BM_Qkv(benchmark::State& state) {
  const int64_t tokens = state.range(0), h = state.range(1);
  const int64_t hq = state.range(2), hkv = state.range(3), d = state.range(4);
  const int64_t columns = (hq + 2 * hkv) * d;
  HostContext context;
  context.pool().SetSpinning(true);
  const Buffer input = Buffer::Zeros(DType::kBF16, {1, tokens, h});
  const Buffer weight = Buffer::Zeros(DType::kBF16, {h, columns});
  const Buffer gamma = Buffer::Zeros(DType::kF32, {h});
  const Buffer table = Buffer::Zeros(DType::kF32, {tokens, d});
  Buffer q(DType::kBF16, {1, tokens, hq * d});
  Buffer k(DType::kBF16, {1, hkv, tokens, d});
  Buffer v(DType::kBF16, {1, hkv, tokens, d});
  const auto packed = PackedMatrix::Pack(weight.view(), context);
  ABSL_CHECK(packed.ok());
  for (auto _ : state) {
    const absl::Status status = Qkv({.input = input.view(),
                                     .fused_qkv_weights = *packed,
                                     .gamma_norm_weights = gamma.view(),
                                     .cos_cache = table.view(),
                                     .sin_cache = table.view(),
                                     .output = q.view(),
                                     .k_cache = k.view(),
                                     .v_cache = v.view(),
                                     .num_q_heads = hq,
                                     .num_kv_heads = hkv,
                                     .fused_norm_type = NormType::kRmsNorm,
                                     .fused_rope = true},
                                    context);
    ABSL_CHECK(status.ok()) << status;
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * weight.view().NumBytes());
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(2 * tokens * h * columns),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_Qkv)
    ->ArgNames({"T", "H", "Hq", "Hkv", "D"})
    ->UseRealTime()
    ->Args({1, 576, 9, 3, 64})  // SmolLM2-135M
    ->Args({512, 576, 9, 3, 64})
    ->Args({1, 4096, 32, 8, 128})  // Llama-3-8B
    ->Args({8, 4096, 32, 8, 128});

}  // namespace
}  // namespace tilework
