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

  // Indices of batch, token and head.
  using Index = std::array<int64_t, 3>;

  explicit ColumnPlan(const RopeArgs& args) : args_(args) {
    const auto stride_of = [&](size_t i) {
      // Without neighbours a dimension's stride means nothing.
      return Size(i) == 1 ? 0 : args.x_in.stride(static_cast<int>(i));
    };
    std::sort(order_.begin(), order_.end(),
              [&](size_t i, size_t j) { return stride_of(i) < stride_of(j); });
    int64_t inner = 1;  // columns of the innermost dimension
    bool adjacent = true;
    for (const size_t i : order_) {
      total_ *= Size(i);
      if (Size(i) == 1) continue;
      adjacent = adjacent && run_ < kTileSize &&
                 args.x_in.stride(static_cast<int>(i)) == run_ &&
                 args.x_out.stride(static_cast<int>(i)) == run_;
      if (!adjacent) continue;
      if (run_ == 1) inner = Size(i);
      run_ *= Size(i);
    }
    // Whole inner dimensions, or parts of one: where those are the tokens, many
    // tiles share their cosines and sines.
    tile_ = inner >= kTileSize ? kTileSize
                               : std::min(run_, kTileSize / inner * inner);
    tiles_per_run_ = (run_ + tile_ - 1) / tile_;
  }

  int64_t run() const { return run_; }
  int64_t tile() const { return tile_; }
  int64_t num_tiles() const { return total_ / run_ * tiles_per_run_; }

  struct Tile {
    Index first;
    int64_t count;
  };
  // The same tile of all runs comes first, then the next of all.
  Tile At(int64_t tile) const {
    const int64_t num_runs = total_ / run_;
    const int64_t begin = tile / num_runs * tile_;
    Tile result = {.first = {}, .count = std::min(tile_, run_ - begin)};
    int64_t rest = tile % num_runs * run_ + begin;
    for (const size_t i : order_) {
      result.first[i] = rest % Size(i);
      rest /= Size(i);
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

  const RopeArgs& args_;
  std::array<size_t, 3> order_ = {0, 1, 2};  // innermost first
  int64_t total_ = 1;
  int64_t run_ = 1;
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
        keys_(reinterpret_cast<RowKey*>(scratch)),
        rows_(scratch + kHeader),
        cos_(rows_ + 2 * source.width()),
        sin_(cos_ + source.width() * kStride) {}

  // Before the first tile.
  void Clear() { std::fill_n(keys_, kTileSize, RowKey{-1, -1}); }

  const float* cos(int64_t column) const { return cos_ + column * kStride; }
  const float* sin(int64_t column) const { return sin_ + column * kStride; }

  void Load(const ColumnPlan& plan, const ColumnPlan::Tile& tile) {
    ColumnPlan::Index index = tile.first;
    for (int64_t begin = 0; begin < tile.count;) {
      const RowKey key = source_.Key(index[0], index[1]);
      // Neighbours that are heads of one token.
      int64_t end = begin;
      bool known = true;
      do {
        known = known && keys_[end] == key;
        keys_[end++] = key;
        plan.Advance(index);
      } while (end < tile.count && source_.Key(index[0], index[1]) == key);
      if (!known) Fill(key, begin, end);
      begin = end;
    }
  }

 private:
  static constexpr int64_t kTileSize = ColumnPlan::kTileSize;
  // Not a power of two, so that a column is not all in one set of the cache.
  static constexpr int64_t kStride = kTileSize + 16;
  // Of the keys.
  static constexpr int64_t kHeader =
      kTileSize * static_cast<int64_t>(sizeof(RowKey) / sizeof(float));

  void Fill(const RowKey& key, int64_t begin, int64_t end) {
    const TableRows rows = source_.Load(key, rows_);
    FillColumns(rows.cos, begin, end, cos_);
    FillColumns(rows.sin, begin, end, sin_);
  }

  void FillColumns(const float* row, int64_t begin, int64_t end,
                   float* table) const {
    for (int64_t i = 0; i < source_.width(); ++i) {
      float* to = table + i * kStride;
      for (int64_t c = begin; c < end; ++c) to[c] = row[i];
    }
  }

  const RowSource& source_;
  RowKey* keys_;
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
