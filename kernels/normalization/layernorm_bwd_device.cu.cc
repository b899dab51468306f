// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/kernels/normalization/layernorm_bwd.h"
#include "tilework/kernels/normalization/norm_backward.h"
#include "tilework/kernels/normalization/norm_backward_device.h"

namespace tilework {

absl::Status LayerNormBwd(const LayerNormBwdArgs& args,
                          DeviceContext& context) {
  return CallOnDevice(args, context, [&] {
    const NormBackwardArgs shared = {.dy = args.dy,
                                     .input = args.input,
                                     .gamma = args.gamma,
                                     .mean = args.mean,
                                     .rstd = args.rstd,
                                     .dres = args.dres,
                                     .dx = args.dx,
                                     .dgamma = args.dgamma,
                                     .dbeta = args.dbeta,
                                     .eps = args.eps,
                                     .divisor = args.dy.dim(-1),
                                     .gamma_offset = 0};
    return LaunchNormBackward</*kCentered=*/true>(shared, "layernorm_bwd",
                                                  context);
  });
}

}  // namespace tilework
