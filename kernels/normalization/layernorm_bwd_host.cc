// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/kernels/normalization/layernorm_bwd.h"
#include "tilework/kernels/normalization/norm_backward.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tilework/kernels/normalization/layernorm_bwd_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/kernels/normalization/norm_backward-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {

void LayerNormBwdHost(const NormBackwardArgs& args, HostContext& context) {
  NormBackwardHost</*kCentered=*/true>(args, context);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(LayerNormBwdHost);

absl::Status LayerNormBwd(const LayerNormBwdArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    const int64_t size = args.dy.dim(-1);
    HWY_DYNAMIC_DISPATCH(LayerNormBwdHost)
    ({.dy = args.dy,
      .input = args.input,
      .gamma = args.gamma,
      .mean = args.mean,
      .rstd = args.rstd,
      .dres = args.dres,
      .dx = args.dx,
      .dgamma = args.dgamma,
      .dbeta = args.dbeta,
      .eps = args.eps,
      .divisor = size,
      .gamma_offset = 0},
     context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
