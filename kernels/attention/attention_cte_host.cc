// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_call.h"
#include "tilework/kernels/attention/attention_cte.h"
#include "tilework/kernels/attention/attention_declare.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/attention/attention_cte_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/kernels/attention/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

void AttentionCteHost(const AttentionCall& call, HostContext& context) {
  RunAttention(call, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(AttentionCteHost);

namespace {

void Run(const AttentionCteArgs& args, HostContext& context) {
  const ConstTensor q = WithBatch(args.q, 4);
  if (q.dim(0) * q.dim(1) * q.dim(2) == 0) return;
  const ConstTensor k = WithBatch(args.k, 4);
  const ConstTensor& used = args.prior_used_len;
  const auto keys = [&](int64_t b) {
    const int64_t num_prior =
        used.present() ? *used.At<int32_t>(used.dim(0) == 1 ? 0 : b) : 0;
    return BatchKeys{.num_prior = num_prior,
                     .mask = {.num_keys = num_prior + k.dim(2),
                              .causal = args.causal_mask,
                              .first_query = num_prior}};
  };
  const AttentionCall call = {.q = q,
                              .k_prior = WithBatch(args.k_prior, 4),
                              .v_prior = WithBatch(args.v_prior, 4),
                              .k = k,
                              .v = WithBatch(args.v, 4),
                              .out = WithBatch(args.out, 4),
                              .lse = WithBatch(args.out_lse, 3),
                              .scale = args.scale,
                              .dv = args.v.dim(-1),
                              .num_kv_heads = k.dim(1),
                              .split = false,
                              .keys = keys};
  HWY_DYNAMIC_DISPATCH(AttentionCteHost)(call, context);
}

}  // namespace

absl::Status AttentionCte(const AttentionCteArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] { Run(args, context); });
}

}  // namespace tilework
#endif  // HWY_ONCE
