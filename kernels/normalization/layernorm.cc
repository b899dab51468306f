// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/layernorm.h"

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/normalization/norm_declare.h"

namespace tilework {

void Declare(const LayerNormArgs& args, SchemaVisitor& v) {
  v.Kernel(
      {.name = "layernorm",
       .summary = "Layer normalization, optionally after a residual addition",
       .rows = "..."});
  v.Symbol("H", Domain::AtLeast(1));
  v.Input("input", args.input,
          {.shape = "... H", .dtypes = kFloatTypes, .help = "x"});
  v.Input("gamma", args.gamma,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "scale; factor 1 if absent"});
  v.Input("beta", args.beta,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "shift; 0 if absent"});
  DeclareResidual(args.input, args.residual, args.residual_out, v);
  DeclareEps(args.eps, v);
  v.Output("output", args.output,
           {.shape = "... H",
            .dtypes = kFloatTypes,
            .may_be = {"input"},
            .help = "the normalized rows"});
  v.Output("mean", args.mean,
           {.shape = "...",
            .dtypes = kF32Only,
            .presence = Optional(),
            .help = "mean of each row, for the backward pass"});
  v.Output("rstd", args.rstd,
           {.shape = "...",
            .dtypes = kF32Only,
            .presence = Optional(),
            .help = "1 / sqrt(variance + eps), for the backward pass"});
}

absl::Status Validate(const LayerNormArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
