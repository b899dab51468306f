// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_hf.h"
#include "tilework/kernels/rope/rotation.h"

namespace tilework {
namespace {

// The rotation of q, or of k.
RopeArgs ArgsOf(const RopeHfArgs& args, const ConstTensor& x,
                const Tensor& x_out) {
  RopeArgs result = {.x_in = x.Permute({0, 2, 1, 3}),
                     .x_out = x_out.Permute({0, 2, 1, 3}),
                     .cos = args.cos,
                     .sin = args.sin,
                     .positions = args.positions,
                     .contiguous_layout = args.contiguous_layout,
                     .inverse = args.backward,
                     .rotary_dim = args.rotary_dim,
                     .rotary_offset = args.rotary_offset};
  if (args.positions.present()) result.mode = RopeMode::kIndexed;
  if (!args.rope_cache.present()) return result;
  const int last = args.rope_cache.rank() - 1;
  const int64_t width = args.rope_cache.dim(last) / 2;
  result.cos = args.rope_cache.Slice(last, 0, width);
  result.sin = args.rope_cache.Slice(last, width, width);
  return result;
}

}  // namespace

absl::Status RopeHf(const RopeHfArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.q.NumElements() == 0 && args.k.NumElements() == 0) return;
    const RopeArgs tensors[] = {ArgsOf(args, args.q, args.q_out),
                                ArgsOf(args, args.k, args.k_out)};
    RotateTensors(tensors, context);
  });
}

}  // namespace tilework
