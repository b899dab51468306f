// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the tensor memory accelerator is told of a tensor in device memory, and
// of the boxes that it copies from and to shared memory (tma.h).
//
//   absl::StatusOr<TensorMap> map =
//       MakeTensorMap(x, {.box = {64, 64}, .swizzle = Swizzle::k128B});
//   Launch(Kernel, shape, context, *map, ...);
//
//   __global__ void Kernel(const __grid_constant__ TensorMap map, ...);
//
// Dimensions are those of the tensor here, the last one innermost. In device
// code coordinates count from the innermost dimension, as in PTX.

#ifndef TILEWORK_COMMON_DEVICE_TENSOR_MAP_H_
#define TILEWORK_COMMON_DEVICE_TENSOR_MAP_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/swizzle.h"

namespace tilework {

// Opaque. A kernel's parameter, by value and __grid_constant__: it must not
// move while the kernel runs.
struct alignas(64) TensorMap {
  std::byte opaque[128];
};

// What elements of a box that are outside of the tensor become in shared
// memory. Values are those of the driver's CUtensorMapFloatOOBfill.
enum class OutOfBoundsFill : uint8_t {
  kZero = 0,
  kNaN = 1,  // of floating-point types of 16 bits and more
};

// How much of the second-level cache is filled at once. Values are those of the
// driver's CUtensorMapL2promotion.
enum class L2Promotion : uint8_t { kNone = 0, k64B = 1, k128B = 2, k256B = 3 };

struct TensorMapOptions {
  // Elements of each dimension that a box spans.
  Dims box;
  // Of each dimension, every so many-th element of the box is copied; the
  // last is 1. Empty: 1 for all.
  Dims element_strides;
  Swizzle swizzle = Swizzle::kNone;
  OutOfBoundsFill fill = OutOfBoundsFill::kZero;
  L2Promotion l2_promotion = L2Promotion::kNone;
};

// What a tensor map says, innermost dimension first, in the driver's terms.
struct TensorMapFields {
  static constexpr int kMaxRank = 5;

  void* address = nullptr;
  uint64_t dims[kMaxRank] = {};
  uint64_t strides[kMaxRank] = {};  // in bytes
  uint16_t box[kMaxRank] = {};
  uint8_t element_strides[kMaxRank] = {};
  uint8_t rank = 0;
  DType dtype = DType::kNone;
  Swizzle swizzle = Swizzle::kNone;
  OutOfBoundsFill fill = OutOfBoundsFill::kZero;
  L2Promotion l2_promotion = L2Promotion::kNone;

  // Elements of dimension i that a copy of a box has.
  constexpr uint32_t BoxElements(int i) const {
    return (box[i] + element_strides[i] - 1u) / element_strides[i];
  }
  // Bytes of shared memory that a box takes, and that a copy of it completes,
  // wherever it lies.
  constexpr uint32_t BoxBytes() const {
    uint32_t bytes = static_cast<uint32_t>(SizeOf(dtype));
    for (int i = 0; i < rank; ++i) bytes *= BoxElements(i);
    return bytes;
  }
};

// InvalidArgument, with the numbers, where the driver would refuse, which is:
// rank 1 to 5; types of 1, 2, 4 or 8 bytes that are not packed; the data, and
// strides but the innermost, multiples of 16 bytes; the innermost stride 1;
// dimensions 1 to 2^32; strides below 2^40 bytes, and not 0; boxes of 1 to 256
// elements a dimension, in the innermost a multiple of 16 bytes and at most the
// span of the swizzle; element strides 1 to 8.
//
// Strides of dimensions of size 1 do not matter.
absl::StatusOr<TensorMapFields> MakeTensorMapFields(
    const ConstTensor& tensor, const TensorMapOptions& options);

// Of a tensor in device memory. Unavailable if there is no driver.
absl::StatusOr<TensorMap> MakeTensorMap(const ConstTensor& tensor,
                                        const TensorMapOptions& options);

namespace device_internal {

// What the emulator finds in a TensorMap.
struct EmulatedTensorMap {
  static constexpr uint64_t kMark = 0x70616D2E6B726F77;

  uint64_t mark = kMark;
  TensorMapFields fields;
};
static_assert(sizeof(EmulatedTensorMap) <= sizeof(TensorMap));

}  // namespace device_internal

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_TENSOR_MAP_H_
