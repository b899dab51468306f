// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rotation_plan.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace tilework {
namespace {

// 1. All threads of a block have a place.
// 2. All vectors, heads and tokens are covered, by no tile too many.
TEST(RotationPlanTest, CoversAll) {
  for (const int64_t tokens : {1, 2, 63, 4096}) {
    for (const int64_t heads : {1, 3, 8, 40, 128, 1000}) {
      for (const int64_t vectors : {1, 3, 8, 24, 300, 5000}) {
        const RotationPlan plan = PlanRotation(tokens, heads, vectors);
        EXPECT_EQ(plan.lanes() * plan.heads() * plan.tokens(),
                  RotationPlan::kThreads);
        EXPECT_GE(plan.token_tiles * plan.tokens(), tokens);
        EXPECT_LT((plan.token_tiles - 1) * plan.tokens(), tokens);
        const int64_t heads_per_tile = int64_t{plan.heads()} * plan.rounds;
        EXPECT_GE(plan.head_tiles * heads_per_tile, heads);
        EXPECT_LT((plan.head_tiles - 1) * heads_per_tile, heads);
      }
    }
  }
}

TEST(RotationPlanTest, ManyTokensShareTheirTablesAmongAllHeads) {
  // Llama-3 8B prefill: 32 heads of queries and 8 of keys, 8 vectors each.
  const RotationPlan plan = PlanRotation(4096, 40, 8);
  EXPECT_EQ(plan, (RotationPlan{.log2_lanes = 3,
                                .log2_heads = 3,
                                .log2_tokens = 2,
                                .rounds = 5,
                                .token_tiles = 1024,
                                .head_tiles = 1}));
}

TEST(RotationPlanTest, HeadsOfFewTokensAreSharedAmongBlocks) {
  const RotationPlan plan = PlanRotation(4, 512, 8);
  EXPECT_EQ(plan.rounds, 1);
  EXPECT_EQ(plan.head_tiles, 16);
}

TEST(RotationPlanTest, OneHeadLeavesNoThreadIdle) {
  // DeepSeek-V3's keys: 4 vectors a token.
  const RotationPlan plan = PlanRotation(512, 1, 4);
  EXPECT_EQ(plan.tokens(), 64);
  EXPECT_EQ(plan.token_tiles, 8);
}

}  // namespace
}  // namespace tilework
