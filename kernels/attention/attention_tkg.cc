// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_tkg.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/attention/attention_declare.h"

namespace tilework {
namespace {

constexpr Enumerator kPlacements[] = {{0, "tail"}, {1, "append"}};

void DeclareSlots(const AttentionTkgArgs& args, SchemaVisitor& v) {
  v.Attribute("curr_sprior", args.curr_sprior,
              {.domain = Domain::Between(1, {v["Scap"], "Scap"}),
               .absent = "Scap",
               .help = "slots of the cache that are considered"});
  v.Attribute("active_placement", args.active_placement,
              {.domain = Domain::OneOf(kPlacements),
               .help = "whether the last slots stand for the active tokens, "
                       "or those come after all slots"});
  v.Bind("Sctx", "curr_sprior",
         [&] { return args.curr_sprior.value_or(v["Scap"]); });
  const bool append = args.k_active.present() &&
                      args.active_placement == ActivePlacement::kAppend;
  v.Rule("Sctx >= Sa, unless k_active is given and active_placement is append",
         [&](ArgumentChecker& check) {
           check.Require(append || v["Sa"] <= v["Sctx"], "Sa = ", v["Sa"],
                         " exceeds curr_sprior = ", v["Sctx"]);
         });
  const Bound most = append ? Bound(v["Sctx"], "Sctx")
                            : Bound(v["Sctx"] - v["Sa"], "Sctx - Sa");
  v.Input("cache_lens", args.cache_lens,
          {.shape = "B",
           .dtypes = kI32Only,
           .values = {.domain = Domain::Between(0, most), .checked = true},
           .help = "cached tokens of each sequence; up to Sctx where the "
                   "active ones are appended"});
}

}  // namespace

void Declare(const AttentionTkgArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "attention_tkg",
            .summary = "Attention of a few new tokens against a flat cache of "
                       "keys and values"});
  DeclareHeads(v);
  v.NotLess("Bc", "B");
  v.Input("q", args.q,
          {.shape = "B? Hq Sa D", .dtypes = kFloatTypes, .help = "queries"});
  DeclareLikeQ("k_prior", args.k_prior, "Bc? Hkv Scap D", args.q, Required(),
               "cached keys; batches from B on are ignored", v);
  DeclareLikeQ("v_prior", args.v_prior, "Bc? Hkv Scap Dv", args.q, Required(),
               "cached values", v);
  DeclareLikeQ("k_active", args.k_active, "B? Hkv Sa D", args.q, Optional(),
               "keys of the new tokens; if absent, they are in the cache", v);
  DeclareLikeQ(
      "v_active", args.v_active, "B? Hkv Sa Dv", args.q,
      RequiredUnless(!args.k_active.present(), "k_active is not given"),
      "values of the new tokens", v);
  DeclareSlots(args, v);
  DeclareScale(args.scale, v);
  DeclareOut(args.q, args.out, "B? Hq Sa Dv", args.out_lse, "B? Hq Sa", v);
}

absl::Status Validate(const AttentionTkgArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
