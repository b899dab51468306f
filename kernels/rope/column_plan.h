// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_ROPE_COLUMN_PLAN_H_
#define TILEWORK_KERNELS_ROPE_COLUMN_PLAN_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/row_source.h"

namespace tilework {

// How the columns of a tensor are cut. They are numbered so that neighbours lie
// side by side, in runs of adjacent ones. A tile is part of a run.
class ColumnPlan {
 public:
  // So many that each row of a tile is worth fetching from memory, and that the
  // tile's cosines and sines stay in the second level of cache.
  static constexpr int64_t kTileSize = 512;

  // Of batch, token and head.
  using Index = std::array<int64_t, 3>;

  // Tiles with equal ones have the same cosines and sines.
  using TablesId = std::array<int64_t, 3>;

  struct Tile {
    Index first;
    int64_t count;
    TablesId tables;
  };

  ColumnPlan(const RopeArgs& args, const RowSource& source)
      : args_(args), matters_({source.by_batch(), true, false}) {
    SortByStride();
    FindRun();
    // The runs that have the same cosines and sines follow one another.
    std::stable_partition(order_.begin() + num_merged_, order_.end(),
                          [&](size_t i) { return !matters_[i]; });
    // Whole inner dimensions, or parts of one: where those are the tokens, all
    // tiles have the same cosines and sines.
    const int64_t inner = InnerSize();
    tile_ = inner >= kTileSize ? kTileSize
                               : std::min(run_, kTileSize / inner * inner);
    tiles_per_run_ = (run_ + tile_ - 1) / tile_;
  }

  int64_t run() const { return run_; }
  int64_t tile() const { return tile_; }
  int64_t num_tiles() const { return num_runs_ * tiles_per_run_; }

  // The same tile of all runs comes first, then the next of all.
  Tile At(int64_t tile) const {
    const int64_t begin = tile / num_runs_ * tile_;
    int64_t rest = tile % num_runs_ * run_ + begin;
    Tile result = {.count = std::min(tile_, run_ - begin)};
    for (const size_t i : order_) {
      result.first[i] = rest % Size(i);
      rest /= Size(i);
    }
    result.tables[2] = begin % period_;
    for (auto outer = order_.begin() + num_merged_; outer != order_.end();
         ++outer) {
      if (matters_[*outer]) result.tables[*outer] = result.first[*outer];
    }
    return result;
  }
  // The next column's.
  void Advance(Index& index) const {
    for (const size_t i : order_) {
      if (++index[i] < Size(i)) return;
      index[i] = 0;
    }
  }

 private:
  int64_t Size(size_t i) const { return args_.x_in.dim(static_cast<int>(i)); }

  // Innermost first. Where there is one index its stride means nothing.
  void SortByStride() {
    const auto stride = [&](size_t i) {
      return Size(i) == 1 ? 0 : args_.x_in.stride(static_cast<int>(i));
    };
    std::sort(order_.begin(), order_.end(),
              [&](size_t i, size_t j) { return stride(i) < stride(j); });
  }

  // Merges adjacent dimensions while a tile could use more.
  void FindRun() {
    for (const size_t i : order_) {
      const int dim = static_cast<int>(i);
      if (Size(i) > 1) {
        if (run_ >= kTileSize || args_.x_in.stride(dim) != run_ ||
            args_.x_out.stride(dim) != run_) {
          break;
        }
        run_ *= Size(i);
        if (matters_[i]) period_ = run_;
      }
      ++num_merged_;
    }
    num_runs_ = Size(0) * Size(1) * Size(2) / run_;
  }

  int64_t InnerSize() const {
    for (int i = 0; i < num_merged_; ++i) {
      const int64_t size = Size(order_[static_cast<size_t>(i)]);
      if (size > 1) return size;
    }
    return 1;
  }

  const RopeArgs& args_;
  std::array<bool, 3> matters_;  // to the cosines and sines
  std::array<size_t, 3> order_ = {0, 1, 2};
  int num_merged_ = 0;  // dimensions of a run
  int64_t run_ = 1;
  int64_t num_runs_ = 1;
  // After so many columns of a run cosines and sines repeat.
  int64_t period_ = 1;
  int64_t tile_ = 1;
  int64_t tiles_per_run_ = 1;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_COLUMN_PLAN_H_
