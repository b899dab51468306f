// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/kernels/rope/rope_hf.h"
#include "tilework/kernels/rope/rope_hf_parts.h"
#include "tilework/kernels/rope/rotation_device.h"

namespace tilework {

absl::Status RopeHf(const RopeHfArgs& args, DeviceContext& context) {
  return CallOnDevice(args, context, [&] {
    return RotateOnDevice(RopePartOf(args, args.q, args.q_out),
                          RopePartOf(args, args.k, args.k_out), context);
  });
}

}  // namespace tilework
