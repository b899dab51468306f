// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tiling/matrix_descriptor.h"

#include <bit>
#include <cstdint>

#include "gtest/gtest.h"

namespace tilework {
namespace {

// Bytes that have one bit set, or all, and what is between.
constexpr uint32_t kBytes[] = {0, 16, 32, 0x400, 0x1230, 0x20000, 0x3FFF0};

TEST(MatrixDescriptorTest, PostConditions) {
  for (Swizzle swizzle : kAllSwizzles) {
    for (uint32_t base_offset = 0; base_offset < 8; ++base_offset) {
      for (uint32_t start : kBytes) {
        for (uint32_t leading : kBytes) {
          for (uint32_t stride : kBytes) {
            const MatrixDescriptor descriptor = {start, leading, stride,
                                                 base_offset, swizzle};
            const uint64_t bits = EncodeMatrixDescriptor(descriptor);
            // (1) decoding is the inverse of encoding
            EXPECT_EQ(DecodeMatrixDescriptor(bits), descriptor);
            // (2) bits of no field are 0
            EXPECT_EQ(bits & kMatrixDescriptorReserved, 0u);
            // (3) advancing moves the start address and nothing else
            if (start <= 0x20000) {
              MatrixDescriptor further = descriptor;
              further.start_address += 0x1F0;
              EXPECT_EQ(
                  DecodeMatrixDescriptor(AdvanceMatrixDescriptor(bits, 0x1F0)),
                  further);
              EXPECT_EQ(AdvanceMatrixDescriptor(EncodeMatrixDescriptor(further),
                                                -0x1F0),
                        bits);
            }
          }
        }
      }
    }
  }
}

// (4) Every bit belongs to one field or to none.
TEST(MatrixDescriptorTest, FieldsAreDisjoint) {
  uint64_t all = kMatrixDescriptorReserved;
  int bits = std::popcount(kMatrixDescriptorReserved);
  for (uint64_t field : {EncodeMatrixDescriptor({.start_address = 0x3FFF0}),
                         EncodeMatrixDescriptor({.leading_byte_offset = ~0u}),
                         EncodeMatrixDescriptor({.stride_byte_offset = ~0u}),
                         EncodeMatrixDescriptor({.base_offset = 7}),
                         EncodeMatrixDescriptor({.swizzle = Swizzle::k32B})}) {
    all |= field;
    bits += std::popcount(field);
  }
  EXPECT_EQ(all, ~uint64_t{0});
  EXPECT_EQ(bits, 64);
}

// The codes of the swizzles.
static_assert(EncodeMatrixDescriptor({.swizzle = Swizzle::kNone}) == 0);
static_assert(EncodeMatrixDescriptor({.swizzle = Swizzle::k128B}) >> 62 == 1);
static_assert(EncodeMatrixDescriptor({.swizzle = Swizzle::k64B}) >> 62 == 2);
static_assert(EncodeMatrixDescriptor({.swizzle = Swizzle::k32B}) >> 62 == 3);
static_assert(EncodeMatrixDescriptor({.start_address = 0x12340,
                                      .leading_byte_offset = 16,
                                      .stride_byte_offset = 1024,
                                      .base_offset = 5,
                                      .swizzle = Swizzle::k128B}) ==
              0x400A'0040'0001'1234);

}  // namespace
}  // namespace tilework
