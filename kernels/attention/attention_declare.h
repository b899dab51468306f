// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the arguments of the kernels of this package have in common.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_DECLARE_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_DECLARE_H_

#include <string_view>

#include "tilework/common/schema/schema_visitor.h"
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

// The sizes Hq, Hkv, D and Dv; before the tensors.
void DeclareHeads(SchemaVisitor& v);

// An input of q's type, whose meaning is `help`.
void DeclareLikeQ(std::string_view name, const ConstTensor& tensor,
                  std::string_view shape, const ConstTensor& q,
                  const Presence& presence, std::string_view help,
                  SchemaVisitor& v);

void DeclareScale(const float& scale, SchemaVisitor& v);

// `out_shape` and `lse_shape` are those of the outputs.
void DeclareOut(const ConstTensor& q, const Tensor& out,
                std::string_view out_shape, const Tensor& out_lse,
                std::string_view lse_shape, SchemaVisitor& v);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_DECLARE_H_
