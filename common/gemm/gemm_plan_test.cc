// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/gemm_plan.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "tilework/common/gemm/matrix.h"

namespace tilework {
namespace {

constexpr int64_t kCols = PackedMatrix::kPanelCols;

TEST(GemmPlanTest, TilesCoverTheProductAndFitTheCache) {
  for (int64_t m : {1, 2, 16, 17, 100, 512, 4099}) {
    for (int64_t n : {1, 32, 33, 576, 960, 1536, 6144, 49152}) {
      for (int64_t k : {1, 64, 576, 14336}) {
        for (int64_t num_b : {1, 2}) {
          for (int64_t multiple : {1, 20, 64, 128, 333}) {
            for (bool packed : {false, true}) {
              const GemmPlan plan = PlanGemm({.m = m,
                                              .n = n,
                                              .k = k,
                                              .num_b = num_b,
                                              .column_multiple = multiple,
                                              .packed = packed});
              SCOPED_TRACE(plan.ToString());
              const int64_t cols = plan.tile_panels * kCols;
              EXPECT_GE(plan.row_tiles * plan.tile_rows, m);
              EXPECT_LT((plan.row_tiles - 1) * plan.tile_rows, m);
              EXPECT_GE(plan.col_tiles * cols, n);
              EXPECT_LT((plan.col_tiles - 1) * cols, n);
              EXPECT_TRUE(cols % multiple == 0 || plan.col_tiles == 1);
              EXPECT_EQ(plan.k_block % 2, 0);
              EXPECT_TRUE(plan.tile_rows * cols * num_b * 4 <= 512 << 10 ||
                          plan.tile_rows == 1);
            }
          }
        }
      }
    }
  }
}

TEST(GemmPlanTest, SmallProductsGiveEveryThreadWork) {
  // The projections of a small language model, one token.
  EXPECT_EQ(PlanGemm({.m = 1, .n = 576, .k = 576}).num_tasks(), 18);
  EXPECT_EQ(PlanGemm({.m = 1, .n = 1536, .k = 576, .num_b = 2}).num_tasks(),
            48);
  EXPECT_EQ(PlanGemm({.m = 1, .n = 49152, .k = 576}).ToString(),
            "1 rows x 8 panels, k 576, 1 x 192 tasks");
  EXPECT_EQ(PlanGemm({.m = 512, .n = 1536, .k = 576}).ToString(),
            "96 rows x 8 panels, k 512, 6 x 6 tasks");
}

TEST(GemmPlanTest, NothingToDo) {
  EXPECT_EQ(PlanGemm({.m = 0, .n = 5, .k = 5}).num_tasks(), 0);
  EXPECT_EQ(PlanGemm({.m = 5, .n = 0, .k = 5}).num_tasks(), 0);
}

}  // namespace
}  // namespace tilework
