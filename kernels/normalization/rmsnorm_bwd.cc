// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_bwd.h"

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/kernels/normalization/norm_check.h"

namespace tilework {

absl::Status Validate(const RmsNormBwdArgs& args) {
  ArgumentChecker check("rmsnorm_bwd");
  check.Required("dy", args.dy, "... H", kFloatTypes);
  check.Required("input", args.input, "... H", kFloatTypes);
  check.Optional("gamma", args.gamma, "H | 1 H", kFloatTypes);
  check.Optional("rstd", args.rstd, "...", kF32Only);
  check.Optional("dres", args.dres, "... H", kFloatTypes);
  const DType dx_type[] = {args.input.dtype()};
  check.Required("dx", args.dx, "... H", dx_type);
  CheckParameterGradient("dgamma", args.dgamma, args.gamma, check);
  CheckRowSize("dy", args.dy, check);
  CheckHiddenActual(args.hidden_actual, check);
  CheckEps(args.eps, check);
  CheckGammaOffset(args.gamma_offset, check);
  const NamedTensor inputs[] = {{"dy", args.dy},
                                {"input", args.input},
                                {"gamma", args.gamma},
                                {"rstd", args.rstd},
                                {"dres", args.dres}};
  const NamedTensor outputs[] = {{"dx", args.dx, {"dy", "input", "dres"}},
                                 {"dgamma", args.dgamma}};
  CheckOverlap(inputs, outputs, check);
  return check.status();
}

}  // namespace tilework
