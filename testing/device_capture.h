// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Work of the device in a CUDA graph.

#ifndef TILEWORK_TESTING_DEVICE_CAPTURE_H_
#define TILEWORK_TESTING_DEVICE_CAPTURE_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"

namespace tilework {

// Captures what `run` enqueues, enqueues it as a graph, and waits. An error of
// any of that, such as of a `run` that waits or allocates. In the emulator,
// which has no graphs, `run` is called as it is.
absl::Status RunCaptured(DeviceContext& context,
                         absl::FunctionRef<absl::Status()> run);

}  // namespace tilework

#endif  // TILEWORK_TESTING_DEVICE_CAPTURE_H_
