// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The one implementation of rope and rope_hf.

#ifndef TILEWORK_KERNELS_ROPE_ROTATION_H_
#define TILEWORK_KERNELS_ROPE_ROTATION_H_

#include "absl/types/span.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/kernels/rope/rope.h"

namespace tilework {

// Rotates tensors in one loop over the tasks of all. The arguments must have
// been checked.
void RotateTensors(absl::Span<const RopeArgs> tensors, HostContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROTATION_H_
