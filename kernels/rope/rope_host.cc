// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rotation.h"

namespace tilework {

absl::Status Rope(const RopeArgs& args, HostContext& context) {
  if (absl::Status status = Validate(args); !status.ok()) return status;
  if (args.x_in.NumElements() == 0) return absl::OkStatus();
  RotateTensors({&args, 1}, context);
  return absl::OkStatus();
}

}  // namespace tilework
