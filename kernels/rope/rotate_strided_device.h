// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotation on a device of heads whose elements do not lie side by side.

#ifndef TILEWORK_KERNELS_ROPE_ROTATE_STRIDED_DEVICE_H_
#define TILEWORK_KERNELS_ROPE_ROTATE_STRIDED_DEVICE_H_

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"

namespace tilework {

// There are elements, and the layout does not change in place.
absl::Status RotateStrided(const RopeArgs& args, DeviceContext& context);

// Copies heads [B, S, N, D] to heads of the same type.
absl::Status CopyHeads(const ConstTensor& from, const Tensor& to,
                       DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROTATE_STRIDED_DEVICE_H_
