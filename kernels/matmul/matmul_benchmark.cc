// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// bytes_per_second counts the weight, which decoding streams once.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/matmul/matmul.h"

namespace tilework {
namespace {

// Rows, contraction, columns; bf16 with a packed weight.
void BM_Matmul(benchmark::State& state) {
  const int64_t m = state.range(0), k = state.range(1), n = state.range(2);
  HostContext context;
  context.pool().SetSpinning(true);
  const Buffer a = Buffer::Zeros(DType::kBF16, {m, k});
  const Buffer b = Buffer::Zeros(DType::kBF16, {k, n});
  Buffer out(DType::kBF16, {m, n});
  const auto packed = PackedMatrix::Pack(b.view(), context);
  ABSL_CHECK(packed.ok());
  for (auto _ : state) {
    ABSL_CHECK(
        Matmul({.a = a.view(), .b = *packed, .out = out.view()}, context).ok());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * b.view().NumBytes());
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(2 * m * n * k),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_Matmul)
    ->ArgNames({"M", "K", "N"})
    ->Args({1, 4096, 6144})  // Llama-3-8B qkv
    ->Args({8, 4096, 6144})
    ->Args({64, 2880, 5120})  // GPT-OSS-20B qkv
    ->Args({1, 576, 49152})   // SmolLM2-135M head
    ->UseRealTime();

}  // namespace
}  // namespace tilework
