// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The rows of tensors of any rank and strides, as parameters of kernels that
// read and write eight elements of a row at a time.

#ifndef TILEWORK_COMMON_DEVICE_TENSOR_ROWS_H_
#define TILEWORK_COMMON_DEVICE_TENSOR_ROWS_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// The largest of 1, 2, 4, 8 and 16 that divides the address of each element of
// which the last index is a multiple of `step`; 0 if the last stride is not 1.
inline int RowAlignment(const ConstTensor& tensor, int64_t step) {
  const int last = tensor.rank() - 1;
  if (last >= 0 && tensor.dim(last) > 1 && tensor.stride(last) != 1) return 0;
  const auto bytes = [&](int64_t elements) {
    return static_cast<uint64_t>(elements / PackFactor(tensor.dtype())) *
           SizeOf(tensor.dtype());
  };
  uint64_t all = reinterpret_cast<uintptr_t>(tensor.data()) | 16 | bytes(step);
  for (int i = 0; i < last; ++i) {
    if (tensor.dim(i) > 1) all |= bytes(tensor.stride(i));
  }
  return static_cast<int>(all & (~all + 1));
}

// A row in memory, or of an absent tensor (kNone).
struct RowInMemory {
  unsigned char* data = nullptr;
  int64_t stride = 0;
  int alignment = 0;  // as LoadEight() takes it
  DType dtype = DType::kNone;

  __device__ bool present() const { return dtype != DType::kNone; }
};

namespace device_internal {

__device__ inline int64_t ByteOffset(int64_t elements, DType dtype) {
  return elements / PackFactor(dtype) * static_cast<int64_t>(SizeOf(dtype));
}

}  // namespace device_internal

// Rows along the last dimension. Elements of f4e2m1 lie along it too.
class InputRows {
 public:
  // No rows.
  InputRows() = default;
  // Read at columns that are multiples of `step`.
  explicit InputRows(const ConstTensor& tensor, int64_t step = kEight)
      : data_(static_cast<const unsigned char*>(tensor.data())),
        offsets_(tensor, tensor.rank() - 1),
        stride_(tensor.stride(-1)),
        alignment_(RowAlignment(tensor, step)),
        dtype_(tensor.dtype()) {}

  constexpr bool present() const { return dtype_ != DType::kNone; }
  constexpr DType dtype() const { return dtype_; }
  constexpr int alignment() const { return alignment_; }

  // Whether eight elements, of kBytes bytes, may be read at once.
  template <int kBytes>
  constexpr bool IsWide() const {
    return alignment_ >= (kBytes == 1 ? 8 : 16);
  }
  // Where they are, if so.
  template <int kBytes>
  __device__ const unsigned char* Address(int64_t row, int64_t column) const {
    return data_ + (offsets_[row] + column) * kBytes;
  }
  // All eight from a column on, if so.
  template <int kBytes>
  __device__ RawEight<kBytes> LoadAll(int64_t row, int64_t column) const {
    return LoadWide<kBytes>(Address<kBytes>(row, column));
  }
  // From a column on.
  __device__ RowInMemory Row(int64_t row, int64_t column) const {
    const int64_t at = offsets_[row] + column * stride_;
    return {const_cast<unsigned char*>(data_) +
                device_internal::ByteOffset(at, dtype_),
            stride_, alignment_, dtype_};
  }
  // The first `count` <= 8 elements from a column on, of kBytes bytes.
  template <int kBytes>
  __device__ RawEight<kBytes> Load(int64_t row, int64_t column,
                                   int count) const {
    const int64_t at = offsets_[row] + column * stride_;
    return LoadEight<kBytes>(data_ + at * kBytes, stride_, alignment_, count);
  }
  // The same of f4e2m1, 4 bits each; `column` is even.
  __device__ uint32_t LoadF4(int64_t row, int64_t column, int count) const {
    const unsigned char* from = data_ + (offsets_[row] + column) / 2;
    if (count == kEight && alignment_ >= 4) {
      return *reinterpret_cast<const uint32_t*>(from);
    }
    uint32_t codes = 0;
    TILEWORK_UNROLL
    for (int i = 0; i < kEight / 2; ++i) {
      if (2 * i < count) codes |= uint32_t{from[i]} << (8 * i);
    }
    return codes;
  }

 private:
  const unsigned char* data_ = nullptr;
  RowOffsets offsets_;
  int64_t stride_ = 0;
  int alignment_ = 0;
  DType dtype_ = DType::kNone;
};

class OutputRows {
 public:
  OutputRows() = default;
  // Written at columns that are multiples of `step`.
  explicit OutputRows(const Tensor& tensor, int64_t step = kEight)
      : data_(static_cast<unsigned char*>(tensor.data())),
        offsets_(tensor, tensor.rank() - 1),
        stride_(tensor.stride(-1)),
        alignment_(RowAlignment(tensor, step)),
        dtype_(tensor.dtype()) {}

  constexpr bool present() const { return dtype_ != DType::kNone; }
  constexpr DType dtype() const { return dtype_; }
  constexpr int alignment() const { return alignment_; }

  // Whether eight elements, of kBytes bytes, may be written at once.
  template <int kBytes>
  constexpr bool IsWide() const {
    return alignment_ >= (kBytes == 1 ? 8 : 16);
  }
  template <int kBytes>
  __device__ unsigned char* Address(int64_t row, int64_t column) const {
    return data_ + (offsets_[row] + column) * kBytes;
  }
  template <int kBytes>
  __device__ void StoreAll(const RawEight<kBytes>& raw, int64_t row,
                           int64_t column) const {
    StoreWide<kBytes>(raw, Address<kBytes>(row, column));
  }
  // From a column on.
  __device__ RowInMemory Row(int64_t row, int64_t column) const {
    const int64_t at = offsets_[row] + column * stride_;
    return {data_ + device_internal::ByteOffset(at, dtype_), stride_,
            alignment_, dtype_};
  }
  template <int kBytes>
  __device__ void Store(const RawEight<kBytes>& raw, int64_t row,
                        int64_t column, int count) const {
    const int64_t at = offsets_[row] + column * stride_;
    StoreEight<kBytes>(raw, data_ + at * kBytes, stride_, alignment_, count);
  }
  // f4e2m1, `column` even. After an odd number of elements the rest of the byte
  // becomes 0: `codes` has zeros from `count` on.
  __device__ void StoreF4(uint32_t codes, int64_t row, int64_t column,
                          int count) const {
    unsigned char* to = data_ + (offsets_[row] + column) / 2;
    if (count == kEight && alignment_ >= 4) {
      *reinterpret_cast<uint32_t*>(to) = codes;
      return;
    }
    TILEWORK_UNROLL
    for (int i = 0; i < kEight / 2; ++i) {
      if (2 * i < count) to[i] = static_cast<unsigned char>(codes >> (8 * i));
    }
  }

 private:
  unsigned char* data_ = nullptr;
  RowOffsets offsets_;
  int64_t stride_ = 0;
  int alignment_ = 0;
  DType dtype_ = DType::kNone;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_TENSOR_ROWS_H_
