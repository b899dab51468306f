// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_ROPE_ROPE_HF_PARTS_H_
#define TILEWORK_KERNELS_ROPE_ROPE_HF_PARTS_H_

#include <cstdint>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"

namespace tilework {

// The rotation of q, or of k. Args is RopeHfArgs, whose declaration this file's
// library does without.
template <class Args>
RopeArgs RopePartOf(const Args& args, const ConstTensor& x,
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

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_HF_PARTS_H_
