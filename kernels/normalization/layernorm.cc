// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/layernorm.h"

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_check.h"

namespace tilework {

absl::Status Validate(const LayerNormArgs& args) {
  ArgumentChecker check("layernorm");
  check.Required("input", args.input, "... H", kFloatTypes);
  check.Optional("gamma", args.gamma, "H | 1 H", kFloatTypes);
  check.Optional("beta", args.beta, "H | 1 H", kFloatTypes);
  CheckResidual(args.input, args.residual, args.residual_out, check);
  check.Required("output", args.output, "... H", kFloatTypes);
  check.Optional("mean", args.mean, "...", kF32Only);
  check.Optional("rstd", args.rstd, "...", kF32Only);
  CheckRowSize("input", args.input, check);
  CheckEps(args.eps, check);
  const NamedTensor inputs[] = {{"input", args.input},
                                {"gamma", args.gamma},
                                {"beta", args.beta},
                                {"residual", args.residual}};
  const NamedTensor outputs[] = {
      {"output", args.output, {"input"}},
      {"residual_out", args.residual_out, {"residual"}},
      {"mean", args.mean},
      {"rstd", args.rstd}};
  CheckOverlap(inputs, outputs, check);
  return check.status();
}

}  // namespace tilework
