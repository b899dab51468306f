// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_call.h"
#include "tilework/kernels/attention/attention_declare.h"
#include "tilework/kernels/attention/attention_tkg.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/attention/attention_tkg_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/kernels/attention/attention-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

void AttentionTkgHost(const AttentionCall& call, HostContext& context) {
  RunAttention(call, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(AttentionTkgHost);

namespace {

void Run(const AttentionTkgArgs& args, HostContext& context) {
  const ConstTensor q = WithBatch(args.q, 4);
  if (q.dim(0) * q.dim(1) * q.dim(2) == 0) return;
  const ConstTensor k_prior = WithBatch(args.k_prior, 4);
  const int64_t active = q.dim(2);
  // Cached and active tokens follow one another on the key axis, wherever the
  // active ones are: a causal mask that starts after the cached ones.
  const auto keys = [&](int64_t b) {
    const int64_t cached = *args.cache_lens.At<int32_t>(b);
    return BatchKeys{
        .num_prior = args.k_active.present() ? cached : cached + active,
        .mask = {.num_keys = cached + active,
                 .causal = true,
                 .first_query = cached}};
  };
  const AttentionCall call = {.q = q,
                              .k_prior = k_prior,
                              .v_prior = WithBatch(args.v_prior, 4),
                              .k = WithBatch(args.k_active, 4),
                              .v = WithBatch(args.v_active, 4),
                              .out = WithBatch(args.out, 4),
                              .lse = WithBatch(args.out_lse, 3),
                              .scale = args.scale,
                              .dv = args.v_prior.dim(-1),
                              .num_kv_heads = k_prior.dim(1),
                              .split = true,
                              .keys = keys};
  HWY_DYNAMIC_DISPATCH(AttentionTkgHost)(call, context);
}

}  // namespace

absl::Status AttentionTkg(const AttentionTkgArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] { Run(args, context); });
}

}  // namespace tilework
#endif  // HWY_ONCE
