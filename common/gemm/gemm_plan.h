// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How a host matrix product is cut into tasks and blocks: a pure function of
// its shape. The cut never changes a result (see gemm.h), only the speed.

#ifndef TILEWORK_COMMON_GEMM_GEMM_PLAN_H_
#define TILEWORK_COMMON_GEMM_GEMM_PLAN_H_

#include <algorithm>
#include <cstdint>
#include <string>

namespace tilework {

struct GemmShape {
  int64_t m = 0, n = 0, k = 0;
  int64_t num_b = 1;            // right operands
  int64_t column_multiple = 1;  // as in GemmArgs
  bool packed = true;           // whether all right operands are packed
  bool expanded = false;        // whether codes or blocks need k_block cut
  bool column_major = false;    // whether plain ones lie column by column
  int64_t element_bytes = 2;    // of right operands as they are multiplied
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

// The most rows of a group of a product with `rows` rows, where micro-kernels
// take up to `most`.
int64_t MostGroupRows(int64_t rows, int64_t most);

// The rows of a product in groups of at most `most`, as equal as can be: a
// micro-kernel takes one of them.
class RowGroups {
 public:
  RowGroups(int64_t rows, int64_t most)
      : count_((rows + most - 1) / most),
        size_(rows / std::max<int64_t>(count_, 1)),
        larger_(rows - size_ * count_) {}

  int64_t count() const { return count_; }
  // Of the largest group.
  int64_t most_rows() const { return size_ + (larger_ > 0 ? 1 : 0); }
  int64_t FirstRow(int64_t group) const {
    return group * size_ + std::min(group, larger_);
  }
  // The group that begins at `row`, or count() at their end.
  int64_t GroupOf(int64_t row) const {
    const int64_t in_larger = larger_ * (size_ + 1);
    return row <= in_larger ? row / (size_ + 1)
                            : larger_ + (row - in_larger) / size_;
  }
  // How many rows the group has that begins at `row`.
  int64_t RowsFrom(int64_t row) const {
    return size_ + (row < larger_ * (size_ + 1) ? 1 : 0);
  }

 private:
  int64_t count_;
  int64_t size_;
  int64_t larger_;  // the first groups have one row more
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_GEMM_PLAN_H_
