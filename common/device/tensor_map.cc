// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/tensor_map.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/swizzle.h"

namespace tilework {
namespace {

constexpr int kMaxTensorMapRank = TensorMapFields::kMaxRank;
constexpr uint64_t kAlignment = 16;
constexpr int64_t kMaxDim = int64_t{1} << 32;
constexpr int64_t kMaxStride = int64_t{1} << 40;
constexpr int64_t kMaxBox = 256;
constexpr int64_t kMaxElementStride = 8;

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("tensor map: ", parts...));
}

absl::Status CheckTensor(const ConstTensor& tensor) {
  const std::string name = ToString(tensor);
  if (!tensor.present()) return Invalid("the tensor is absent");
  if (tensor.space() != MemorySpace::kDevice) {
    return Invalid(name, " is not in device memory");
  }
  if (tensor.rank() < 1 || tensor.rank() > kMaxTensorMapRank) {
    return Invalid(name, " has rank ", tensor.rank(), ", not 1 to ",
                   kMaxTensorMapRank);
  }
  if (PackFactor(tensor.dtype()) != 1) {
    return Invalid(name, " is packed; make a map of its bytes");
  }
  const uintptr_t address = reinterpret_cast<uintptr_t>(tensor.data());
  if (address == 0 || address % kAlignment != 0) {
    return Invalid(name, " is at address 0x", absl::Hex(address),
                   ", which is not a multiple of ", kAlignment);
  }
  return absl::OkStatus();
}

// One number of the options for dimension i.
absl::Status CheckRange(const char* what, const ConstTensor& tensor, int i,
                        int64_t value, int64_t most) {
  if (value >= 1 && value <= most) return absl::OkStatus();
  return Invalid(what, " ", value, " in dimension ", i, " of ",
                 ToString(tensor), " is not 1 to ", most);
}

absl::Status CheckStride(const ConstTensor& tensor, int i, int64_t bytes) {
  if (bytes > 0 && bytes < kMaxStride &&
      static_cast<uint64_t>(bytes) % kAlignment == 0) {
    return absl::OkStatus();
  }
  return Invalid("the stride of dimension ", i, " of ", ToString(tensor),
                 " is ", bytes, " bytes, not a positive multiple of ",
                 kAlignment, " below 2^40");
}

// Dimension i of the tensor, the innermost but one or further out.
absl::StatusOr<uint64_t> StrideBytes(const ConstTensor& tensor, int i,
                                     int64_t element_bytes) {
  if (tensor.dim(i) == 1) return kAlignment;  // never used
  const int64_t most = kMaxStride / element_bytes;
  const int64_t bytes = std::min(tensor.stride(i), most) * element_bytes;
  absl::Status status = CheckStride(tensor, i, bytes);
  if (!status.ok()) return status;
  return static_cast<uint64_t>(bytes);
}

absl::Status CheckInnermostBox(const ConstTensor& tensor,
                               const TensorMapFields& fields) {
  const uint64_t bytes = fields.box[0] * fields.strides[0];
  if (bytes % kAlignment != 0) {
    return Invalid("the innermost dimension of a box of ", ToString(tensor),
                   " is ", fields.box[0], " elements, ", bytes,
                   " bytes, not a multiple of ", kAlignment);
  }
  if (fields.swizzle != Swizzle::kNone && bytes > SwizzleSpan(fields.swizzle)) {
    return Invalid("the innermost dimension of a box of ", ToString(tensor),
                   " is ", fields.box[0], " elements, ", bytes,
                   " bytes, more than the ", SwizzleSpan(fields.swizzle),
                   " of swizzle ", Name(fields.swizzle));
  }
  return absl::OkStatus();
}

// Dimension i of the tensor into place `to` of the map.
absl::Status FillDimension(const ConstTensor& tensor,
                           const TensorMapOptions& options, int i, int to,
                           TensorMapFields& fields) {
  const int64_t element_stride =
      options.element_strides.size() == 0 ? 1 : options.element_strides[i];
  for (const absl::Status& status :
       {CheckRange("size", tensor, i, tensor.dim(i), kMaxDim),
        CheckRange("box", tensor, i, options.box[i], kMaxBox),
        CheckRange("element stride", tensor, i, element_stride,
                   to == 0 ? 1 : kMaxElementStride)}) {
    if (!status.ok()) return status;
  }
  fields.dims[to] = static_cast<uint64_t>(tensor.dim(i));
  fields.box[to] = static_cast<uint16_t>(options.box[i]);
  fields.element_strides[to] = static_cast<uint8_t>(element_stride);
  const size_t element_bytes = SizeOf(tensor.dtype());
  absl::StatusOr<uint64_t> stride = element_bytes;
  if (to > 0) {
    stride = StrideBytes(tensor, i, static_cast<int64_t>(element_bytes));
    if (!stride.ok()) return stride.status();
  }
  fields.strides[to] = *stride;
  return absl::OkStatus();
}

absl::Status CheckOptions(const ConstTensor& tensor,
                          const TensorMapOptions& options) {
  if (options.box.size() != tensor.rank()) {
    return Invalid("the box ", options.box.ToString(),
                   " is not of the rank of ", ToString(tensor));
  }
  if (options.element_strides.size() != 0 &&
      options.element_strides.size() != tensor.rank()) {
    return Invalid("the element strides ", options.element_strides.ToString(),
                   " are not of the rank of ", ToString(tensor));
  }
  if (options.fill == OutOfBoundsFill::kNaN && !IsFloat(tensor.dtype()) &&
      tensor.dtype() != DType::kF64) {
    return Invalid("elements of ", ToString(tensor),
                   " cannot be filled with NaN");
  }
  if (tensor.dim(-1) != 1 && tensor.stride(-1) != 1) {
    return Invalid("the innermost dimension of ", ToString(tensor),
                   " has stride ", tensor.stride(-1), ", not 1");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<TensorMapFields> MakeTensorMapFields(
    const ConstTensor& tensor, const TensorMapOptions& options) {
  absl::Status status = CheckTensor(tensor);
  if (!status.ok()) return status;
  status = CheckOptions(tensor, options);
  if (!status.ok()) return status;
  // What the map points to may also be written: by those who have a map of it.
  TensorMapFields fields = {.address = const_cast<void*>(tensor.data()),
                            .rank = static_cast<uint8_t>(tensor.rank()),
                            .dtype = tensor.dtype(),
                            .swizzle = options.swizzle,
                            .fill = options.fill,
                            .l2_promotion = options.l2_promotion};
  for (int i = 0; i < fields.rank; ++i) {
    status = FillDimension(tensor, options, i, fields.rank - 1 - i, fields);
    if (!status.ok()) return status;
  }
  status = CheckInnermostBox(tensor, fields);
  if (!status.ok()) return status;
  return fields;
}

}  // namespace tilework
