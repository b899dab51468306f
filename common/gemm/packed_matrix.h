// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Matrices rearranged for the host's micro-kernels, once for many products.

#ifndef TILEWORK_COMMON_GEMM_PACKED_MATRIX_H_
#define TILEWORK_COMMON_GEMM_PACKED_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// A matrix [K, N] of codes with their scales; without scales, any matrix.
struct QuantizedMatrix {
  ConstTensor data;
  ConstTensor scales = {};
  // Absent: what follows from types and shapes.
  std::optional<QuantScheme> scheme = {};
};

// A matrix [K, N] in panels of 32 columns, in each of which the rows follow one
// another (pack.h), so that a product reads it front to back exactly once.
// Missing columns and rows are zeros. The scales are part of it. Immutable:
// threads can share it, and copies share the memory.
class PackedMatrix {
 public:
  // Columns of one panel.
  static constexpr int64_t kPanelCols = 32;

  // Empty: not present().
  PackedMatrix() = default;
  // Packs `matrix`, any strides (a weight stored [N, K] is its Transpose()): of
  // f32, bf16 or f16 without scales, or of codes with scales of any scheme for
  // weights. InvalidArgument for anything else.
  //
  // MX codes that are NaN, and scales from which numbers beyond about 2^100
  // follow, make all of the matrix bf16: the same numbers in more memory.
  static absl::StatusOr<PackedMatrix> Pack(const QuantizedMatrix& matrix,
                                           HostContext& context);
  static absl::StatusOr<PackedMatrix> Pack(const ConstTensor& matrix,
                                           HostContext& context) {
    return Pack(QuantizedMatrix{matrix}, context);
  }

  // All of it in one piece, for a file that can be mapped; in the order of this
  // build's layout, which has a version.
  absl::Span<const std::byte> bytes() const { return bytes_; }
  absl::Status Save(const std::string& path) const;
  // What bytes() gave, which must outlive the matrix and be aligned to 64
  // bytes. InvalidArgument if it is truncated, of another version, or no packed
  // matrix.
  static absl::StatusOr<PackedMatrix> View(absl::Span<const std::byte> bytes);
  // Maps a file that Save() wrote.
  static absl::StatusOr<PackedMatrix> Load(const std::string& path);

  bool present() const { return !bytes_.empty(); }
  // Of the matrix that was packed.
  DType dtype() const { return dtype_; }
  QuantScheme scheme() const { return scheme_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  // All bytes, padding and scales included.
  int64_t NumBytes() const { return static_cast<int64_t>(bytes_.size()); }

  // The elements as they are kept: f32, bf16, f16, f8e4m3, f8e5m2 or f4e2m1.
  DType storage() const { return storage_; }
  // Whether numbers are code * scale in every sum (MX blocks that are kept as
  // such; their scales are mx_scales()).
  bool has_mx_scales() const { return mx_scales_ != nullptr; }
  // Scales of kPerTensor, kPerSegment, kPerChannel and kBlock128, contiguous.
  const ConstTensor& scales() const { return scales_; }

  // The start of all bytes as [rows, cols], of f4e2m1 packed along the rows;
  // absent if this is: to tell the size and what overlaps, not to read.
  ConstTensor memory() const {
    if (PackFactor(dtype()) == 1) {
      return ConstTensor(bytes_.data(), dtype(), {rows_, cols_});
    }
    return ConstTensor(bytes_.data(), dtype(), {cols_, rows_}).Transpose();
  }

  // Panel p holds columns [32 p, 32 p + 32).
  const std::byte* Panel(int64_t p) const { return panels_ + p * panel_bytes_; }
  template <typename T>
  const T* Panel(int64_t p) const {
    return reinterpret_cast<const T*>(Panel(p));
  }
  // The e8m0 codes of panel p's columns, one row of 32 for each 32 rows of the
  // matrix.
  const uint8_t* MxScales(int64_t p) const {
    return mx_scales_ + p * mx_panel_bytes_;
  }

 private:
  struct Header;

  absl::Status Open(absl::Span<const std::byte> bytes);

  // Of the bytes: a Buffer or a MappedFile.
  std::shared_ptr<const void> owner_;
  absl::Span<const std::byte> bytes_;
  const std::byte* panels_ = nullptr;
  const uint8_t* mx_scales_ = nullptr;
  ConstTensor scales_;
  int64_t panel_bytes_ = 0;
  int64_t mx_panel_bytes_ = 0;
  int64_t rows_ = 0;
  int64_t cols_ = 0;
  DType dtype_ = DType::kNone;
  DType storage_ = DType::kNone;
  QuantScheme scheme_ = QuantScheme::kNone;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_PACKED_MATRIX_H_
