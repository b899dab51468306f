// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/transformer/sample_tokens.h"

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {
namespace {

constexpr DType kI64Only[] = {DType::kI64};

void DeclareAttributes(const SampleTokensArgs& args, SchemaVisitor& v) {
  v.Attribute("temperature", args.temperature,
              {.domain = Domain::FiniteAtLeast(0),
               .help = "divides the logits; 0 takes the largest"});
  v.Attribute("top_k", args.top_k,
              {.domain = Domain::AtLeast(0),
               .help = "keeps that many of the largest; 0 keeps all"});
  v.Attribute("top_p", args.top_p,
              {.domain = Domain::AboveUpTo(0, 1),
               .help = "keeps the largest that have this probability"});
  v.Attribute("min_p", args.min_p,
              {.domain = Domain::FromBelow(0, 1),
               .help = "drops what is less likely than this share of the "
                       "likeliest"});
  v.Attribute("seed", args.seed, {.help = "of the random streams"});
}

}  // namespace

void Declare(const SampleTokensArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "sample_tokens",
            .summary = "Draws the next token of each sequence from its logits",
            .rows = "B"});
  v.Input("logits", args.logits,
          {.shape = "B V", .dtypes = kFloatTypes, .help = "z"});
  v.Rule("V is 1..2^31 - 1, or 0 if B = 0", [&](ArgumentChecker& check) {
    const int64_t size = v["V"];
    check.Require(size >= 1 || v["B"] == 0, "logits is ", args.logits.shape(),
                  ": V = 0, expected >= 1");
    check.Require(size <= std::numeric_limits<int32_t>::max(), "logits is ",
                  args.logits.shape(), ": V = ", size, ", expected below 2^31");
  });
  v.Input("step", args.step,
          {.shape = "B",
           .dtypes = kI32Only,
           .values = {.domain = Domain::AtLeast(0), .checked = true},
           .help = "tokens drawn before in the request"});
  v.Input("request_id", args.request_id,
          {.shape = "B",
           .dtypes = kI64Only,
           .help = "the random stream; any bits"});
  DeclareAttributes(args, v);
  v.Output("tokens", args.tokens,
           {.shape = "B",
            .dtypes = kI32Only,
            .help = "-1 for a row with NaN, +infinity or nothing else than "
                    "-infinity"});
  v.Output("logprob", args.logprob,
           {.shape = "B",
            .dtypes = kF32Only,
            .presence = Optional(),
            .help = "of the token, before temperature and filters"});
}

absl::Status Validate(const SampleTokensArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
