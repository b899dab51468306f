// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Whether views of the same memory are apart.

#ifndef TILEWORK_COMMON_TENSOR_OVERLAP_H_
#define TILEWORK_COMMON_TENSOR_OVERLAP_H_

#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Whether `a` and `b` may have an element in common: like Overlap(), but sees
// that interleaved views of one type are apart, such as the heads of queries
// and keys in the rows of one fused projection.
bool MayShareElements(const ConstTensor& a, const ConstTensor& b);

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_OVERLAP_H_
