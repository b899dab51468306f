// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_cte.h"

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/attention/attention_declare.h"

namespace tilework {
namespace {

void DeclarePrior(const AttentionCteArgs& args, SchemaVisitor& v) {
  DeclareLikeQ("k_prior", args.k_prior, "B? Hkv Sp D", args.q, Optional(),
               "keys of the prefix", v);
  const Presence with_k_prior =
      RequiredUnless(!args.k_prior.present(), "k_prior is not given");
  DeclareLikeQ("v_prior", args.v_prior, "B? Hkv Sp Dv", args.q, with_k_prior,
               "values of the prefix", v);
  v.Input("prior_used_len", args.prior_used_len,
          {.shape = "B | 1",
           .dtypes = kI32Only,
           .presence = with_k_prior,
           .values = {.domain = Domain::Between(0, {v["Sp"], "Sp"}),
                      .checked = true},
           .help = "how much of the prefix is used, of each batch or of all"});
}

}  // namespace

void Declare(const AttentionCteArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "attention_cte",
            .summary = "Attention of a block of queries against a block of "
                       "keys and a cached prefix",
            .rows = "B"});
  DeclareHeads(v);
  v.Input("q", args.q,
          {.shape = "B? Hq Sq D", .dtypes = kFloatTypes, .help = "queries"});
  DeclareLikeQ("k", args.k, "B? Hkv Sk D", args.q, Required(), "keys", v);
  DeclareLikeQ("v", args.v, "B? Hkv Sk Dv", args.q, Required(), "values", v);
  DeclarePrior(args, v);
  DeclareScale(args.scale, v);
  v.Attribute("causal_mask", args.causal_mask,
              {.help = "query i sees the prefix and keys 0..i alone"});
  DeclareOut(args.q, args.out, "B? Hq Sq Dv", args.out_lse, "B? Hq Sq", v);
}

absl::Status Validate(const AttentionCteArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
