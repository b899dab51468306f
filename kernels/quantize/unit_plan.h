// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Which threads of a device work on which units of a scale. By shape alone;
// nothing here knows of CUDA.

#ifndef TILEWORK_KERNELS_QUANTIZE_UNIT_PLAN_H_
#define TILEWORK_KERNELS_QUANTIZE_UNIT_PLAN_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/tile_range.h"
#include "tilework/kernels/quantize/boxes.h"

namespace tilework {

// A unit is cut into vectors of 8 elements of a row. Its threads, a team, hold
// all of it in registers if it is not too large, so that it is read once.
struct UnitPlan {
  enum class Way : uint8_t {
    kLanes,      // some lanes of a warp: up to 2048 elements
    kBlock,      // a block: up to 32 Ki
    kTwoPasses,  // many blocks find the largest magnitude, then convert
  };
  static constexpr int kVector = 8;
  // Vectors of a thread, at most.
  static constexpr int kFewVectors = 4;
  static constexpr int kManyVectors = 8;   // of a warp
  static constexpr int kBlockVectors = 4;  // of a block
  static constexpr int kWarp = 32;
  static constexpr int kMostThreads = 1024;

  Way way = Way::kLanes;
  // Of a unit; of kLanes a power of two.
  int team = 1;
  int vectors = kFewVectors;
  // Vectors of a row of a unit of several rows: a power of two of them, of
  // which some may not exist.
  int log2_row_vectors = 0;

  friend constexpr bool operator==(const UnitPlan&, const UnitPlan&) = default;
};

constexpr UnitPlan PlanUnits(int64_t unit_rows, int64_t unit_size) {
  UnitPlan plan;
  const int64_t row_vectors = CeilDiv(unit_size, UnitPlan::kVector);
  const auto padded = std::bit_ceil(static_cast<uint64_t>(row_vectors));
  plan.log2_row_vectors = std::countr_zero(padded);
  const int64_t most = UnitPlan::kMostThreads * UnitPlan::kBlockVectors;
  int64_t vectors = row_vectors;
  if (unit_rows > 1) {
    vectors = unit_rows <= most && row_vectors <= most
                  ? unit_rows << plan.log2_row_vectors
                  : most + 1;
  }
  if (vectors > most) {
    plan.way = UnitPlan::Way::kTwoPasses;
    return plan;
  }
  if (vectors > UnitPlan::kWarp * UnitPlan::kManyVectors) {
    plan.way = UnitPlan::Way::kBlock;
    plan.vectors = UnitPlan::kBlockVectors;
    plan.team = static_cast<int>(
        RoundUp(CeilDiv(vectors, plan.vectors), UnitPlan::kWarp));
    return plan;
  }
  if (vectors > UnitPlan::kWarp * UnitPlan::kFewVectors) {
    plan.vectors = UnitPlan::kManyVectors;
  }
  plan.team = vectors > UnitPlan::kWarp * UnitPlan::kFewVectors
                  ? UnitPlan::kWarp
                  : static_cast<int>(std::bit_ceil(static_cast<uint64_t>(
                        CeilDiv(vectors, UnitPlan::kFewVectors))));
  return plan;
}

// How the teams of blocks of kThreads threads lie over the units of kLanes.
class UnitTiles {
 public:
  static constexpr int kThreads = 256;

  constexpr UnitTiles(int64_t bands, int64_t columns, int team)
      : bands_(bands),
        columns_(columns),
        log2_team_(std::countr_zero(static_cast<unsigned>(team))) {
    // The widest tile of which at most an eighth is beyond the last column, or
    // else the one with the least beyond it.
    int64_t least = -1;
    for (int width = kThreads >> log2_team_; width >= 1; width /= 2) {
      const int64_t beyond = RoundUp(columns, width) - columns;
      const bool good = beyond <= columns / 8;
      if (!good && least >= 0 && beyond >= least) continue;
      least = beyond;
      log2_width_ = std::countr_zero(static_cast<unsigned>(width));
      if (good) break;
    }
    column_tiles_ = Divisor(CeilDiv(columns, int64_t{1} << log2_width_));
    band_tiles_ = CeilDiv(bands, int64_t{1} << Log2Height());
  }

  constexpr int64_t num_tiles() const {
    return column_tiles_.value() * band_tiles_;
  }

  struct Unit {
    int64_t band;
    int64_t column;
    bool exists;
  };
  // The unit of a thread.
  constexpr Unit At(int64_t tile, int thread) const {
    const int64_t band_tile = column_tiles_.Quotient(tile);
    const int64_t column_tile = tile - band_tile * column_tiles_.value();
    const int team = thread >> log2_team_;
    const int64_t band = (band_tile << Log2Height()) + (team >> log2_width_);
    const int64_t column =
        (column_tile << log2_width_) + (team & ((1 << log2_width_) - 1));
    return {band, column, band < bands_ && column < columns_};
  }

 private:
  // Of the bands of a tile.
  constexpr int Log2Height() const {
    return std::countr_zero(static_cast<unsigned>(kThreads)) - log2_team_ -
           log2_width_;
  }

  int64_t bands_;
  int64_t columns_;
  int log2_team_;
  int log2_width_ = 0;  // columns of a tile
  Divisor column_tiles_;
  int64_t band_tiles_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_UNIT_PLAN_H_
