// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The layout of PackedMatrix, made from a plain matrix piece by piece.

#ifndef TILEWORK_COMMON_GEMM_PACK_H_
#define TILEWORK_COMMON_GEMM_PACK_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// How many rows lie interleaved in a packed panel of T.
template <typename T>
inline constexpr int64_t kPackedRowGroup = std::is_same_v<T, BFloat16> ? 2 : 1;

// Elements of `rows` rows of a packed panel.
template <typename T>
constexpr int64_t PackedPanelSize(int64_t rows) {
  return (rows + kPackedRowGroup<T> - 1) / kPackedRowGroup<T> *
         kPackedRowGroup<T> * PackedMatrix::kPanelCols;
}

namespace pack_internal {

// Two rows, interleaved; as 32-bit words, which compilers vectorize.
template <int64_t kRowStride, int64_t kColStride>
void PackPair(const BFloat16* __restrict from, int64_t row_stride,
              int64_t col_stride, BFloat16* __restrict to) {
  const int64_t rows = kRowStride != 0 ? kRowStride : row_stride;
  const int64_t cols = kColStride != 0 ? kColStride : col_stride;
  for (int64_t c = 0; c < PackedMatrix::kPanelCols; ++c) {
    const uint32_t low = from[c * cols].bits;
    const uint32_t high = from[c * cols + rows].bits;
    const uint32_t pair = low | high << 16;
    std::memcpy(to + 2 * c, &pair, sizeof(pair));
  }
}

}  // namespace pack_internal

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
  int64_t i = 0;
  if (cols == kCols) {
    for (; i + kGroup <= rows; i += kGroup) {
      const T* source = from + i * row_stride;
      if constexpr (kGroup == 2) {
        if (col_stride == 1) {
          pack_internal::PackPair<0, 1>(source, row_stride, 1, to + i * kCols);
        } else if (row_stride == 1) {
          pack_internal::PackPair<1, 0>(source, 1, col_stride, to + i * kCols);
        } else {
          pack_internal::PackPair<0, 0>(source, row_stride, col_stride,
                                        to + i * kCols);
        }
      } else if (col_stride == 1) {
        std::copy_n(source, kCols, to + i * kCols);
      } else {
        for (int64_t c = 0; c < kCols; ++c) {
          to[i * kCols + c] = source[c * col_stride];
        }
      }
    }
  }
  // The last columns, or the last row of an odd number.
  for (; i < rows; i += kGroup) {
    for (int64_t c = 0; c < kCols; ++c) {
      for (int64_t j = 0; j < kGroup; ++j) {
        to[i * kCols + c * kGroup + j] =
            c < cols && i + j < rows
                ? from[(i + j) * row_stride + c * col_stride]
                : T(0.0f);
      }
    }
  }
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_PACK_H_
