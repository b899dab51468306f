// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// bytes_per_second counts the weights, which decoding streams once.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp.h"

namespace tilework {
namespace {

// bf16, packed weights: norm, SwiGLU, residual.
void BM_Mlp(benchmark::State& state) {
  const int64_t tokens = state.range(0), h = state.range(1);
  const int64_t inner = state.range(2);
  HostContext context;
  context.pool().SetSpinning(true);
  const Buffer hidden = Buffer::Zeros(DType::kBF16, {tokens, h});
  const Buffer gamma = Buffer::Zeros(DType::kF32, {h});
  const Buffer weight = Buffer::Zeros(DType::kBF16, {h * inner});
  const ConstTensor up = weight.view().Reshape({h, inner});
  const auto gate_packed = PackedMatrix::Pack(up, context);
  const auto up_packed = PackedMatrix::Pack(up, context);
  const auto down_packed =
      PackedMatrix::Pack(weight.view().Reshape({inner, h}), context);
  ABSL_CHECK(gate_packed.ok() && up_packed.ok() && down_packed.ok());
  Buffer out(DType::kBF16, {tokens, h});
  for (auto _ : state) {
    const absl::Status status =
        Mlp({.hidden_tensor = hidden.view(),
             .gate_proj_weights_tensor = *gate_packed,
             .up_proj_weights_tensor = *up_packed,
             .down_proj_weights_tensor = *down_packed,
             .normalization_weights_tensor = gamma.view(),
             .residual = hidden.view(),
             .out = out.view(),
             .normalization_type = NormType::kRmsNorm},
            context);
    ABSL_CHECK(status.ok()) << status;
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 3 * weight.view().NumBytes());
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(6 * tokens * h * inner),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_Mlp)
    ->ArgNames({"T", "H", "I"})
    ->UseRealTime()
    ->Args({1, 576, 1536})  // SmolLM2-135M
    ->Args({512, 576, 1536})
    ->Args({1, 4096, 14336})  // Llama-3-8B
    ->Args({8, 4096, 14336});

}  // namespace
}  // namespace tilework
