// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/unit_plan.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace tilework {
namespace {

using Way = UnitPlan::Way;

TEST(UnitPlanTest, SmallUnitsHaveSomeLanes) {
  // A group of 128 elements, 16 vectors.
  const UnitPlan group = PlanUnits(1, 128);
  EXPECT_EQ(group.way, Way::kLanes);
  EXPECT_EQ(group.team, 4);
  EXPECT_EQ(group.vectors, 4);
  EXPECT_EQ(PlanUnits(1, 1).team, 1);
  EXPECT_EQ(PlanUnits(1, 1025).vectors, UnitPlan::kManyVectors);
  const UnitPlan row = PlanUnits(1, 2048);
  EXPECT_EQ(row.way, Way::kLanes);
  EXPECT_EQ(row.team, 32);
}

TEST(UnitPlanTest, LargerUnitsHaveABlock) {
  EXPECT_EQ(PlanUnits(1, 2049).way, Way::kBlock);
  const UnitPlan row = PlanUnits(1, 8192);
  EXPECT_EQ(row.way, Way::kBlock);
  EXPECT_EQ(row.team, 256);
  EXPECT_EQ(PlanUnits(1, 32768).team, 1024);
  const UnitPlan block = PlanUnits(128, 128);
  EXPECT_EQ(block.way, Way::kBlock);
  EXPECT_EQ(block.team, 512);
  EXPECT_EQ(block.log2_row_vectors, 4);
}

TEST(UnitPlanTest, UnitsThatDoNotFitAreReadTwice) {
  EXPECT_EQ(PlanUnits(1, 32769).way, Way::kTwoPasses);
  EXPECT_EQ(PlanUnits(int64_t{1} << 40, int64_t{1} << 20).way, Way::kTwoPasses);
  EXPECT_EQ(PlanUnits(int64_t{1} << 40, 1).way, Way::kTwoPasses);
}

// A team holds all vectors of its unit.
TEST(UnitPlanTest, AUnitFitsIntoItsTeam) {
  for (const int64_t rows : {1, 2, 3, 32, 100, 128, 4096}) {
    for (int64_t size = 1; size < 40000; size = size * 5 / 4 + 1) {
      const UnitPlan plan = PlanUnits(rows, size);
      if (plan.way == Way::kTwoPasses) continue;
      const int64_t vectors = rows == 1 ? CeilDiv(size, UnitPlan::kVector)
                                        : rows << plan.log2_row_vectors;
      EXPECT_GE(int64_t{plan.team} * plan.vectors, vectors);
      EXPECT_GE(int64_t{8} << plan.log2_row_vectors, size);
      EXPECT_LE(plan.team, plan.way == Way::kLanes ? 32 : 1024);
    }
  }
}

// Each unit has one team, whose threads are neighbours.
TEST(UnitTilesTest, TilesCoverTheUnitsOnce) {
  for (const int64_t bands : {1, 7, 33}) {
    for (const int64_t columns : {1, 3, 16, 56, 57}) {
      for (const int team : {1, 8, 32}) {
        const UnitTiles tiles(bands, columns, team);
        std::vector<int> threads(static_cast<size_t>(bands * columns));
        for (int64_t tile = 0; tile < tiles.num_tiles(); ++tile) {
          for (int thread = 0; thread < UnitTiles::kThreads; ++thread) {
            const auto unit = tiles.At(tile, thread);
            if (!unit.exists) continue;
            ++threads[static_cast<size_t>(unit.band * columns + unit.column)];
            const auto first = tiles.At(tile, thread / team * team);
            EXPECT_EQ(unit.band, first.band);
            EXPECT_EQ(unit.column, first.column);
          }
        }
        for (const int n : threads) EXPECT_EQ(n, team);
      }
    }
  }
}

TEST(UnitTilesTest, FewTeamsAreIdle) {
  // DeepSeek-V3: 56 groups of a row.
  const UnitTiles tiles(4096, 56, 8);
  EXPECT_EQ(tiles.num_tiles() * UnitTiles::kThreads, 4096 * 56 * 8);
}

}  // namespace
}  // namespace tilework
