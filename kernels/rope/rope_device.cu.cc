// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rotation_device.h"

namespace tilework {

absl::Status Rope(const RopeArgs& args, DeviceContext& context) {
  return CallOnDevice(args, context,
                      [&] { return RotateOnDevice(args, context); });
}

}  // namespace tilework
