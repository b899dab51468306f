// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Where the rows of a tensor of any rank and strides begin.

#ifndef TILEWORK_COMMON_TENSOR_ROW_OFFSETS_H_
#define TILEWORK_COMMON_TENSOR_ROW_OFFSETS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/divisor.h"

namespace tilework {

// Counts the leading dimensions in row-major order: offsets[row] is the element
// offset of that row. Neighbouring dimensions without a gap become one, so that
// most tensors need no division.
//
//   const RowOffsets rows(x, x.rank() - 1);
//   const float* row = x.data<float>() + rows[t];
class RowOffsets {
 public:
  // Rows of an absent tensor: none.
  RowOffsets() = default;
  // `num_leading` <= rank: how many dimensions are counted.
  RowOffsets(const ConstTensor& tensor, int num_leading) {
    for (int i = num_leading - 1; i >= 0; --i) {
      const int64_t size = tensor.dim(i);
      const int64_t stride = tensor.stride(i);
      if (size == 1) continue;
      if (count_ > 0 && stride == Last().size.value() * Last().stride) {
        Last().size = SizeOf(Last().size.value() * size);
      } else {
        dims_[count_++] = {SizeOf(size), stride};
      }
    }
  }

  // Also in device code. `row` < 2^53.
  constexpr int64_t operator[](int64_t row) const {
    if (count_ == 0) return 0;
    if (count_ == 1) return row * dims_[0].stride;
    int64_t offset = 0;
#if defined(__CUDACC__)
    // Rare on a device, so it should not be long.
#pragma unroll 1
#endif
    for (size_t i = 0; i + 1 < count_; ++i) {
      const int64_t outer = dims_[i].size.Quotient(row);
      offset += (row - outer * dims_[i].size.value()) * dims_[i].stride;
      row = outer;
    }
    return offset + row * dims_[count_ - 1].stride;
  }

 private:
  struct Dim {
    Divisor size;
    int64_t stride;
  };
  Dim& Last() { return dims_[count_ - 1]; }
  // Where there are no rows the size means nothing.
  static Divisor SizeOf(int64_t size) {
    return Divisor(std::max<int64_t>(size, 1));
  }

  std::array<Dim, kMaxRank> dims_ = {};  // innermost first
  size_t count_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_ROW_OFFSETS_H_
