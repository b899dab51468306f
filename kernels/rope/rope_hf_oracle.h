// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_ROPE_ROPE_HF_ORACLE_H_
#define TILEWORK_KERNELS_ROPE_ROPE_HF_ORACLE_H_

#include <cstdint>
#include <vector>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_hf.h"
#include "tilework/kernels/rope/rope_oracle.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// The same rotation of q, or of k, as arguments of rope. (Those are for its
// oracle: rope itself has no indexed tables for each batch.)
inline RopeArgs RopeArgsOf(const RopeHfArgs& args, const ConstTensor& x,
                           const Tensor& x_out) {
  RopeArgs result = {
      .x_in = x.Permute({0, 2, 1, 3}),
      .x_out = x_out.Permute({0, 2, 1, 3}),
      .cos = args.cos,
      .sin = args.sin,
      .positions = args.positions,
      .contiguous_layout = args.contiguous_layout,
      .inverse = args.backward,
      .rotary_dim = args.rotary_dim,
      .rotary_offset = args.rotary_offset,
      .mode = args.positions.present() ? RopeMode::kIndexed : RopeMode::kTable};
  if (args.rope_cache.present()) {
    const int columns = args.rope_cache.rank() - 1;
    const int64_t w = args.rope_cache.dim(-1) / 2;
    result.cos = args.rope_cache.Slice(columns, 0, w);
    result.sin = args.rope_cache.Slice(columns, w, w);
  }
  return result;
}

inline std::vector<ExpectedTensor> RopeHfExpected(const RopeHfArgs& args) {
  const RopeArgs q = RopeArgsOf(args, args.q, args.q_out);
  const RopeArgs k = RopeArgsOf(args, args.k, args.k_out);
  const RopeReference q_out = RopeOracle(q);
  const RopeReference k_out = RopeOracle(k);
  // As [B, S, H, D].
  return {{"q_out", q.x_out, q_out.x_out, RopeBounds(q, q_out)},
          {"k_out", k.x_out, k_out.x_out, RopeBounds(k, k_out)}};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_HF_ORACLE_H_
