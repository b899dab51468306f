// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8.h"
#include "tilework/experimental/matmul_mxfp8/mx_factor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tilework/experimental/matmul_mxfp8/matmul_mxfp8_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/experimental/matmul_mxfp8/mx_product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

void MatmulMxfp8Host(const MatmulMxfp8Args& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  StoreArgs store = {.bias = ContiguousVector(args.bias, scratch),
                     .out = AsTokens(args.out)};
  if (args.accumulate_into.present()) {
    store.residual = AsTokens(args.accumulate_into);
  }
  MultiplyFactors(matmul_mxfp8_internal::LeftFactor(args),
                  matmul_mxfp8_internal::RightFactor(args), store, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(MatmulMxfp8Host);

absl::Status MatmulMxfp8(const MatmulMxfp8Args& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.out.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(MatmulMxfp8Host)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
