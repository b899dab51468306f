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

// A block of one panel: 512 * 32 bf16 = 32 KiB. Of a plain matrix, a block of
// all panels of a tile is packed at a time, row by row.
constexpr int64_t kPackedBlockK = 512;
constexpr int64_t kPlainBlockK = 128;
// So few rows pass by a panel at once: K need not be cut.
constexpr int64_t kRowsAtOnce = 12;
// The f32 tile of a task, all operands together.
constexpr int64_t kTileBytes = int64_t{256} << 10;
// Below this many tasks, tiles are made smaller, so that a few threads share
// them evenly.
constexpr int64_t kEnoughTasks = 48;
// The same for plain matrices: several panels side by side are worth more,
// since a row of one panel is a cache line or two.
constexpr int64_t kEnoughPlainTasks = 8;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

std::string GemmPlan::ToString() const {
  return absl::StrCat(tile_rows, " rows x ", tile_panels, " panels, k ",
                      k_block, ", ", row_tiles, " x ", col_tiles, " tasks");
}

GemmPlan PlanGemm(const GemmShape& shape) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  GemmPlan plan;
  plan.k_block = shape.packed ? kPackedBlockK : kPlainBlockK;
  if (shape.packed && !shape.expanded && shape.m <= kRowsAtOnce) {
    plan.k_block = std::max<int64_t>(CeilDiv(shape.k, 2) * 2, 2);
  }
  const int64_t panels = CeilDiv(shape.n, kCols);
  if (shape.m == 0 || panels == 0) return plan;
  // The fewest panels that end at a multiple of column_multiple.
  const int64_t unit =
      std::min(panels, std::lcm(kCols, shape.column_multiple) / kCols);

  // Rows: as many as keep the tile small. Plain matrices are packed once for
  // each row tile, hence more rows there. Multiples of 12 and 8, which are the
  // rows of micro-kernels.
  const int64_t most_rows = shape.packed ? 96 : 384;
  const int64_t fitting =
      kTileBytes / (unit * kCols * shape.num_b * int64_t{sizeof(float)});
  plan.tile_rows = std::min(shape.m, most_rows);
  if (plan.tile_rows > fitting) {
    plan.tile_rows =
        fitting >= 24 ? fitting / 24 * 24 : std::max<int64_t>(fitting, 1);
  }
  plan.row_tiles = CeilDiv(shape.m, plan.tile_rows);

  // Columns: up to 8 panels, so that the rows' block is read from the L2 cache
  // 8 times for once from further away.
  plan.tile_panels = unit;
  const int64_t most_panels = std::max<int64_t>(unit, 8 / shape.num_b);
  const int64_t enough = shape.packed ? kEnoughTasks : kEnoughPlainTasks;
  while (plan.tile_panels * 2 <= most_panels &&
         plan.tile_rows * plan.tile_panels * 2 * kCols * shape.num_b *
                 int64_t{sizeof(float)} <=
             kTileBytes &&
         plan.row_tiles * CeilDiv(panels, plan.tile_panels * 2) >= enough) {
    plan.tile_panels *= 2;
  }
  plan.col_tiles = CeilDiv(panels, plan.tile_panels);
  return plan;
}

}  // namespace tilework
