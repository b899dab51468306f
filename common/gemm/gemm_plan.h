// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How a host matrix product is cut into tasks and blocks: a pure function of
// its shape. The cut never changes a result (see gemm.h), only the speed.

#ifndef TILEWORK_COMMON_GEMM_GEMM_PLAN_H_
#define TILEWORK_COMMON_GEMM_GEMM_PLAN_H_

#include <cstdint>
#include <string>

namespace tilework {

struct GemmShape {
  int64_t m = 0, n = 0, k = 0;
  int64_t num_b = 1;            // right operands
  int64_t column_multiple = 1;  // as in GemmArgs
  bool packed = true;           // whether all right operands are packed
  bool expanded = false;        // whether codes or blocks need k_block cut
};

// A task is one tile of rows x columns, all of K. Inside it, K is cut into
// blocks, so that a block of one panel stays in the L1 cache while all rows
// pass by.
struct GemmPlan {
  int64_t tile_rows = 0;
  int64_t tile_panels = 0;  // columns, in panels of PackedMatrix::kPanelCols
  int64_t k_block = 0;      // even
  int64_t row_tiles = 0;
  int64_t col_tiles = 0;

  int64_t num_tasks() const { return row_tiles * col_tiles; }
  // "96 rows x 8 panels, k 512, 6 x 4 tasks"
  std::string ToString() const;
};

GemmPlan PlanGemm(const GemmShape& shape);

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_GEMM_PLAN_H_
