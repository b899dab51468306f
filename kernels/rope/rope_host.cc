// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/kernels/rope/rope.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/rope/rope_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/kernels/rope/rotate_tensors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {

void RopeHost(const RopeArgs& args, HostContext& context) {
  RotateTensors({&args, 1}, context);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(RopeHost);

absl::Status Rope(const RopeArgs& args, HostContext& context) {
  if (absl::Status status = Validate(args); !status.ok()) return status;
  if (args.x_in.NumElements() == 0) return absl::OkStatus();
  HWY_DYNAMIC_DISPATCH(RopeHost)(args, context);
  return absl::OkStatus();
}

}  // namespace tilework
#endif  // HWY_ONCE
