// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cmath>
#include <cstdint>

#include "absl/log/absl_check.h"
#include "benchmark/benchmark.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/transformer/sample_tokens.h"

namespace tilework {
namespace {

enum Mode { kGreedy, kTopKTopP, kTopP, kTemperature };
constexpr const char* kModeNames[] = {"greedy", "top_k 40, top_p 0.95",
                                      "top_p 0.95", "temperature"};

// Logits spread as a language model's: `spread` 1 is nearly flat, at 3 a few
// hundred tokens matter.
Buffer Logits(int64_t size, int64_t spread) {
  Buffer logits(DType::kF32, {1, size});
  for (int64_t i = 0; i < size; ++i) {
    // A logistic distribution has a heavier tail than a normal one.
    const double u =
        (static_cast<double>(Philox(1, 2, static_cast<uint64_t>(i))[0]) + 0.5) *
        0x1p-32;
    logits.data<float>()[i] = static_cast<float>(spread) / 2 *
                              static_cast<float>(std::log(u / (1 - u)));
  }
  return logits;
}

// One sequence: vocabulary, mode, spread of the logits.
void BM_SampleTokens(benchmark::State& state) {
  const int64_t size = state.range(0);
  const Buffer logits = Logits(size, state.range(2));
  Buffer step = Buffer::Zeros(DType::kI32, {1});
  const Buffer request_id = Buffer::Zeros(DType::kI64, {1});
  Buffer tokens(DType::kI32, {1});
  SampleTokensArgs args = {.logits = logits.view(),
                           .step = step.view(),
                           .request_id = request_id.view(),
                           .tokens = tokens.view()};
  if (state.range(1) != kGreedy) args.temperature = 1;
  if (state.range(1) == kTopKTopP) args.top_k = 40;
  if (state.range(1) == kTopKTopP || state.range(1) == kTopP) {
    args.top_p = 0.95f;
  }
  HostContext context(1);
  for (auto _ : state) {
    ABSL_CHECK_OK(SampleTokens(args, context));
    ++*step.data<int32_t>();
  }
  state.SetLabel(kModeNames[state.range(1)]);
  state.SetBytesProcessed(state.iterations() * logits.view().NumBytes());
}
BENCHMARK(BM_SampleTokens)
    ->ArgNames({"V", "mode", "spread"})
    ->ArgsProduct({{49152, 128256},
                   {kGreedy, kTopKTopP, kTopP, kTemperature},
                   {1, 3}})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace tilework
