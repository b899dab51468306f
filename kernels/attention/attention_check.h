// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Checks that the kernels of this package share.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_CHECK_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_CHECK_H_

#include <string_view>

#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// `tensor` of one dimension less than `rank`, with a leading 1; all others as
// they are.
template <typename View>
View WithBatch(const View& tensor, int rank) {
  if (!tensor.present() || tensor.rank() != rank - 1) return tensor;
  Dims shape = {1};
  Dims strides = {0};
  for (int i = 0; i < tensor.rank(); ++i) {
    shape.push_back(tensor.dim(i));
    strides.push_back(tensor.stride(i));
  }
  return View(tensor.data(), tensor.dtype(), shape, strides, tensor.space());
}

// Of the symbols Hq, Hkv, D and Dv.
void CheckHeads(ArgumentChecker& check);

// Both or neither of two tensors.
void CheckPair(ArgumentChecker& check, std::string_view name,
               const ConstTensor& tensor, std::string_view other_name,
               const ConstTensor& other);

// `tensor`, which may be absent, has q's type.
void CheckType(ArgumentChecker& check, std::string_view name,
               const ConstTensor& tensor, const ConstTensor& q);

// The type of out and the finiteness of scale.
void CheckOut(ArgumentChecker& check, const ConstTensor& out,
              const ConstTensor& q, float scale);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_CHECK_H_
