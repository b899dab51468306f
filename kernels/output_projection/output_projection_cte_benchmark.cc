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
#include "tilework/kernels/output_projection/output_projection_cte.h"

namespace tilework {
namespace {

// bf16, packed weight, residual.
void BM_OutputProjectionCte(benchmark::State& state) {
  const int64_t tokens = state.range(0), n = state.range(1);
  const int64_t d = state.range(2), h = state.range(3);
  HostContext context;
  context.pool().SetSpinning(true);
  const Buffer attention = Buffer::Zeros(DType::kBF16, {1, tokens, n, d});
  const Buffer weight = Buffer::Zeros(DType::kBF16, {n * d, h});
  Buffer out = Buffer::Zeros(DType::kBF16, {1, tokens, h});
  const auto packed = PackedMatrix::Pack(weight.view(), context);
  ABSL_CHECK(packed.ok());
  for (auto _ : state) {
    const absl::Status status =
        OutputProjectionCte({.attention = attention.view(),
                             .weight = *packed,
                             .residual = out.view(),
                             .out = out.view()},
                            context);
    ABSL_CHECK(status.ok());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * weight.view().NumBytes());
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(2 * tokens * n * d * h),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_OutputProjectionCte)
    ->ArgNames({"T", "N", "D", "H"})
    ->UseRealTime()
    ->Args({512, 9, 64, 576})     // SmolLM2-135M
    ->Args({64, 32, 128, 4096});  // Llama-3-8B

}  // namespace
}  // namespace tilework
