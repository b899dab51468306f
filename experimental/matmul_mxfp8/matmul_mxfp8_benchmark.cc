// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

// Both operands quantized in the kernel, or the weight before.
void BM_MatmulMxfp8(benchmark::State& state, DType rhs_type) {
  const int64_t m = state.range(0), k = state.range(1), n = state.range(2);
  HostContext context;
  context.pool().SetSpinning(true);
  const Buffer lhs = TypicalNumbers(DType::kBF16, {m, k});
  const Buffer rhs = TypicalNumbers(rhs_type, {n, k});
  const Buffer scales = TypicalNumbers(DType::kE8M0, {n, (k + 31) / 32});
  Buffer out(DType::kBF16, {m, n});
  MatmulMxfp8Args args = {
      .lhs = lhs.view(), .rhs = rhs.view(), .out = out.view()};
  if (!IsFloat(rhs_type)) args.rhs_scales = scales.view();
  for (auto _ : state) ABSL_CHECK_OK(MatmulMxfp8(args, context));
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(2 * m * n * k),
                         benchmark::Counter::kIsIterationInvariantRate);
}
void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"M", "K", "N"})->UseRealTime();
  benchmark->Args({1024, 1024, 1024})->Args({512, 4096, 4096});
}
BENCHMARK_CAPTURE(BM_MatmulMxfp8, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_MatmulMxfp8, f8e4m3, DType::kF8E4M3)->Apply(Shapes);

}  // namespace
}  // namespace tilework
