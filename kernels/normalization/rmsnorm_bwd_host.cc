// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/kernels/normalization/norm_backward.h"
#include "tilework/kernels/normalization/rmsnorm_bwd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/normalization/rmsnorm_bwd_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/kernels/normalization/norm_backward-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {

void RmsNormBwdHost(const NormBackwardArgs& args, HostContext& context) {
  NormBackwardHost</*kCentered=*/false>(args, context);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(RmsNormBwdHost);

absl::Status RmsNormBwd(const RmsNormBwdArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    const int64_t size = args.dy.dim(-1);
    HWY_DYNAMIC_DISPATCH(RmsNormBwdHost)
    ({.dy = args.dy,
      .input = args.input,
      .gamma = args.gamma,
      .rstd = args.rstd,
      .dres = args.dres,
      .dx = args.dx,
      .dgamma = args.dgamma,
      .eps = args.eps,
      .divisor = args.hidden_actual.value_or(size),
      .gamma_offset = args.gamma_offset},
     context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
