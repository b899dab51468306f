// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The right operand of a matrix product: a plain view, or a packed matrix.

#ifndef TILEWORK_COMMON_GEMM_MATRIX_H_
#define TILEWORK_COMMON_GEMM_MATRIX_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// A matrix [K, N] rearranged for the host's micro-kernels: panels of 32
// columns, in each of which the rows follow one another (bf16: pairs of rows,
// interleaved), so that a product reads it front to back exactly once. Missing
// columns and rows are zeros. Immutable, so threads can share it. Move-only.
class PackedMatrix {
 public:
  // Columns of one panel.
  static constexpr int64_t kPanelCols = 32;

  // Empty: not present().
  PackedMatrix() = default;
  // Packs `matrix`, [K, N] of f32, bf16 or f16 with any strides (a weight
  // stored [N, K] is its Transpose()). InvalidArgument for anything else.
  static absl::StatusOr<PackedMatrix> Pack(const ConstTensor& matrix,
                                           HostContext& context);

  bool present() const { return buffer_.dtype() != DType::kNone; }
  DType dtype() const { return buffer_.dtype(); }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  // All bytes, padding included.
  int64_t NumBytes() const { return buffer_.view().NumBytes(); }

  // The start of all bytes as [rows, cols], absent if this is: to tell the size
  // and what overlaps, not to read.
  ConstTensor memory() const {
    return ConstTensor(buffer_.view().data(), dtype(), {rows_, cols_});
  }

  // Panel p holds columns [32 p, 32 p + 32). Row k (bf16: rows k and k + 1, k
  // even) begins 32 k elements after its start.
  template <typename T>
  const T* Panel(int64_t p) const {
    return buffer_.data<T>() + p * buffer_.view().stride(0);
  }

 private:
  Buffer buffer_;  // [panels, rows (bf16: rounded up to 2) * 32]
  int64_t rows_ = 0;
  int64_t cols_ = 0;
};

// What a kernel takes as a weight [K, N]: a ConstTensor with any strides or a
// PackedMatrix, which must outlive it. The same product either way, bit for
// bit; packing saves its cost at each call. Default: absent.
class MatrixOperand {
 public:
  MatrixOperand() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatrixOperand(const ConstTensor& plain) : plain_(plain) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatrixOperand(const Tensor& plain) : plain_(plain) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatrixOperand(const PackedMatrix& packed) : packed_(&packed) {}

  bool present() const {
    return packed_ != nullptr ? packed_->present() : plain_.present();
  }
  // The packed matrix, or null.
  const PackedMatrix* packed() const { return packed_; }
  // The plain view; absent if packed.
  const ConstTensor& plain() const { return plain_; }

  DType dtype() const {
    return packed_ != nullptr ? packed_->dtype() : plain_.dtype();
  }
  // Of a matrix that was checked.
  int64_t rows() const {
    return packed_ != nullptr ? packed_->rows() : plain_.shape()[0];
  }
  int64_t cols() const {
    return packed_ != nullptr ? packed_->cols() : plain_.shape()[1];
  }

 private:
  ConstTensor plain_;
  const PackedMatrix* packed_ = nullptr;
};

// How schemas see and set an operand (fields.h). A packed one is a contiguous
// [rows, cols] at the start of its memory: the elements are not in that order.
ConstTensor AsTensor(const MatrixOperand& matrix);
inline void SetTensor(MatrixOperand& matrix, const Tensor& tensor) {
  matrix = MatrixOperand(tensor);
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_MATRIX_H_
