// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_ROPE_COLUMN_TABLES_H_
#define TILEWORK_KERNELS_ROPE_COLUMN_TABLES_H_

#include <algorithm>
#include <cstdint>

#include "tilework/kernels/rope/column_plan.h"
#include "tilework/kernels/rope/row_source.h"

namespace tilework {

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

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_COLUMN_TABLES_H_
