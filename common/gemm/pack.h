// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The layout of PackedMatrix, made from a plain matrix piece by piece. A panel
// has 32 columns. Its rows follow one another:
//   f32, f16   row by row
//   bf16       in pairs: for each column its two elements
//   8 bits     in pairs, the columns in the order of CodePosition()
//   f4e2m1     in fours: a byte has rows k + j (low) and k + 2 + j, else as the
//              bytes of a pair of 8-bit codes
// Missing rows of the last group are zeros.

#ifndef TILEWORK_COMMON_GEMM_PACK_H_
#define TILEWORK_COMMON_GEMM_PACK_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/codes.h"
#include "tilework/common/gemm/packed_matrix.h"
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

// The byte of column c, row k + j, among the 64 of a pair of rows of codes. So
// that vectors of 64 codes, widened by interleaving each 16 bytes' halves, give
// columns 0 to 15 and 16 to 31 in order.
constexpr int64_t CodePosition(int64_t c, int64_t j) {
  return c % 16 / 4 * 16 + c / 16 * 8 + c % 4 * 2 + j;
}

// How many rows of a panel of codes share 64 bytes.
constexpr int64_t CodeRowGroup(DType dtype) {
  return dtype == DType::kF4E2M1 ? 4 : 2;
}

// Bytes of `rows` rows of a packed panel.
constexpr int64_t PackedPanelBytes(DType dtype, int64_t rows) {
  switch (dtype) {
    case DType::kF32:
      return rows * PackedMatrix::kPanelCols * 4;
    case DType::kF16:
      return rows * PackedMatrix::kPanelCols * 2;
    case DType::kBF16:
      return (rows + 1) / 2 * PackedMatrix::kPanelCols * 4;
    default: {
      const int64_t group = CodeRowGroup(dtype);
      return (rows + group - 1) / group * PackedMatrix::kPanelCols * 2;
    }
  }
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

// Packs all `rows` rows of the panel of `cols` columns that begins at column
// `col`, of 8 or 4 bits.
inline void PackPanelCodes(const CodeReader& codes, DType dtype, int64_t rows,
                           int64_t col, int64_t cols, uint8_t* to) {
  const int64_t group = CodeRowGroup(dtype);
  std::fill_n(to, PackedPanelBytes(dtype, rows), uint8_t{0});
  for (int64_t c = 0; c < cols; ++c) {
    for (int64_t k = 0; k < rows; ++k) {
      uint8_t* bytes = to + k / group * 64;
      const int shift = static_cast<int>(k % group / 2 * 4);
      bytes[CodePosition(c, k % 2)] |=
          static_cast<uint8_t>(codes(k, col + c) << shift);
    }
  }
}

// Rows [row, row + rows) of a panel of codes, times their MX scales if there
// are any, as a packed panel of bf16. `row` must be even.
inline void PackPanelValues(const CodeReader& codes,
                            const std::array<uint16_t, 256>& table,
                            const MxScaleReader& scales, int64_t row,
                            int64_t rows, int64_t col, int64_t cols,
                            BFloat16* to) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  std::fill_n(to, PackedPanelSize<BFloat16>(rows), BFloat16::FromBits(0));
  for (int64_t c = 0; c < cols; ++c) {
    for (int64_t i = 0; i < rows; ++i) {
      const uint16_t bits = table[codes(row + i, col + c)];
      BFloat16& value = to[i / 2 * 2 * kCols + 2 * c + i % 2];
      value = scales.present() ? ScaledCode(bits, scales(row + i, col + c))
                               : BFloat16::FromBits(bits);
    }
  }
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_PACK_H_
