// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotation of tensors like [D, B, N, S] in memory, where not the elements of a
// head but those of many heads are adjacent. A vector then holds one element of
// many heads, which are called columns here. Include after hwy/highway.h inside
// a foreach_target file.

#if defined(TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_
#undef TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_
#else
#define TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/simd/rotate-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/stream-inl.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/table_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

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

// The cosines and sines of a tile's columns, transposed: one row of columns for
// each column of the tables. Kept by a thread from tile to tile.
class ColumnTables {
 public:
  // f32 values of memory.
  static int64_t ScratchSize(int64_t width) {
    return kHeader + 2 * width * (kStride + 1);
  }

  ColumnTables(const RowSource& source, float* scratch)
      : source_(source),
        loaded_(*reinterpret_cast<Loaded*>(scratch)),
        rows_(scratch + kHeader),
        cos_(rows_ + 2 * source.width()),
        sin_(cos_ + source.width() * kStride) {}

  // Before the first tile.
  void Clear() { loaded_ = {.tables = {}, .count = 0}; }

  const float* cos(int64_t column) const { return cos_ + column * kStride; }
  const float* sin(int64_t column) const { return sin_ + column * kStride; }

  void Load(const ColumnPlan& plan, const ColumnPlan::Tile& tile) {
    if (loaded_.tables == tile.tables && loaded_.count >= tile.count) return;
    loaded_ = {.tables = tile.tables, .count = tile.count};
    ColumnPlan::Index index = tile.first;
    for (int64_t begin = 0; begin < tile.count;) {
      const RowKey key = source_.Key(index[0], index[1]);
      // Neighbours that are heads of one token.
      int64_t end = begin;
      do {
        plan.Advance(index);
        ++end;
      } while (end < tile.count && source_.Key(index[0], index[1]) == key);
      const TableRows rows = source_.Load(key, rows_);
      Fill(rows.cos, begin, end, cos_);
      Fill(rows.sin, begin, end, sin_);
      begin = end;
    }
  }

 private:
  struct Loaded {
    ColumnPlan::TablesId tables;
    int64_t count;
  };
  // In f32 values, a whole cache line.
  static constexpr int64_t kHeader = 16;
  static_assert(sizeof(Loaded) <= kHeader * sizeof(float));
  // Not a power of two, so that a column is not all in one set of the cache.
  static constexpr int64_t kStride = ColumnPlan::kTileSize + 16;

  void Fill(const float* row, int64_t begin, int64_t end, float* table) const {
    const int64_t width = source_.width();
    if (end - begin == 1) {
      for (int64_t i = 0; i < width; ++i) table[i * kStride + begin] = row[i];
      return;
    }
    for (int64_t i = 0; i < width; ++i) {
      std::fill(table + i * kStride + begin, table + i * kStride + end, row[i]);
    }
  }

  const RowSource& source_;
  Loaded& loaded_;
  float* rows_;
  float* cos_;
  float* sin_;
};

// x_in and x_out are of type T; the layout may change unless they are the same.
template <typename T>
class ColumnRotator {
 public:
  ColumnRotator(const RopeArgs& args, const ColumnPlan& plan,
                const RowSource& source)
      : args_(args),
        plan_(plan),
        source_(source),
        rotation_(RotationOf(args)),
        in_place_(args.x_in.data() == args.x_out.data()),
        stream_(!in_place_ && args.x_out.NumBytes() >= kStreamBytes) {}

  void Rotate(const ColumnPlan::Tile& tile, float* scratch) const {
    ColumnTables tables(source_, scratch);
    tables.Load(plan_, tile);
    const auto& [b, s, n] = tile.first;
    const T* x = args_.x_in.At<T>(b, s, n);
    T* y = args_.x_out.At<T>(b, s, n);
    if (!in_place_) {
      CopyRows(x, 0, args_.rotary_offset, tile.count, y);
      CopyRows(x, args_.rotary_offset + rotation_.rotary_dim, args_.x_in.dim(3),
               tile.count, y);
    }
    for (int64_t i = 0; i < rotation_.rotary_dim / 2; ++i) {
      RotatePair(tables, i, x, tile.count, y);
    }
    if (stream_) hwy::FlushStream();
  }

 private:
  // The members' elements of pair i in a row of `contiguous` layout, or not.
  Members<int64_t> PlacesOf(int64_t i, bool contiguous) const {
    if (contiguous) return {i, rotation_.rotary_dim / 2 + i};
    return {2 * i, 2 * i + 1};
  }

  void RotatePair(const ColumnTables& tables, int64_t i, const T* x,
                  int64_t count, T* y) const {
    const bool contiguous = rotation_.contiguous_layout;
    const Members<int64_t> from = PlacesOf(i, contiguous);
    const Members<int64_t> to =
        PlacesOf(i, contiguous != rotation_.changes_layout);
    const Members<int64_t> columns =
        rotation_.table_width == rotation_.rotary_dim ? from
                                                      : Members<int64_t>{i, i};
    const Members<const T*> in = {InRow(x, from.a), InRow(x, from.b)};
    const Members<T*> out = {OutRow(y, to.a), OutRow(y, to.b)};
    HWY_ALIGN T staged[2][ColumnPlan::kTileSize];
    const Members<T*> target =
        stream_ ? Members<T*>{staged[0], staged[1]} : out;
    RotateRows<T, T>(count, rotation_.inverse,
                     {tables.cos(columns.a), tables.cos(columns.b)},
                     {tables.sin(columns.a), tables.sin(columns.b)}, in,
                     target);
    if (!stream_) return;
    StreamRow(staged[0], count, out.a);
    StreamRow(staged[1], count, out.b);
  }

  // Row i of the rotated ones.
  const T* InRow(const T* x, int64_t i) const {
    return x + (args_.rotary_offset + i) * args_.x_in.stride(3);
  }
  T* OutRow(T* y, int64_t i) const {
    return y + (args_.rotary_offset + i) * args_.x_out.stride(3);
  }

  // Rows [begin, end) of all.
  void CopyRows(const T* x, int64_t begin, int64_t end, int64_t count,
                T* y) const {
    for (int64_t i = begin; i < end; ++i) {
      const T* from = x + i * args_.x_in.stride(3);
      T* to = y + i * args_.x_out.stride(3);
      if (stream_) {
        StreamRow(from, count, to);
      } else {
        std::memcpy(to, from, static_cast<size_t>(count) * sizeof(T));
      }
    }
  }

  const RopeArgs& args_;
  const ColumnPlan& plan_;
  const RowSource& source_;
  Rotation rotation_;
  bool in_place_;
  bool stream_;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_ROPE_ROTATE_COLUMNS_INL_H_
