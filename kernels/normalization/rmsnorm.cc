// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm.h"

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/normalization/norm_declare.h"

namespace tilework {
namespace {

constexpr Enumerator kCastModes[] = {{0, "F32"}, {1, "LLAMA"}};
constexpr Enumerator kGateModes[] = {{0, "NONE"}, {1, "PRE"}, {2, "POST"}};

void DeclareGate(const RmsNormArgs& args, SchemaVisitor& v) {
  v.Attribute(
      "gate_mode", args.gate_mode,
      {.domain = Domain::OneOf(kGateModes),
       .help = "where silu(gate) is a factor: before or after the norm"});
  v.Input("gate", args.gate,
          {.shape = "... H",
           .dtypes = kFloatTypes,
           .presence = RequiredUnless(args.gate_mode == RmsNormGateMode::kNone,
                                      "gate_mode is NONE"),
           .help = "z"});
}

void DeclareGroups(const RmsNormArgs& args, SchemaVisitor& v) {
  v.Attribute("group_size", args.group_size,
              {.domain = Domain::DivisorOf({v["H"], "H"}),
               .absent = "H",
               .help = "G, elements with an r of their own"});
  v.Rule("group_size or hidden_actual is H", [&](ArgumentChecker& check) {
    const int64_t h = v["H"];
    const int64_t group = args.group_size.value_or(h);
    const int64_t actual = args.hidden_actual.value_or(h);
    check.Require(group == h || actual == h, "group_size is ", group,
                  " with hidden_actual ", actual,
                  ", expected only one of them");
  });
  v.Bind("H/G", "H / group_size",
         [&] { return v["H"] / args.group_size.value_or(v["H"]); });
}

}  // namespace

void Declare(const RmsNormArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "rmsnorm",
            .summary = "RMS normalization, optionally after a residual "
                       "addition and gated",
            .rows = "..."});
  v.Symbol("H", Domain::AtLeast(1));
  v.Input("input", args.input,
          {.shape = "... H", .dtypes = kFloatTypes, .help = "x"});
  v.Input("gamma", args.gamma,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "weight; factor 1 if absent"});
  DeclareResidual(args.input, args.residual, args.residual_out, v);
  DeclareEps(args.eps, v);
  DeclareHiddenActual(args.hidden_actual, v);
  DeclareGammaOffset(args.gamma_offset, v);
  v.Attribute("cast_mode", args.cast_mode,
              {.domain = Domain::OneOf(kCastModes),
               .help = "LLAMA rounds the normalized row before gamma"});
  DeclareGate(args, v);
  DeclareGroups(args, v);
  v.Output("output", args.output,
           {.shape = "... H",
            .dtypes = kFloatTypes,
            .may_be = {"input"},
            .help = "the normalized rows"});
  v.Output("rstd", args.rstd,
           {.shape = {{"...", "G = H", v["H/G"] == 1},
                      {"... H/G", "G < H", v["H/G"] != 1}},
            .dtypes = kF32Only,
            .presence = Optional(),
            .help = "r, for the backward pass"});
}

absl::Status Validate(const RmsNormArgs& args) { return CheckArguments(args); }

}  // namespace tilework
