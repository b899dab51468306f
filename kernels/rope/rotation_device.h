// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The one implementation of rope and rope_hf on a device.

#ifndef TILEWORK_KERNELS_ROPE_ROTATION_DEVICE_H_
#define TILEWORK_KERNELS_ROPE_ROTATION_DEVICE_H_

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/kernels/rope/rope.h"

namespace tilework {

// Enqueues a rotation, whose arguments must have been checked. No elements:
// nothing.
absl::Status RotateOnDevice(const RopeArgs& args, DeviceContext& context);

// The same of two tensors that differ in x_in, x_out and the number of heads,
// in one launch if the strides allow it.
absl::Status RotateOnDevice(const RopeArgs& first, const RopeArgs& second,
                            DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROTATION_DEVICE_H_
