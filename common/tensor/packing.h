// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How elements of less than a byte lie.

#ifndef TILEWORK_COMMON_TENSOR_PACKING_H_
#define TILEWORK_COMMON_TENSOR_PACKING_H_

#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Whether dimension i < 0 has stride 1 and all others even strides, as packed
// elements must lie. Dimensions of one element have no stride.
inline bool IsPackedAlong(const ConstTensor& tensor, int i) {
  bool packed = tensor.dim(i) <= 1 || tensor.stride(i) == 1;
  for (int j = -tensor.rank(); j < 0; ++j) {
    packed &= j == i || tensor.dim(j) <= 1 || tensor.stride(j) % 2 == 0;
  }
  return packed;
}

// The same for any dimension; also of one element, and of none.
inline bool IsPacked(const ConstTensor& tensor) {
  if (tensor.NumElements() <= 1) return true;
  for (int i = -tensor.rank(); i < 0; ++i) {
    if (IsPackedAlong(tensor, i)) return true;
  }
  return false;
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_PACKING_H_
