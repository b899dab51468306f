// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_hf.h"
#include "tilework/kernels/rope/rope_hf_parts.h"
#include "tilework/kernels/rope/rotation.h"

namespace tilework {

absl::Status RopeHf(const RopeHfArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.q.NumElements() == 0 && args.k.NumElements() == 0) return;
    const RopeArgs tensors[] = {RopePartOf(args, args.q, args.q_out),
                                RopePartOf(args, args.k, args.k_out)};
    RotateTensors(tensors, context);
  });
}

}  // namespace tilework
