// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Where the rows of a tensor of any rank and strides begin.

#ifndef TILEWORK_COMMON_TENSOR_ROW_OFFSETS_H_
#define TILEWORK_COMMON_TENSOR_ROW_OFFSETS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "tilework/common/tensor/tensor.h"

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
      if (count_ > 0 && stride == Last().size * Last().stride) {
        Last().size *= size;
      } else {
        dims_[count_++] = {size, stride};
      }
    }
  }

  // Also in device code.
  constexpr int64_t operator[](int64_t row) const {
    if (count_ == 0) return 0;
    int64_t offset = 0;
    for (size_t i = 0; i + 1 < count_; ++i) {
      offset += row % dims_[i].size * dims_[i].stride;
      row /= dims_[i].size;
    }
    return offset + row * dims_[count_ - 1].stride;
  }

 private:
  struct Dim {
    int64_t size;
    int64_t stride;
  };
  Dim& Last() { return dims_[count_ - 1]; }

  std::array<Dim, kMaxRank> dims_ = {};  // innermost first
  size_t count_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_ROW_OFFSETS_H_
