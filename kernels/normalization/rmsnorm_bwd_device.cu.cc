// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/kernels/normalization/norm_backward.h"
#include "tilework/kernels/normalization/norm_backward_device.h"
#include "tilework/kernels/normalization/rmsnorm_bwd.h"

namespace tilework {

absl::Status RmsNormBwd(const RmsNormBwdArgs& args, DeviceContext& context) {
  return CallOnDevice(args, context, [&] {
    const NormBackwardArgs shared = {
        .dy = args.dy,
        .input = args.input,
        .gamma = args.gamma,
        .rstd = args.rstd,
        .dres = args.dres,
        .dx = args.dx,
        .dgamma = args.dgamma,
        .eps = args.eps,
        .divisor = args.hidden_actual.value_or(args.dy.dim(-1)),
        .gamma_offset = args.gamma_offset};
    return LaunchNormBackward</*kCentered=*/false>(shared, "rmsnorm_bwd",
                                                   context);
  });
}

}  // namespace tilework
