// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_ROPE_ROPE_ROTATION_H_
#define TILEWORK_KERNELS_ROPE_ROPE_ROTATION_H_

#include "tilework/common/simd/rotation.h"
#include "tilework/kernels/rope/rope.h"

namespace tilework {

// What the arguments do to a head.
inline Rotation RotationOf(const RopeArgs& args) {
  Rotation rotation = {.rotary_dim = args.rotary_dim.value_or(args.x_in.dim(3)),
                       .contiguous_layout = args.contiguous_layout,
                       .inverse = args.inverse};
  rotation.table_width = args.mode == RopeMode::kComputed
                             ? rotation.rotary_dim / 2
                             : args.cos.dim(-1);
  const RopeOutLayout other = args.contiguous_layout
                                  ? RopeOutLayout::kInterleaved
                                  : RopeOutLayout::kContiguous;
  rotation.changes_layout = args.out_layout == other;
  return rotation;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_ROTATION_H_
