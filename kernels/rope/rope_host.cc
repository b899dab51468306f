// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rotation.h"

namespace tilework {

absl::Status Rope(const RopeArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.x_in.NumElements() > 0) RotateTensors({&args, 1}, context);
  });
}

}  // namespace tilework
