// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Gradients of rows of hidden states, beside a copy.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_testing.h"
#include "tilework/kernels/normalization/rmsnorm_bwd.h"
#include "tilework/testing/benchmarking.h"

namespace tilework {
namespace {

void BM_RmsNormBwd(benchmark::State& state, DType dtype) {
  const Dims shape = {state.range(0), state.range(1)};
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer dy = OrdinaryNumbers(dtype, shape);
  const Buffer input = OrdinaryNumbers(dtype, shape);
  const Buffer gamma = OrdinaryNumbers(dtype, {shape[1]});
  const Buffer rstd = OrdinaryNumbers(DType::kF32, {shape[0]});
  Buffer dx = Buffer::Zeros(dtype, shape);
  Buffer dgamma = Buffer::Zeros(DType::kF32, {shape[1]});
  const RmsNormBwdArgs args = {.dy = dy.view(),
                               .input = input.view(),
                               .gamma = gamma.view(),
                               .rstd = rstd.view(),
                               .dx = dx.view(),
                               .dgamma = dgamma.view()};
  for (auto _ : state) {
    ABSL_CHECK_OK(RmsNormBwd(args, context));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 3 * args.dx.NumBytes());
}

void BM_Copy(benchmark::State& state, DType dtype) {
  const int64_t elements = state.range(0) * state.range(1);
  MeasureCopy(state, 2 * ContiguousBytes({elements}, dtype));
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "H"})->UseRealTime();
  for (const Dims& shape :
       {Dims({8192, 4096}), Dims({2048, 8192}), Dims({32768, 128})}) {
    benchmark->Args({shape[0], shape[1]});
  }
}

BENCHMARK_CAPTURE(BM_Copy, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RmsNormBwd, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Copy, f32, DType::kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RmsNormBwd, f32, DType::kF32)->Apply(Shapes);

}  // namespace
}  // namespace tilework
