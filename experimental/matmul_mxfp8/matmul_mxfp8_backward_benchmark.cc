// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

void BM_MatmulMxfp8Backward(benchmark::State& state) {
  const int64_t m = state.range(0), k = state.range(1), n = state.range(2);
  HostContext context;
  context.pool().SetSpinning(true);
  const Buffer grad = TypicalNumbers(DType::kBF16, {m, n});
  const Buffer weights = TypicalNumbers(DType::kBF16, {n, k});
  const Buffer input = TypicalNumbers(DType::kBF16, {m, k});
  Buffer input_grad(DType::kBF16, {m, k});
  Buffer weight_grad(DType::kBF16, {n, k});
  for (auto _ : state) {
    ABSL_CHECK_OK(MatmulMxfp8Backward({.output_grad = grad.view(),
                                       .weights = weights.view(),
                                       .input_activation = input.view(),
                                       .input_grad = input_grad.view(),
                                       .weight_grad = weight_grad.view()},
                                      context));
  }
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(4 * m * n * k),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_MatmulMxfp8Backward)
    ->ArgNames({"M", "K", "N"})
    ->UseRealTime()
    ->Args({1024, 1024, 1024})
    ->Args({512, 4096, 4096});

}  // namespace
}  // namespace tilework
