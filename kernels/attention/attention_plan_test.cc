// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_plan.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "tilework/kernels/attention/key_range.h"

namespace tilework {
namespace {

TEST(KeyRangeTest, IntersectionIsWhatBothHold) {
  EXPECT_EQ(Intersect({2, 9}, {4, 12}), (KeyRange{4, 9}));
  EXPECT_TRUE(Intersect({0, 3}, {3, 5}).empty());
  EXPECT_FALSE((KeyRange{3, 4}).empty());
}

TEST(KeyRangeTest, FullMaskShowsEveryKey) {
  const KeyMask mask = {.num_keys = 7, .causal = false, .first_query = 3};
  EXPECT_EQ(VisibleKeys(mask, 0), (KeyRange{0, 7}));
  EXPECT_EQ(VisibleKeys(mask, 1, 5), (KeyRange{0, 7}));
}

TEST(KeyRangeTest, CausalMaskEndsAtTheQuery) {
  const KeyMask mask = {.num_keys = 7, .causal = true, .first_query = 3};
  EXPECT_EQ(VisibleKeys(mask, 0), (KeyRange{0, 4}));
  EXPECT_EQ(VisibleKeys(mask, 2), (KeyRange{0, 6}));
  EXPECT_EQ(VisibleKeys(mask, 100), (KeyRange{0, 7}));
  EXPECT_EQ(VisibleKeys(mask, 0, 3), (KeyRange{0, 6}));
}

TEST(KeyRangeTest, RangeOfQueriesHoldsEachRange) {
  for (bool causal : {false, true}) {
    const KeyMask mask = {.num_keys = 9, .causal = causal, .first_query = 2};
    for (int64_t begin = 0; begin < 12; ++begin) {
      for (int64_t end = begin + 1; end < 12; ++end) {
        const KeyRange all = VisibleKeys(mask, begin, end);
        for (int64_t i = begin; i < end; ++i) {
          const KeyRange one = VisibleKeys(mask, i);
          EXPECT_EQ(Intersect(one, all), one) << begin << " " << end;
        }
      }
    }
  }
}

TEST(AttentionPlanTest, LongPromptTakesLargeBlocks) {
  EXPECT_EQ(PlanAttention(
                {.heads = 8, .rows = 8192, .keys = 2048, .d = 128, .dv = 128})
                .ToString(),
            "192 rows x 2048 keys, 43 x 1 blocks, 344 tasks, 344 blocks a "
            "wave");
}

TEST(AttentionPlanTest, ShortPromptIsCutForSeveralThreads) {
  EXPECT_EQ(
      PlanAttention({.heads = 3, .rows = 96, .keys = 32, .d = 64, .dv = 64})
          .ToString(),
      "24 rows x 32 keys, 4 x 1 blocks, 12 tasks, 12 blocks a wave");
}

TEST(AttentionPlanTest, WideRowsTakeSmallerBlocks) {
  EXPECT_EQ(
      PlanAttention({.heads = 64, .rows = 500, .keys = 32, .d = 576, .dv = 512})
          .block_rows,
      96);
}

TEST(AttentionPlanTest, DecodingIsCutByKeys) {
  EXPECT_EQ(PlanAttention({.heads = 8,
                           .rows = 4,
                           .keys = 8192,
                           .d = 128,
                           .dv = 128,
                           .split = true})
                .ToString(),
            "4 rows x 256 keys, 1 x 32 blocks, 256 tasks, 8 blocks a wave");
}

TEST(AttentionPlanTest, ManyPartialResultsComeInWaves) {
  const AttentionPlan plan = PlanAttention({.heads = 64,
                                            .rows = 96,
                                            .keys = 131072,
                                            .d = 128,
                                            .dv = 128,
                                            .split = true});
  EXPECT_EQ(plan.splits, 512);
  EXPECT_EQ(plan.wave_blocks, 1);
}

TEST(AttentionPlanTest, NoKeysStillMakeTasks) {
  for (bool split : {false, true}) {
    const AttentionPlan plan = PlanAttention(
        {.heads = 2, .rows = 3, .keys = 0, .d = 8, .dv = 8, .split = split});
    EXPECT_EQ(plan.splits, 1);
    EXPECT_EQ(plan.num_tasks, 2);
  }
}

}  // namespace
}  // namespace tilework
