// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/gemm_plan.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "tilework/common/gemm/matrix.h"

namespace tilework {
namespace {

constexpr int64_t kCols = PackedMatrix::kPanelCols;

// Rows and bytes of a block of one panel that stays in the L1 cache, beside the
// rows that pass by.
constexpr int64_t kBlockBytes = int64_t{32} << 10;
// Products of so few rows are bound by reading the right operand.
constexpr int64_t kFewRows = 64;
// So many pass by a panel at once: a packed one need not be cut.
constexpr int64_t kRowsAtOnce = 12;
// Up to so many rows the groups have this size, so that two panels fit in the
// registers (see micro-inl.h).
constexpr int64_t kRowsInThrees = 18;
constexpr int64_t kSmallGroup = 6;
// The f32 tile of a task, all operands together.
constexpr int64_t kTileBytes = int64_t{512} << 10;
// Below this many tasks, tiles are made smaller, so that threads share them
// evenly, but not below this many multiplications.
constexpr int64_t kEnoughTasks = 48;
constexpr int64_t kLeastWork = int64_t{8} << 20;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Rows of the right operand that are worked on at a time.
int64_t BlockRows(const GemmShape& shape) {
  const int64_t whole = std::max<int64_t>(CeilDiv(shape.k, 2) * 2, 2);
  const int64_t fitting = kBlockBytes / (kCols * shape.element_bytes);
  if (shape.packed) {
    if (!shape.expanded && shape.m <= kRowsAtOnce) return whole;
    // Two panels at a time.
    return shape.m <= kRowsInThrees ? fitting / 2 : fitting;
  }
  // Of a plain matrix a block of all panels of a tile is packed at a time: long
  // parts of its rows or columns.
  if (shape.m <= kFewRows && !shape.column_major) return fitting / 4;
  return fitting;
}

// How many panels a tile may have.
int64_t MostPanels(const GemmShape& shape) {
  if (shape.packed || shape.m > kFewRows || shape.column_major) {
    return 8 / shape.num_b;
  }
  return 32 / shape.num_b;
}

}  // namespace

std::string GemmPlan::ToString() const {
  return absl::StrCat(tile_rows, " rows x ", tile_panels, " panels, k ",
                      k_block, ", ", row_tiles, " x ", col_tiles, " tasks");
}

int64_t MostGroupRows(int64_t rows, int64_t most) {
  return rows > kRowsAtOnce && rows <= kRowsInThrees
             ? std::min(most, kSmallGroup)
             : most;
}

GemmPlan PlanGemm(const GemmShape& shape) {
  GemmPlan plan;
  plan.k_block = BlockRows(shape);
  const int64_t panels = CeilDiv(shape.n, kCols);
  if (shape.m == 0 || panels == 0) return plan;
  // The fewest panels that end at a multiple of column_multiple.
  const int64_t unit =
      std::min(panels, std::lcm(kCols, shape.column_multiple) / kCols);
  const int64_t panel_bytes = kCols * shape.num_b * int64_t{sizeof(float)};

  // Rows: as many as keep the tile small. Plain matrices are packed once for
  // each row tile, hence more rows there.
  const int64_t most_rows = shape.packed ? 192 : 768;
  plan.tile_panels =
      std::max(unit, std::min(MostPanels(shape), panels) / unit * unit);
  const auto fits = [&] {
    return plan.tile_rows * plan.tile_panels * panel_bytes <= kTileBytes;
  };
  plan.tile_rows = std::min(shape.m, most_rows);
  while (!fits() && plan.tile_rows > 24) {
    plan.tile_rows = std::max<int64_t>(24, plan.tile_rows / 2 / 12 * 12);
  }
  while (!fits() && plan.tile_rows > 1) plan.tile_rows /= 2;

  const auto tasks = [&] {
    plan.row_tiles = CeilDiv(shape.m, plan.tile_rows);
    plan.col_tiles = CeilDiv(panels, plan.tile_panels);
    return plan.num_tasks();
  };
  const auto too_large = [&] {
    return tasks() < kEnoughTasks &&
           plan.tile_rows * plan.tile_panels * kCols * shape.num_b * shape.k >=
               2 * kLeastWork;
  };
  // Plain ones are packed once for each row tile: many rows share the cost.
  const int64_t least_rows = shape.packed ? 96 : 384;
  while (too_large() && plan.tile_rows >= 2 * least_rows) {
    plan.tile_rows = plan.tile_rows / 2 / 12 * 12;
  }
  while (too_large() && plan.tile_panels % (2 * unit) == 0 &&
         plan.tile_panels > 4) {
    plan.tile_panels /= 2;
  }
  // Few rows: threads share the columns, however little work they are.
  while (shape.m <= kFewRows && tasks() < kEnoughTasks &&
         plan.tile_panels % (2 * unit) == 0 &&
         plan.tile_panels > (shape.packed ? 1 : 8)) {
    plan.tile_panels /= 2;
  }
  tasks();
  return plan;
}

}  // namespace tilework
