// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/matrix.h"

#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

QuantScheme MatrixOperand::scheme() const {
  if (packed_ != nullptr) return packed_->scheme();
  if (scheme_.has_value()) return *scheme_;
  return InferWeightScheme(plain_, scales_).value_or(QuantScheme::kNone);
}

MatrixOperand MatrixOperand::As(QuantScheme scheme) const {
  MatrixOperand result = *this;
  result.scheme_ = scheme;
  return result;
}

ConstTensor ScalesOf(const MatrixOperand& matrix) {
  return matrix.packed() != nullptr ? matrix.packed()->scales()
                                    : matrix.scales();
}

ConstTensor AsTensor(const MatrixOperand& matrix) {
  if (matrix.packed() == nullptr) return matrix.plain();
  return matrix.packed()->memory();
}

void SetTensor(MatrixOperand& matrix, const Tensor& tensor) {
  // The scales, another field, may have been set before.
  matrix = MatrixOperand(QuantizedMatrix{tensor, matrix.scales(), {}});
}

TensorField ScalesField(const MatrixOperand& matrix) {
  const auto set = [](const void* member, const Tensor& scales) {
    auto& to =
        *const_cast<MatrixOperand*>(static_cast<const MatrixOperand*>(member));
    to = MatrixOperand(QuantizedMatrix{to.plain(), scales, {}});
  };
  return TensorField(&matrix, matrix.scales(), set);
}

}  // namespace tilework
