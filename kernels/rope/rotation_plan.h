// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Which threads of a device rotate what. By shape alone; nothing here knows of
// CUDA.

#ifndef TILEWORK_KERNELS_ROPE_ROTATION_PLAN_H_
#define TILEWORK_KERNELS_ROPE_ROTATION_PLAN_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "tilework/common/tiling/tile_range.h"

namespace tilework {

// A head is cut into vectors of 8 pairs, or of 8 elements that are copied. A
// block has `lanes` of them of `heads` heads of `tokens` tokens at a time, all
// powers of two, and goes through `rounds` times as many heads with the same
// cosines and sines in registers.
struct RotationPlan {
  static constexpr int kVector = 8;
  static constexpr int kThreads = 256;

  int log2_lanes = 0;
  int log2_heads = 0;
  int log2_tokens = 0;
  int rounds = 1;
  int64_t token_tiles = 1;
  int64_t head_tiles = 1;

  constexpr int lanes() const { return 1 << log2_lanes; }
  constexpr int heads() const { return 1 << log2_heads; }
  constexpr int tokens() const { return 1 << log2_tokens; }
  constexpr int64_t num_tiles() const { return token_tiles * head_tiles; }

  friend constexpr bool operator==(const RotationPlan&,
                                   const RotationPlan&) = default;
};

constexpr RotationPlan PlanRotation(int64_t tokens, int64_t heads,
                                    int64_t vectors) {
  // So many tiles give all multiprocessors of a GPU enough to do.
  constexpr int64_t kManyTiles = 1024;
  const auto log2_ceil = [](int64_t n, int most) {
    const auto padded = std::bit_ceil(static_cast<uint64_t>(n));
    return std::min(std::countr_zero(padded), most);
  };
  constexpr int kLog2Threads =
      std::countr_zero(static_cast<unsigned>(RotationPlan::kThreads));
  RotationPlan plan;
  plan.log2_lanes = log2_ceil(vectors, kLog2Threads);
  plan.log2_heads = log2_ceil(heads, kLog2Threads - plan.log2_lanes);
  // Four rounds or more where there are tokens enough: threads then load tables
  // for several heads.
  const auto quarter = static_cast<uint64_t>(std::max<int64_t>(heads / 4, 1));
  const int log2_fewer =
      std::min(static_cast<int>(std::bit_width(quarter)) - 1, plan.log2_heads);
  const int log2_more_tokens = kLog2Threads - plan.log2_lanes - log2_fewer;
  if (tokens >> log2_more_tokens >= kManyTiles) plan.log2_heads = log2_fewer;
  plan.log2_tokens = kLog2Threads - plan.log2_lanes - plan.log2_heads;
  plan.token_tiles = CeilDiv(tokens, plan.tokens());
  const int64_t rounds = CeilDiv(heads, plan.heads());
  const int64_t tiles_per_token =
      std::clamp<int64_t>(CeilDiv(kManyTiles, plan.token_tiles), 1, rounds);
  plan.rounds = static_cast<int>(CeilDiv(rounds, tiles_per_token));
  plan.head_tiles = CeilDiv(rounds, plan.rounds);
  return plan;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROTATION_PLAN_H_
