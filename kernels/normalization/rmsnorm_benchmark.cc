// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rows of hidden states, beside a copy of the same bytes.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_testing.h"
#include "tilework/kernels/normalization/rmsnorm.h"
#include "tilework/testing/benchmarking.h"

namespace tilework {
namespace {

void SetCounters(benchmark::State& state, int64_t elements, int64_t bytes) {
  state.SetBytesProcessed(state.iterations() * bytes);
  state.counters["FLOP/s"] =
      benchmark::Counter(static_cast<double>(4 * elements),
                         benchmark::Counter::kIsIterationInvariantRate,
                         benchmark::Counter::OneK::kIs1000);
}

void BM_RmsNorm(benchmark::State& state, DType dtype, bool residual) {
  const Dims shape = {state.range(0), state.range(1)};
  HostContext context(kBenchmarkThreads);
  context.pool().SetSpinning(true);
  const Buffer input = OrdinaryNumbers(dtype, shape);
  const Buffer gamma = OrdinaryNumbers(dtype, {state.range(1)});
  Buffer stream = OrdinaryNumbers(dtype, shape);
  Buffer output = Buffer::Zeros(dtype, shape);
  RmsNormArgs args = {
      .input = input.view(), .gamma = gamma.view(), .output = output.view()};
  if (residual) {
    args.residual = stream.view();
    args.residual_out = stream.view();
  }
  for (auto _ : state) {
    ABSL_CHECK_OK(RmsNorm(args, context));
    benchmark::ClobberMemory();
  }
  SetCounters(state, shape.Product(),
              input.view().NumBytes() * (residual ? 4 : 2));
}

void BM_Copy(benchmark::State& state, DType dtype) {
  const int64_t elements = state.range(0) * state.range(1);
  MeasureCopy(state, 2 * ContiguousBytes({elements}, dtype));
}

void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "H"})->UseRealTime();
  for (const Dims& shape : {Dims({1, 576}), Dims({1, 4096}), Dims({512, 576}),
                            Dims({20480, 128}), Dims({8192, 4096})}) {
    benchmark->Args({shape[0], shape[1]});
  }
}

BENCHMARK_CAPTURE(BM_Copy, bf16, DType::kBF16)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RmsNorm, bf16, DType::kBF16, false)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RmsNorm, bf16_residual, DType::kBF16, true)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_Copy, f32, DType::kF32)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RmsNorm, f32, DType::kF32, false)->Apply(Shapes);
BENCHMARK_CAPTURE(BM_RmsNorm, f16, DType::kF16, false)->Apply(Shapes);

}  // namespace
}  // namespace tilework
