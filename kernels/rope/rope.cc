// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope.h"

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/rope/rope_declare.h"

namespace tilework {
namespace {

constexpr Enumerator kModes[] = {{0, "TABLE"}, {1, "INDEXED"}, {2, "COMPUTED"}};
constexpr Enumerator kOutLayouts[] = {
    {0, "SAME"}, {1, "CONTIGUOUS"}, {2, "INTERLEAVED"}};

void DeclareTables(const RopeArgs& args, SchemaVisitor& v) {
  const bool indexed = args.mode == RopeMode::kIndexed;
  DeclareCosSin(
      args.cos, args.sin, args.rotary_dim,
      {{"P W | 1 P W | B P W", "mode is TABLE", !indexed},
       {"P W", "mode is INDEXED", indexed}},
      RequiredUnless(args.mode == RopeMode::kComputed, "mode is COMPUTED"), v);
  DeclareRowsForTokens("P >= S for TABLE", args.mode == RopeMode::kTable, "cos",
                       args.cos, "x_in", args.x_in, v);
}

void DeclareAngles(const RopeArgs& args, SchemaVisitor& v) {
  const bool computed = args.mode == RopeMode::kComputed;
  DeclarePositions(
      args.positions,
      RequiredUnless(args.mode == RopeMode::kTable, "mode is TABLE"),
      computed ? Domain::AtLeast(0) : Domain::Between(0, {v["P"] - 1, "P - 1"}),
      v);
  v.Input("inv_freq", args.inv_freq,
          {.shape = "h",
           .dtypes = kF32Only,
           .presence = RequiredUnless(!computed, "mode is not COMPUTED"),
           .values = {.domain = Domain::AboveUpTo(0, 1)},
           .help = "the angle of each pair for position 1"});
  v.Attribute("attention_factor", args.attention_factor,
              {.domain = Domain::FiniteAbove(0),
               .help = "of COMPUTED: a factor of cosines and sines"});
  v.Rule("attention_factor is 1 unless mode is COMPUTED",
         [&](ArgumentChecker& check) {
           check.Require(computed || args.attention_factor == 1,
                         "attention_factor is ", args.attention_factor,
                         " but mode is not COMPUTED: tables already contain "
                         "it");
         });
}

}  // namespace

void Declare(const RopeArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "rope",
            .summary = "Rotary position embedding of one tensor",
            .rows = "B"});
  v.Symbol("D", Domain::AtLeast(2));
  v.Input("x_in", args.x_in,
          {.shape = "B S N D",
           .dtypes = kFloatTypes,
           .help = "N heads of each token"});
  DeclareRotatedRange(args.contiguous_layout, args.rotary_dim,
                      args.rotary_offset, v);
  v.Attribute("inverse", args.inverse, {.help = "rotates back"});
  v.Attribute("mode", args.mode,
              {.domain = Domain::OneOf(kModes),
               .help = "where cosines and sines come from: row s of a table, "
                       "row positions[b, s], or the angle positions[b, s] * "
                       "inv_freq"});
  v.Attribute("out_layout", args.out_layout,
              {.domain = Domain::OneOf(kOutLayouts),
               .help = "the layout of the rotated elements of x_out"});
  DeclareTables(args, v);
  DeclareAngles(args, v);
  v.Output("x_out", args.x_out,
           {.shape = "B S N D",
            .dtypes = kFloatTypes,
            .may_be = {"x_in"},
            .help = "the rotated heads"});
}

absl::Status Validate(const RopeArgs& args) { return CheckArguments(args); }

}  // namespace tilework
