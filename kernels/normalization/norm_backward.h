// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The arguments that the backward passes of RMS and layer normalization have in
// common, and how their rows are cut into blocks.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_H_

#include <algorithm>
#include <cstdint>

#include "tilework/common/tensor/tensor.h"

namespace tilework {

// As in rmsnorm_bwd.h and layernorm_bwd.h; a tensor that one of them does not
// have is absent.
struct NormBackwardArgs {
  ConstTensor dy;
  ConstTensor input;
  ConstTensor gamma;
  ConstTensor mean;
  ConstTensor rstd;
  ConstTensor dres;
  Tensor dx;
  Tensor dgamma;
  Tensor dbeta;
  float eps;
  int64_t divisor;  // of the sum of squares
  float gamma_offset;
};

// Rows whose gradients are summed up in f32.
inline constexpr int64_t kRowsPerSum = 16;

// Rows of a block: about 32 blocks, so that many threads have work, but long
// enough ones for their sums to be a small part of the memory traffic. A
// multiple of kRowsPerSum.
constexpr int64_t RowsPerBlock(int64_t rows, int64_t size) {
  constexpr int64_t kElements = int64_t{1} << 16;
  const int64_t wanted =
      std::max(std::clamp<int64_t>(rows / 32, kRowsPerSum, 16 * kRowsPerSum),
               kElements / size);
  return (wanted + kRowsPerSum - 1) / kRowsPerSum * kRowsPerSum;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_BACKWARD_H_
