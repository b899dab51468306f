// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The layout of PackedMatrix, made from a plain matrix piece by piece.

#ifndef TILEWORK_COMMON_GEMM_PACK_H_
#define TILEWORK_COMMON_GEMM_PACK_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// How many rows lie interleaved in a packed panel of T.
template <typename T>
inline constexpr int64_t kPackedRowGroup = std::is_same_v<T, BFloat16> ? 2 : 1;

// Packs rows [row, row + rows) of the panel of columns that begins at column
// `col` into `to`: rows * kPanelCols elements, or one row more if rows is odd
// and T is packed in pairs. `row` must be even then.
template <typename T>
void PackPanelRows(const ConstTensor& matrix, int64_t row, int64_t rows,
                   int64_t col, T* to) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  constexpr int64_t kGroup = kPackedRowGroup<T>;
  const int64_t cols = std::min(kCols, matrix.shape()[1] - col);
  const int64_t row_stride = matrix.stride(0);
  const int64_t col_stride = matrix.stride(1);
  const T* from = matrix.At<T>(row, col);
  const T zero(0.0f);
  // Squares of 32 x 32 elements, so that both sides stay in the L1 cache when
  // the columns are contiguous.
  for (int64_t k = 0; k < rows; k += kCols) {
    const int64_t end = std::min(rows, k + kCols);
    for (int64_t c = 0; c < cols; ++c) {
      const T* column = from + c * col_stride;
      for (int64_t i = k; i < end; ++i) {
        to[i / kGroup * kGroup * kCols + c * kGroup + i % kGroup] =
            column[i * row_stride];
      }
    }
  }
  const int64_t padded = (rows + kGroup - 1) / kGroup * kGroup;
  for (int64_t i = 0; i < padded; ++i) {
    for (int64_t c = i < rows ? cols : 0; c < kCols; ++c) {
      to[i / kGroup * kGroup * kCols + c * kGroup + i % kGroup] = zero;
    }
  }
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_PACK_H_
