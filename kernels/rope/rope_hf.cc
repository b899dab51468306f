// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_hf.h"

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/rope/rope_declare.h"

namespace tilework {
namespace {

void DeclareTables(const RopeHfArgs& args, SchemaVisitor& v) {
  const bool cached = args.rope_cache.present();
  v.Rule("cos and sin, or rope_cache, are given", [&](ArgumentChecker& check) {
    check.Require(cached || args.cos.present() || args.sin.present(),
                  "cos and sin are missing, and so is rope_cache");
  });
  DeclareCosSin(args.cos, args.sin, args.rotary_dim, "P W | 1 P W | B P W",
                RequiredUnless(cached, "rope_cache is given"), v);
  DeclareRowsForTokens("P >= S without positions", !args.positions.present(),
                       cached ? "rope_cache" : "cos",
                       cached ? args.rope_cache : args.cos, "q", args.q, v);
  DeclarePositions(args.positions, Optional(),
                   Domain::Between(0, {v["P"] - 1, "P - 1"}), v);
}

void DeclareCache(const RopeHfArgs& args, SchemaVisitor& v) {
  const double r = static_cast<double>(RotaryDim(args.rotary_dim, v));
  v.Symbol("2W", Domain::Either({r, "rotary_dim"}, {2 * r, "2 rotary_dim"}));
  v.Input("rope_cache", args.rope_cache,
          {.shape = "P 2W | 1 P 2W | B P 2W",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .values = {.domain = Domain::Between(-1, 1)},
           .help = "the columns of cos and those of sin"});
}

}  // namespace

void Declare(const RopeHfArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "rope_hf",
            .summary = "Rotary position embedding of queries and keys, with "
                       "HuggingFace's shapes",
            .rows = "B"});
  v.Symbol("D", Domain::AtLeast(2));
  v.Input("q", args.q,
          {.shape = "B Hq S D", .dtypes = kFloatTypes, .help = "queries"});
  v.Input(
      "k", args.k,
      {.shape = "B Hkv S D", .dtypes = SameAs(args.q, "as q"), .help = "keys"});
  DeclareRotatedRange(args.contiguous_layout, args.rotary_dim,
                      args.rotary_offset, v);
  v.Attribute("backward", args.backward,
              {.help = "rotates back: the gradient"});
  DeclareCache(args, v);
  DeclareTables(args, v);
  v.Output("q_out", args.q_out,
           {.shape = "B Hq S D",
            .dtypes = SameAs(args.q, "as q"),
            .may_be = {"q"},
            .help = "the rotated queries"});
  v.Output("k_out", args.k_out,
           {.shape = "B Hkv S D",
            .dtypes = SameAs(args.q, "as q"),
            .may_be = {"k"},
            .help = "the rotated keys"});
}

absl::Status Validate(const RopeHfArgs& args) { return CheckArguments(args); }

}  // namespace tilework
