// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The tables of a model with a context of 8192 tokens.

#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_tables.h"

namespace tilework {
namespace {

void BM_RopeTables(benchmark::State& state, RopePrecision precision) {
  HostContext context(2);
  Buffer cos(DType::kF32, {state.range(0), state.range(1) / 2});
  Buffer sin(DType::kF32, {state.range(0), state.range(1) / 2});
  const RopeTablesArgs args = {.cos = cos.view(),
                               .sin = sin.view(),
                               .rotary_dim = state.range(1),
                               .precision = precision};
  for (auto _ : state) {
    ABSL_CHECK_OK(RopeTables(args, context));
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 * cos.view().NumBytes());
}

BENCHMARK_CAPTURE(BM_RopeTables, f32, RopePrecision::kF32)
    ->ArgNames({"rows", "R"})
    ->Args({8192, 128})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_RopeTables, f64, RopePrecision::kF64)
    ->ArgNames({"rows", "R"})
    ->Args({8192, 128})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tilework
