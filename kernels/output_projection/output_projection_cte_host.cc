// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/kernels/output_projection/output_projection_cte.h"
#include "tilework/kernels/output_projection/output_projection_declare.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tilework/kernels/output_projection/output_projection_cte_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/kernels/output_projection/output_projection-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

void OutputProjectionCteHost(const output_projection_internal::Projection& args,
                             HostContext& context) {
  ProjectOutput(args, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(OutputProjectionCteHost);

absl::Status OutputProjectionCte(const OutputProjectionCteArgs& args,
                                 HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.out.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(OutputProjectionCteHost)
    (output_projection_internal::MakeProjection(args), context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
