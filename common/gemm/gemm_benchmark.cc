// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Products of the shapes of small and large language models, beside what bounds
// them: reading the weights from memory for a few rows, arithmetic for many.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/parallel/read_bandwidth.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr int kThreads = 2;

// Enough copies of the weight that none is in a cache when it is used again.
constexpr int64_t kWorkingSet = int64_t{256} << 20;

void BM_Gemm(benchmark::State& state, DType a_type, DType b_type, bool packed) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  const int64_t k = state.range(2);
  HostContext context(kThreads);
  context.pool().SetSpinning(true);
  const Buffer a = Buffer::Zeros(a_type, {m, k});
  const Buffer b = Buffer::Zeros(b_type, {k, n});
  const int64_t bytes = b.view().NumBytes();
  const int64_t copies = m > 16 ? 1 : std::max<int64_t>(1, kWorkingSet / bytes);
  std::vector<PackedMatrix> weights;
  if (packed) {
    for (int64_t i = 0; i < copies; ++i) {
      weights.push_back(*PackedMatrix::Pack(b.view(), context));
    }
  }
  Buffer out(DType::kF32, {m, n});
  size_t next = 0;
  for (auto _ : state) {
    Gemm(
        {.a = a.view(),
         .b = {packed ? MatrixOperand(weights[next++ % weights.size()])
                      : MatrixOperand(b.view())}},
        [&](const GemmTile& tile) {
          for (int64_t r = 0; r < tile.rows; ++r) {
            std::copy_n(tile.values[0] + r * tile.stride, tile.cols,
                        out.view().At<float>(tile.row + r, tile.col));
          }
        },
        context);
  }
  state.SetBytesProcessed(state.iterations() * bytes);
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(2 * m * n * k),
                         benchmark::Counter::kIsIterationInvariantRate,
                         benchmark::Counter::OneK::kIs1000);
}

// The ceiling of a product with a few rows.
void BM_ReadMemory(benchmark::State& state) {
  HostContext context(kThreads);
  context.pool().SetSpinning(true);
  for (auto _ : state) {
    state.counters["bytes_per_second"] = MeasureReadBandwidth(context.pool());
  }
}
BENCHMARK(BM_ReadMemory)->Iterations(1)->Unit(benchmark::kMillisecond);

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"m", "n", "k"})->UseRealTime();
  for (int64_t m : {1, 8, 512}) {
    benchmark->Args({m, 576, 1536});
    benchmark->Args({m, 1536, 576});
    benchmark->Args({m, 49152, 576});
    benchmark->Args({m, 4096, 4096});
  }
}
BENCHMARK_CAPTURE(BM_Gemm, bf16_bf16, DType::kBF16, DType::kBF16, true)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Gemm, f32_bf16, DType::kF32, DType::kBF16, true)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Gemm, f32_f32, DType::kF32, DType::kF32, true)
    ->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Gemm, bf16_bf16_plain, DType::kBF16, DType::kBF16, false)
    ->Apply(Shapes);

}  // namespace
}  // namespace tilework
