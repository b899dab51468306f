// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/transformer/sample_tokens.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

void CheckAttributes(const SampleTokensArgs& args, ArgumentChecker& check) {
  check.Require(args.temperature >= 0 && std::isfinite(args.temperature),
                "temperature is ", args.temperature,
                ", expected >= 0 and finite");
  check.Require(args.top_k >= 0, "top_k is ", args.top_k, ", expected >= 0");
  check.Require(args.top_p > 0 && args.top_p <= 1, "top_p is ", args.top_p,
                ", expected in (0, 1]");
  check.Require(args.min_p >= 0 && args.min_p < 1, "min_p is ", args.min_p,
                ", expected in [0, 1)");
}

void CheckSizes(const SampleTokensArgs& args, ArgumentChecker& check) {
  const int64_t v = check["V"];
  check.Require(v >= 1 || check["B"] == 0, "logits is ", args.logits.shape(),
                ": V = 0, expected >= 1");
  check.Require(v <= std::numeric_limits<int32_t>::max(), "logits is ",
                args.logits.shape(), ": V = ", v, ", expected below 2^31");
}

void CheckSteps(const SampleTokensArgs& args, ArgumentChecker& check) {
  for (int64_t row = 0; row < check["B"]; ++row) {
    const int32_t step = *args.step.At<int32_t>(row);
    check.Require(step >= 0, "step[", row, "] is ", step, ", expected >= 0");
  }
}

void CheckAliasing(const SampleTokensArgs& args, ArgumentChecker& check) {
  const std::pair<std::string_view, ConstTensor> inputs[] = {
      {"logits", args.logits},
      {"step", args.step},
      {"request_id", args.request_id},
  };
  for (const auto& [name, input] : inputs) {
    check.NoOverlap("tokens", args.tokens, name, input);
    check.NoOverlap("logprob", args.logprob, name, input);
  }
  check.NoOverlap("logprob", args.logprob, "tokens", args.tokens);
}

}  // namespace

absl::Status Validate(const SampleTokensArgs& args) {
  constexpr DType kI64Only[] = {DType::kI64};
  ArgumentChecker check("sample_tokens");
  check.Required("logits", args.logits, "B V", kFloatTypes);
  check.Required("step", args.step, "B", kI32Only);
  check.Required("request_id", args.request_id, "B", kI64Only);
  check.Required("tokens", args.tokens, "B", kI32Only);
  check.Optional("logprob", args.logprob, "B", kF32Only);
  CheckSizes(args, check);
  CheckAttributes(args, check);
  CheckAliasing(args, check);
  CheckSteps(args, check);
  return check.status();
}

}  // namespace tilework
