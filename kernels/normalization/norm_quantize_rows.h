// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the kernels share that normalize and quantize: rows gathered and summed
// with a residual, work cut into tasks.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_ROWS_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_ROWS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/row_ops.h"
#include "tilework/kernels/normalization/row_tasks.h"

namespace tilework {

// The least dequant scale of a row.
inline constexpr float kLeastScale = 1e-6f;

// The rows of a tensor along its last dimension, of any type and strides.
class AnyRows {
 public:
  AnyRows() = default;
  explicit AnyRows(const ConstTensor& tensor)
      : tensor_(tensor),
        element_(static_cast<int64_t>(SizeOf(tensor.dtype()))) {
    if (tensor.present()) offsets_ = RowOffsets(tensor, tensor.rank() - 1);
  }

  bool present() const { return tensor_.present(); }
  DType dtype() const { return tensor_.dtype(); }
  int64_t stride() const { return tensor_.stride(-1); }
  const char* Data(int64_t row) const {
    return static_cast<const char*>(tensor_.data()) + offsets_[row] * element_;
  }

  // The row itself, or a copy in `scratch`.
  ContiguousRow Contiguous(int64_t row, void* scratch) const {
    if (stride() == 1) return {Data(row), dtype()};
    CopyStrided(Data(row), stride() * element_, static_cast<char*>(scratch),
                element_);
    return {scratch, dtype()};
  }
  // Writes a contiguous row to its place.
  void Scatter(const void* from, int64_t row) const {
    CopyStrided(static_cast<const char*>(from), element_,
                const_cast<char*>(Data(row)), stride() * element_);
  }
  // The row will be read soon.
  void AddTo(ReadAhead& next, int64_t row) const {
    if (!present() || stride() != 1) return;
    next.AddBytes(Data(row), tensor_.dim(-1) * element_);
  }

 private:
  void CopyStrided(const char* from, int64_t from_step, char* to,
                   int64_t to_step) const {
    const size_t size = static_cast<size_t>(element_);
    for (int64_t i = 0; i < tensor_.dim(-1); ++i) {
      std::memcpy(to + i * to_step, from + i * from_step, size);
    }
  }

  ConstTensor tensor_;
  RowOffsets offsets_;
  int64_t element_ = 0;  // bytes
};

// Rows of a residual stream: x + residual, written to `out`.
class ResidualRows {
 public:
  ResidualRows(const ConstTensor& residual, const Tensor& out)
      : residual_(residual), out_(out) {}

  bool present() const { return residual_.present(); }
  // x + residual, rounded to its type, in `out` and where that is strided in
  // `scratch`.
  ContiguousRow Add(const ContiguousRow& x, int64_t row, int64_t size,
                    void* scratch) const {
    const ContiguousRow residual = residual_.Contiguous(row, scratch);
    const bool direct = out_.stride() == 1;
    void* sum = direct ? const_cast<char*>(out_.Data(row)) : scratch;
    AddRows(x, residual, size, sum);
    if (!direct) out_.Scatter(sum, row);
    return {sum, residual_.dtype()};
  }
  void AddTo(ReadAhead& next, int64_t row) const { residual_.AddTo(next, row); }

 private:
  AnyRows residual_, out_;
};

// A vector [H] or [1, H] as NormalizeRow() takes it for rows of type `rows`:
// itself if possible, widened if not; null if absent.
inline ContiguousRow WeightRow(const ConstTensor& v, DType rows, int64_t size,
                               ScratchScope& scratch) {
  if (!v.present()) return {nullptr, DType::kF32};
  const bool fits = v.dtype() == DType::kF32 || v.dtype() == rows;
  if (fits && v.stride(-1) == 1) return {v.data(), v.dtype()};
  float* row = scratch.Allocate<float>(size);
  WidenRow({v.data(), v.dtype()}, v.stride(-1), size, row);
  return {row, DType::kF32};
}

// Calls kernel.Run(row, scratch) for all rows, with kernel.scratch_floats() f32
// for each thread.
template <class Kernel>
void RunRows(const Kernel& kernel, ScratchScope& scratch,
             HostContext& context) {
  const int64_t rows = kernel.num_rows();
  const int64_t step = RowsPerTask(rows, kernel.size());
  const int64_t floats = PaddedSize(kernel.scratch_floats());
  float* all = scratch.Allocate<float>(floats * context.num_threads());
  context.pool().ParallelFor(
      (rows + step - 1) / step, [&](int64_t task, int thread) {
        const int64_t end = std::min(rows, (task + 1) * step);
        for (int64_t row = task * step; row < end; ++row) {
          kernel.Run(row, all + floats * thread);
        }
        if (kernel.stream()) Fp8RowEncoder::Flush();
      });
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_ROWS_H_
