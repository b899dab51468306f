// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tiling/row_tiles.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace tilework {
namespace {

using Place = RowTiles::Place;

// 1. Each element belongs to one thread's vector, and to one only.
// 2. Vectors begin at multiples of kVector.
TEST(RowTilesTest, TilesCoverTheMatrixOnce) {
  for (const int64_t rows : {1, 2, 3, 31, 300}) {
    for (const int64_t size :
         {1, 7, 8, 9, 63, 64, 100, 255, 1001, 2880, 5120, 8192, 20000}) {
      for (const int min_width : {1, 4}) {
        const RowTiles tiles(rows, size, min_width);
        std::vector<int> times(static_cast<size_t>(rows * size));
        for (int64_t tile = 0; tile < tiles.num_tiles(); ++tile) {
          for (int thread = 0; thread < RowTiles::kThreads; ++thread) {
            for (int slot = 0; slot < RowTiles::kSlots; ++slot) {
              const Place place = tiles.At(tile, thread, slot);
              ASSERT_EQ(place.column % RowTiles::kVector, 0);
              for (int i = 0; i < place.count; ++i) {
                ++times[static_cast<size_t>(place.row * size + place.column +
                                            i)];
              }
            }
          }
        }
        for (const int n : times) ASSERT_EQ(n, 1) << rows << " x " << size;
      }
    }
  }
}

// A walk meets the tiles of its steps, in order, and says which are full.
TEST(RowTilesTest, WalksMeetTheirTiles) {
  for (const auto& [rows, size] : std::initializer_list<std::pair<int, int>>{
           {1, 100000}, {300, 77}, {37, 5120}, {2000, 4096}}) {
    const RowTiles tiles(rows, size);
    for (const int64_t step : {1, 2, 7, 1000}) {
      for (const int64_t first : {int64_t{0}, step - 1}) {
        int64_t tile = first;
        for (RowTiles::Walk walk(tiles, first, step, 200); !walk.Done();
             walk.Next()) {
          int64_t whole = 0;
          for (int thread = 0; thread < RowTiles::kThreads; ++thread) {
            for (int slot = 0; slot < tiles.slots(); ++slot) {
              const Place place = tiles.At(tile, thread, slot);
              whole += place.count == RowTiles::kVector;
              if (thread != 200) continue;
              ASSERT_EQ(walk.At(slot), place);
            }
          }
          ASSERT_EQ(walk.Full(),
                    whole == RowTiles::kThreads * int64_t{tiles.slots()});
          tile += step;
        }
        EXPECT_GE(tile, tiles.num_tiles());
        EXPECT_LT(tile - step, tiles.num_tiles());
      }
    }
  }
}

TEST(RowTilesTest, NeighboursAreInNeighbouringThreads) {
  const RowTiles wide(1, 1 << 20);
  EXPECT_EQ(wide.At(0, 1, 0), (Place{0, 8, 8}));
  EXPECT_EQ(wide.At(0, 255, 0), (Place{0, 2040, 8}));
  const RowTiles narrow(1000, 64);
  EXPECT_EQ(narrow.At(0, 7, 0), (Place{0, 56, 8}));
  EXPECT_EQ(narrow.At(0, 8, 0), (Place{1, 0, 8}));
}

TEST(RowTilesTest, LargeMatricesHaveSeveralVectorsAThread) {
  EXPECT_EQ(RowTiles(1, 1 << 20).slots(), 1);
  const RowTiles large(1, 1 << 23);
  EXPECT_EQ(large.slots(), RowTiles::kSlots);
  EXPECT_EQ(large.At(0, 1, 1), (Place{0, 2048 + 8, 8}));
  // Across rows where a row has no more.
  EXPECT_EQ(RowTiles(4096, 2048).At(0, 1, 1), (Place{1, 8, 8}));
}

TEST(RowTilesTest, FewThreadsAreIdle) {
  for (const int64_t size : {2880, 4096, 5120, 7168, 8192, 16384}) {
    const RowTiles tiles(4096, size);
    const int64_t threads =
        tiles.num_tiles() * RowTiles::kThreads * tiles.slots();
    EXPECT_LE(threads * RowTiles::kVector, 4096 * size * 9 / 8) << size;
  }
}

TEST(RowTilesTest, ThreadsOfARowAreAtLeastSoMany) {
  const RowTiles tiles(100, 5, 4);
  EXPECT_EQ(tiles.At(0, 3, 0).row, 0);
  EXPECT_EQ(tiles.At(0, 4, 0).row, 1);
}

}  // namespace
}  // namespace tilework
