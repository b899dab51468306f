// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/tensor_core.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tiling/matrix_descriptor.h"
#include "tilework/common/tiling/operand_layout.h"
#include "tilework/common/tiling/swizzle.h"

namespace tilework::emulator {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> Ones(size_t count) { return std::vector<float>(count, 1); }

TEST(TensorCoreSumTest, SmallIntegersAreExact) {
  for (bool narrow : {false, true}) {
    const std::vector<float> a = {1, 2, 3, 4, -5, 6, 7, 8};
    EXPECT_EQ(TensorCoreSum(0.5f, a, Ones(8), narrow), 26.5f);
    EXPECT_EQ(TensorCoreSum(0, {}, {}, narrow), 0);
    const std::vector<float> zeros(16, 0.0f);
    EXPECT_EQ(TensorCoreSum(-3, zeros, zeros, narrow), -3);
  }
}

TEST(TensorCoreSumTest, TermsAreCutOffBelowTheLargest) {
  // (1) what is less than the last bit is lost, in either direction
  for (float sign : {1.0f, -1.0f}) {
    EXPECT_EQ(TensorCoreSum(sign, std::vector{sign * 0x1p-14f}, Ones(1), true),
              sign);
    EXPECT_EQ(TensorCoreSum(sign, std::vector{sign * 0x1p-26f}, Ones(1), false),
              sign);
  }
  // (2) many of them too, though together they would count
  EXPECT_EQ(
      TensorCoreSum(1, std::vector<float>(32, 0x1.8p-14f), Ones(32), true), 1);
  // (3) the last bit itself is kept
  EXPECT_EQ(TensorCoreSum(1, std::vector{0x1p-13f}, Ones(1), true),
            1 + 0x1p-13f);
  EXPECT_EQ(TensorCoreSum(1, std::vector{0x1p-23f}, Ones(1), false),
            1 + 0x1p-23f);
  // (4) bits beyond the fraction of a sum carry into it
  EXPECT_EQ(TensorCoreSum(1, std::vector{0x1p-24f, 0x1p-25f, 0x1p-25f}, Ones(3),
                          false),
            1 + 0x1p-23f);
  // (5) the sum is cut off, not rounded
  EXPECT_EQ(TensorCoreSum(1, std::vector{0x1.8p-24f}, Ones(1), false), 1);
  EXPECT_EQ(TensorCoreSum(1.5f, std::vector{1.5f, 0x1p-13f}, Ones(2), true), 3);
  // (6) an accumulator of more bits than the hardware's loses them
  EXPECT_EQ(TensorCoreSum(1 + 0x1p-14f, std::vector{0.0f}, Ones(1), true), 1);
}

TEST(TensorCoreSumTest, IsNeverFurtherOffThanItsBits) {
  uint32_t state = 1;
  const auto next = [&] {
    state = state * 1664525u + 1013904223u;
    return static_cast<float>(BFloat16(
        std::ldexp(static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f,
                   static_cast<int>(state >> 8 & 15) - 8)));
  };
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<float> a(16);
    std::vector<float> b(16);
    float accumulator = next();
    double exact = accumulator;
    double largest = std::abs(exact);
    for (size_t i = 0; i < a.size(); ++i) {
      a[i] = next();
      b[i] = next();
      exact += double{a[i]} * b[i];
      largest = std::max(largest, std::abs(double{a[i]} * b[i]));
    }
    const float sum = TensorCoreSum(accumulator, a, b, false);
    EXPECT_LE(
        std::abs(sum - exact),
        17 * largest * 0x1p-25 + std::abs(exact) * 0x1p-23 + largest * 0x1p-23);
  }
}

TEST(TensorCoreSumTest, InfinitiesAndNaNs) {
  for (bool narrow : {false, true}) {
    const std::vector<float> a = {kInfinity, 1};
    EXPECT_EQ(TensorCoreSum(1, a, Ones(2), narrow), kInfinity);
    EXPECT_TRUE(std::isnan(TensorCoreSum(-kInfinity, a, Ones(2), narrow)));
    EXPECT_EQ(std::bit_cast<uint32_t>(
                  TensorCoreSum(std::nanf(""), Ones(2), Ones(2), narrow)),
              0x7FFFFFFFu);
    const std::vector<float> large = {0x1.8p127f, 0x1.8p127f};
    EXPECT_EQ(TensorCoreSum(0, large, Ones(2), narrow), kInfinity);
    const std::vector<float> small = {0x1.8p-149f * 3, 0x1p-149f};
    EXPECT_EQ(TensorCoreSum(0, small, Ones(2), narrow), small[0] + small[1]);
  }
}

TEST(FindElementTest, IsWhereLayoutsPutIt) {
  for (Major major : {Major::kK, Major::kMN}) {
    for (Swizzle swizzle : kAllSwizzles) {
      for (uint32_t element_bytes : {2u, 1u}) {
        if (major == Major::kMN && element_bytes == 1) continue;
        const OperandLayout layout = {.major = major,
                                      .swizzle = swizzle,
                                      .element_bytes = element_bytes,
                                      .mn = 256,
                                      .k = 64};
        const uint32_t step = 32 / element_bytes;
        const MatrixDescriptor descriptor =
            DecodeMatrixDescriptor(layout.Descriptor(2048, 64, step));
        for (uint32_t i = 0; i < 192; ++i) {
          for (uint32_t j = 0; j < step; ++j) {
            const ElementPlace place =
                FindElement(descriptor, major, element_bytes, i, j);
            ASSERT_EQ(place.chunk % 16, 0u);
            ASSERT_LT(place.byte, 16u);
            ASSERT_EQ(place.chunk + place.byte,
                      2048 + layout.Offset(64 + i, step + j));
          }
        }
      }
    }
  }
}

TEST(ElementValueTest, OfAllTypes) {
  const std::byte bytes[] = {std::byte{0x80}, std::byte{0x3F}};
  EXPECT_EQ(ElementValue(DType::kBF16, bytes), 1.0f);
  EXPECT_EQ(ElementValue(DType::kF16, bytes), 1.875f);
  const std::byte byte[] = {std::byte{0x38}};
  EXPECT_EQ(ElementValue(DType::kF8E4M3, byte), 1.0f);
  EXPECT_EQ(ElementValue(DType::kF8E5M2, byte), 0.5f);
}

}  // namespace
}  // namespace tilework::emulator
