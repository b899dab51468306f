// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How the threads of blocks lie over a matrix of which each element is worked
// on by itself.

#ifndef TILEWORK_COMMON_TILING_ROW_TILES_H_
#define TILEWORK_COMMON_TILING_ROW_TILES_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "tilework/common/tiling/divisor.h"
#include "tilework/common/tiling/tile_range.h"

namespace tilework {

// A matrix of `rows` x `size` elements, both > 0, in tiles. A thread has kSlots
// vectors of kVector elements of a tile, so that several loads are under way; a
// small matrix is cut into more tiles, in which it has one. By shape alone;
// used on host and device.
class RowTiles {
 public:
  static constexpr int kThreads = 256;
  static constexpr int kSlots = 2;  // or 1
  static constexpr int kVector = 8;

  // A vector of a thread: its place, and how many of its elements there are.
  struct Place {
    int64_t row = 0;
    int64_t column = 0;
    int count = 0;

    friend constexpr bool operator==(const Place&, const Place&) = default;
  };

  // At least `min_width` adjacent threads, a power of two, lie along a row.
  constexpr RowTiles(int64_t rows, int64_t size, int min_width = 1)
      : rows_(rows), size_(size) {
    const int64_t vectors = CeilDiv(size, kVector);
    if (rows * vectors >= kManyVectors) slots_ = kSlots;
    Choose(vectors, min_width);
    column_tiles_ =
        Divisor(CeilDiv(vectors, (int64_t{1} << log2_width_) * row_slots_));
    row_tiles_ = CeilDiv(rows, tile_rows());
  }

  constexpr int64_t num_tiles() const {
    return column_tiles_.value() * row_tiles_;
  }
  // Slots of a thread that are used.
  constexpr int slots() const { return slots_; }

  // A thread's way through tiles `first`, `first` + `step` and so on.
  class Walk {
   public:
    constexpr Walk(const RowTiles& tiles, int64_t first, int64_t step,
                   int thread)
        : tiles_(tiles),
          row_tile_(tiles.column_tiles_.Quotient(first)),
          column_tile_(first - row_tile_ * tiles.column_tiles_.value()),
          row_step_(tiles.column_tiles_.Quotient(step)),
          column_step_(step - row_step_ * tiles.column_tiles_.value()),
          x_(thread & (tiles.width() - 1)),
          y_(thread >> tiles.log2_width_) {}

    constexpr bool Done() const { return row_tile_ >= tiles_.row_tiles_; }
    // Without a division.
    constexpr void Next() {
      row_tile_ += row_step_;
      column_tile_ += column_step_;
      if (column_tile_ < tiles_.column_tiles_.value()) return;
      column_tile_ -= tiles_.column_tiles_.value();
      ++row_tile_;
    }

    // Whether all vectors of the tile are whole, of slots() a thread.
    constexpr bool Full() const {
      return (row_tile_ + 1) * tiles_.tile_rows() <= tiles_.rows_ &&
             (column_tile_ + 1) * tiles_.tile_size() <= tiles_.size_;
    }
    constexpr int64_t Row(int slot) const {
      return row_tile_ * tiles_.tile_rows() + y_ + slot * tiles_.row_step();
    }
    constexpr int64_t Column(int slot) const {
      return column_tile_ * tiles_.tile_size() + x_ * kVector +
             slot * tiles_.column_step();
    }
    constexpr Place At(int slot) const {
      Place place = {Row(slot), Column(slot), 0};
      const int64_t left = tiles_.size_ - place.column;
      if (slot < tiles_.slots_ && place.row < tiles_.rows_ && left > 0) {
        place.count = static_cast<int>(std::min<int64_t>(kVector, left));
      }
      return place;
    }

   private:
    const RowTiles& tiles_;
    int64_t row_tile_;
    int64_t column_tile_;
    int64_t row_step_;
    int64_t column_step_;
    int x_;
    int y_;
  };

  constexpr Place At(int64_t tile, int thread, int slot) const {
    return Walk(*this, tile, 1, thread).At(slot);
  }

 private:
  // Enough to give each thread of a GPU several.
  static constexpr int64_t kManyVectors = int64_t{1} << 19;

  // The widest tiles of which at most an eighth is beyond the rows' end, or
  // else those with the least beyond it.
  constexpr void Choose(int64_t vectors, int min_width) {
    int64_t least = -1;
    for (int width = kThreads; width >= min_width; width /= 2) {
      for (int slots = slots_; slots >= 1; slots /= 2) {
        const int64_t beyond =
            RoundUp(vectors, int64_t{width} * slots) - vectors;
        const bool good = beyond <= vectors / 8;
        if (!good && least >= 0 && beyond >= least) continue;
        least = beyond;
        log2_width_ = std::countr_zero(static_cast<unsigned>(width));
        row_slots_ = slots;
        if (good) return;
      }
    }
  }

  constexpr int width() const { return 1 << log2_width_; }
  constexpr int height() const { return kThreads >> log2_width_; }
  // A thread's vectors lie along a row, or else in different rows.
  constexpr int64_t tile_rows() const {
    return int64_t{height()} * (slots_ / row_slots_);
  }
  constexpr int64_t tile_size() const {
    return int64_t{width()} * row_slots_ * kVector;
  }
  constexpr int64_t row_step() const { return row_slots_ == 1 ? height() : 0; }
  constexpr int64_t column_step() const {
    return row_slots_ == 1 ? 0 : width() * kVector;
  }

  int64_t rows_;
  int64_t size_;
  int slots_ = 1;
  int log2_width_ = 0;
  int row_slots_ = 1;  // slots that lie along a row, a power of two
  Divisor column_tiles_;
  int64_t row_tiles_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_TILING_ROW_TILES_H_
