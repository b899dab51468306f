// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_bwd.h"

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/normalization/norm_declare.h"

namespace tilework {

void Declare(const RmsNormBwdArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "rmsnorm_bwd",
            .summary = "Gradients of rmsnorm",
            .rows = "..."});
  v.Symbol("H", Domain::AtLeast(1));
  v.Input("dy", args.dy,
          {.shape = "... H",
           .dtypes = kFloatTypes,
           .help = "gradient of the output"});
  v.Input("input", args.input,
          {.shape = "... H",
           .dtypes = kFloatTypes,
           .help = "h of the forward pass"});
  v.Input("gamma", args.gamma,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "scale; factor 1 if absent"});
  v.Input("rstd", args.rstd,
          {.shape = "...",
           .dtypes = kF32Only,
           .presence = Optional(),
           .values = {.domain = Domain::AboveUpTo(0, 4)},
           .help = "of the forward pass; computed if absent"});
  v.Input("dres", args.dres,
          {.shape = "... H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "gradient that arrives at residual_out, added to dx"});
  DeclareEps(args.eps, v);
  DeclareHiddenActual(args.hidden_actual, v);
  DeclareGammaOffset(args.gamma_offset, v);
  v.Output("dx", args.dx,
           {.shape = "... H",
            .dtypes = SameAs(args.input, "as input"),
            .may_be = {"dy", "input", "dres"},
            .help = "gradient of the input"});
  DeclareParameterGradient("dgamma", args.dgamma, args.gamma,
                           "gradient of gamma", v);
}

absl::Status Validate(const RmsNormBwdArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
