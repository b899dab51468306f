// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tiling/tile_range.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace tilework {
namespace {

static_assert(CeilDiv(0, 3) == 0 && CeilDiv(7, 3) == 3 && CeilDiv(9, 3) == 3);
static_assert(CeilDiv(INT64_MAX, 2) == INT64_MAX / 2 + 1);
static_assert(RoundUp(0, 8) == 0 && RoundUp(9, 8) == 16);

TEST(TileRangeTest, TilesCoverTheExtent) {
  for (int64_t extent = 0; extent < 40; ++extent) {
    for (int64_t tile = 1; tile < 20; ++tile) {
      const int64_t count = CeilDiv(extent, tile);
      int64_t end = 0;
      for (int64_t i = 0; i < count; ++i) {
        const TileRange range = Tile(i, tile, extent);
        // (1) each begins where the one before ends
        EXPECT_EQ(range.begin, end);
        // (2) all but the last are whole, none is empty
        EXPECT_GT(range.size(), 0);
        EXPECT_TRUE(range.size() == tile || i == count - 1);
        end = range.end;
      }
      // (3) the last one ends at the end, (4) beyond there is nothing
      EXPECT_EQ(end, extent);
      EXPECT_EQ(Tile(count, tile, extent), (TileRange{extent, extent}));
    }
  }
}

TEST(TileRangeTest, PartsCoverTheExtent) {
  for (int64_t extent = 0; extent < 40; ++extent) {
    for (int64_t parts = 1; parts < 12; ++parts) {
      for (int64_t unit : {1, 4}) {
        int64_t end = 0;
        for (int64_t i = 0; i < parts; ++i) {
          const TileRange range = Part(i, parts, extent, unit);
          // (1) each begins where the one before ends
          EXPECT_EQ(range.begin, end);
          end = range.end;
          // (2) in whole units but at the end
          EXPECT_TRUE(range.begin % unit == 0 || range.begin == extent);
          // (3) none has two units more than another
          const int64_t units = CeilDiv(range.size(), unit);
          const int64_t all = CeilDiv(extent, unit);
          EXPECT_TRUE(units == all / parts || units == CeilDiv(all, parts));
        }
        // (4) the last one ends at the end
        EXPECT_EQ(end, extent);
      }
    }
  }
}

}  // namespace
}  // namespace tilework
