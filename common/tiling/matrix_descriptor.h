// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The 64-bit descriptor by which wgmma finds an operand in shared memory (PTX
// ISA, "Matrix Descriptor Format" of wgmma).
//
//   bits    field
//   0..13   start address / 16
//   16..29  leading dimension byte offset / 16
//   32..45  stride dimension byte offset / 16
//   49..51  base offset
//   62..63  swizzle: 0 none, 1 of 128 bytes, 2 of 64, 3 of 32
//
// All other bits are 0. What the two offsets mean is said in operand_layout.h.
// The base offset is 0 if the pattern of the swizzle starts at a multiple of
// its size, else bits 7..9 of the address at which it starts.

#ifndef TILEWORK_COMMON_TILING_MATRIX_DESCRIPTOR_H_
#define TILEWORK_COMMON_TILING_MATRIX_DESCRIPTOR_H_

#include <cstdint>

#include "tilework/common/tiling/swizzle.h"

namespace tilework {

struct MatrixDescriptor {
  // In bytes, multiples of 16 below 2^18.
  uint32_t start_address = 0;
  uint32_t leading_byte_offset = 0;
  uint32_t stride_byte_offset = 0;
  uint32_t base_offset = 0;  // 0..7
  Swizzle swizzle = Swizzle::kNone;

  friend constexpr bool operator==(const MatrixDescriptor&,
                                   const MatrixDescriptor&) = default;
};

// The bits that belong to no field.
inline constexpr uint64_t kMatrixDescriptorReserved = 0x3FF1'C000'C000'C000;

namespace tiling_internal {

// Of a field in units of 16 bytes.
constexpr uint64_t EncodeBytes(uint32_t bytes, int shift) {
  return uint64_t{(bytes & 0x3FFFFu) >> 4} << shift;
}
constexpr uint32_t DecodeBytes(uint64_t bits, int shift) {
  return static_cast<uint32_t>(bits >> shift & 0x3FFF) << 4;
}

}  // namespace tiling_internal

constexpr uint64_t EncodeMatrixDescriptor(const MatrixDescriptor& descriptor) {
  const uint64_t swizzle = (4 - static_cast<uint64_t>(descriptor.swizzle)) % 4;
  return tiling_internal::EncodeBytes(descriptor.start_address, 0) |
         tiling_internal::EncodeBytes(descriptor.leading_byte_offset, 16) |
         tiling_internal::EncodeBytes(descriptor.stride_byte_offset, 32) |
         uint64_t{descriptor.base_offset & 7} << 49 | swizzle << 62;
}

constexpr MatrixDescriptor DecodeMatrixDescriptor(uint64_t bits) {
  return {.start_address = tiling_internal::DecodeBytes(bits, 0),
          .leading_byte_offset = tiling_internal::DecodeBytes(bits, 16),
          .stride_byte_offset = tiling_internal::DecodeBytes(bits, 32),
          .base_offset = static_cast<uint32_t>(bits >> 49 & 7),
          .swizzle = static_cast<Swizzle>((4 - (bits >> 62)) % 4)};
}

// The same operand, `bytes` (a multiple of 16, maybe negative) further on. The
// sum stays below 2^18, so that one addition does it.
constexpr uint64_t AdvanceMatrixDescriptor(uint64_t descriptor, int32_t bytes) {
  return descriptor + static_cast<uint64_t>(int64_t{bytes} / 16);
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_TILING_MATRIX_DESCRIPTOR_H_
