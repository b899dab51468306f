// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The right operand of a matrix product: a plain view, codes with their scales,
// or a packed matrix.

#ifndef TILEWORK_COMMON_GEMM_MATRIX_H_
#define TILEWORK_COMMON_GEMM_MATRIX_H_

#include <cstdint>
#include <optional>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// What a kernel takes as a weight [K, N]: a ConstTensor with any strides, a
// QuantizedMatrix or a PackedMatrix, which must outlive it. The same product
// either way, bit for bit; packing saves its cost at each call. Default:
// absent.
class MatrixOperand {
 public:
  MatrixOperand() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatrixOperand(const ConstTensor& plain) : plain_(plain) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatrixOperand(const Tensor& plain) : plain_(plain) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatrixOperand(const QuantizedMatrix& quantized)
      : plain_(quantized.data),
        scales_(quantized.scales),
        scheme_(quantized.scheme) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatrixOperand(const PackedMatrix& packed) : packed_(&packed) {}

  bool present() const {
    return packed_ != nullptr ? packed_->present() : plain_.present();
  }
  // The packed matrix, or null.
  const PackedMatrix* packed() const { return packed_; }
  // The plain view, or the codes; absent if packed.
  const ConstTensor& plain() const { return plain_; }
  // Their scales. Absent if packed: those are in the packed matrix.
  const ConstTensor& scales() const { return scales_; }

  DType dtype() const {
    return packed_ != nullptr ? packed_->dtype() : plain_.dtype();
  }
  // As given, or what follows from types and shapes; kNone if nothing does.
  QuantScheme scheme() const;
  // As given, by a packed matrix too.
  std::optional<QuantScheme> given_scheme() const {
    return packed_ != nullptr ? packed_->scheme() : scheme_;
  }
  // The same matrix; if it is not packed, its scales are those of `scheme`.
  MatrixOperand As(QuantScheme scheme) const;
  // Of a matrix that was checked.
  int64_t rows() const {
    return packed_ != nullptr ? packed_->rows() : plain_.dim(-2);
  }
  int64_t cols() const {
    return packed_ != nullptr ? packed_->cols() : plain_.dim(-1);
  }

 private:
  ConstTensor plain_;
  ConstTensor scales_;
  std::optional<QuantScheme> scheme_;
  const PackedMatrix* packed_ = nullptr;
};

// The scales, wherever they are: those of a packed matrix are contiguous.
// Absent without scales, and for packed MX blocks.
ConstTensor ScalesOf(const MatrixOperand& matrix);

// How schemas see and set an operand (fields.h): its scales are a tensor of
// their own, MatrixOperand::scales(). A packed one is a contiguous [rows, cols]
// at the start of its memory: the elements are not in that order.
ConstTensor AsTensor(const MatrixOperand& matrix);
void SetTensor(MatrixOperand& matrix, const Tensor& tensor);
// Those scales, absent if the matrix is packed. Setting them or the matrix
// leaves the other as it is, and the scheme to what follows from both.
TensorField ScalesField(const MatrixOperand& matrix);

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_MATRIX_H_
