// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tiling/operand_layout.h"

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <tuple>

#include "gtest/gtest.h"

namespace tilework {
namespace {

// Where wgmma looks for element (i, j) of an operand: the canonical layouts of
// the PTX ISA in units of elements, written as shape:stride by digits.
//   K-major,  none:    ((8, m), (T, 2)) : ((T, SBO), (1, LBO))
//   K-major,  swizzle: ((8, m), (T, 2)) : ((W T, SBO), (1, T))
//   MN-major, none:    ((T, m), (8, k)) : ((1, SBO), (T, LBO))
//   MN-major, swizzle: ((T, W, m), (8, k)) : ((1, T, LBO), (W T, SBO))
// T elements are 16 bytes, W chunks of 16 bytes the span.
uint32_t Canonical(Major major, uint32_t element_bytes,
                   const MatrixDescriptor& descriptor, uint32_t i, uint32_t j) {
  const uint32_t t = 16 / element_bytes;
  const uint32_t span = SwizzleSpan(descriptor.swizzle);
  const uint32_t leading = descriptor.leading_byte_offset;
  const uint32_t stride = descriptor.stride_byte_offset;
  const bool none = descriptor.swizzle == Swizzle::kNone;
  uint32_t offset = 0;
  if (major == Major::kK) {
    offset = i % 8 * span + i / 8 * stride + j % t * element_bytes +
             j / t * (none ? leading : 16);
  } else if (none) {
    offset =
        i % t * element_bytes + i / t * stride + j % 8 * 16 + j / 8 * leading;
  } else {
    const uint32_t w = span / 16;
    offset = i % t * element_bytes + i / t % w * 16 + i / t / w * leading +
             j % 8 * span + j / 8 * stride;
  }
  return ApplySwizzle(descriptor.swizzle, descriptor.start_address + offset);
}

class OperandLayoutTest
    : public testing::TestWithParam<std::tuple<Major, Swizzle, uint32_t>> {
 protected:
  static OperandLayout Layout(uint32_t mn, uint32_t k) {
    const auto& [major, swizzle, element_bytes] = GetParam();
    return {.major = major,
            .swizzle = swizzle,
            .element_bytes = element_bytes,
            .mn = mn,
            .k = k};
  }
};

TEST_P(OperandLayoutTest, PostConditions) {
  const OperandLayout layout = Layout(192, 128);
  std::set<uint32_t> places;
  for (uint32_t i = 0; i < layout.mn; ++i) {
    for (uint32_t j = 0; j < layout.k; ++j) {
      const uint32_t place = layout.Offset(i, j);
      // (1) within the operand
      EXPECT_LE(place + layout.element_bytes, layout.NumBytes());
      places.insert(place);
      // (2) lines of a panel are rows of the span
      const uint32_t line = layout.major == Major::kK ? i : j;
      EXPECT_EQ(place % layout.PanelBytes() / SwizzleSpan(layout.swizzle),
                line);
    }
  }
  // (3) disjoint, (4) without gaps
  EXPECT_EQ(places.size(), size_t{layout.mn} * layout.k);
  EXPECT_EQ(places.size() * layout.element_bytes, layout.NumBytes());
}

// (5) Whatever part a descriptor is made for, the instruction finds its
// elements.
TEST_P(OperandLayoutTest, DescriptorsFindTheElements) {
  const OperandLayout layout = Layout(256, 128);
  const uint32_t address = 3 * 1024;
  const bool k_major = layout.major == Major::kK;
  const uint32_t step_i = k_major ? 8 : layout.PanelWidth();
  const uint32_t step_j = 32 / layout.element_bytes;
  for (uint32_t i0 = 0; i0 < layout.mn; i0 += step_i) {
    for (uint32_t j0 = 0; j0 < layout.k; j0 += step_j) {
      const MatrixDescriptor descriptor =
          DecodeMatrixDescriptor(layout.Descriptor(address, i0, j0));
      EXPECT_EQ(descriptor.base_offset, 0u);
      for (uint32_t i = 0; i < std::min(64u, layout.mn - i0); ++i) {
        for (uint32_t j = 0; j < step_j; ++j) {
          ASSERT_EQ(
              Canonical(layout.major, layout.element_bytes, descriptor, i, j),
              address + layout.Offset(i0 + i, j0 + j))
              << "part (" << i0 << ", " << j0 << ") element (" << i << ", " << j
              << ")";
        }
      }
    }
  }
}

std::string TestName(
    const testing::TestParamInfo<OperandLayoutTest::ParamType>& info) {
  const auto& [major, swizzle, element_bytes] = info.param;
  return std::string(major == Major::kK ? "K" : "MN") + "_" +
         std::string(Name(swizzle)) + "_" + std::to_string(element_bytes);
}

INSTANTIATE_TEST_SUITE_P(KMajor, OperandLayoutTest,
                         testing::Combine(testing::Values(Major::kK),
                                          testing::ValuesIn(kAllSwizzles),
                                          testing::Values(1u, 2u)),
                         TestName);
INSTANTIATE_TEST_SUITE_P(MNMajor, OperandLayoutTest,
                         testing::Combine(testing::Values(Major::kMN),
                                          testing::ValuesIn(kAllSwizzles),
                                          testing::Values(2u)),
                         TestName);

}  // namespace
}  // namespace tilework
