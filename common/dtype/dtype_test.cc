// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/dtype/dtype.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace tilework {
namespace {

// The value of a code by its definition, in double.
double Decode(uint16_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const double sign = (bits >> 15) ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  const double significand =
      (exponent ? 1.0 : 0.0) + std::ldexp(mantissa, -mantissa_bits);
  return sign * std::ldexp(significand, (exponent ? exponent : 1) - bias);
}

template <typename T>
struct Format;
template <>
struct Format<BFloat16> {
  static constexpr int kExponentBits = 8, kMantissaBits = 7;
};
template <>
struct Format<Float16> {
  static constexpr int kExponentBits = 5, kMantissaBits = 10;
};

template <typename T>
class HalfTest : public testing::Test {};
using HalfTypes = testing::Types<BFloat16, Float16>;
TYPED_TEST_SUITE(HalfTest, HalfTypes);

TYPED_TEST(HalfTest, EveryCodeDecodesByDefinition) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const double expected =
        Decode(static_cast<uint16_t>(bits), Format<TypeParam>::kExponentBits,
               Format<TypeParam>::kMantissaBits);
    const float actual =
        static_cast<float>(TypeParam::FromBits(static_cast<uint16_t>(bits)));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(actual)) << bits;
    } else {
      EXPECT_EQ(actual, expected) << bits;
      EXPECT_EQ(std::signbit(actual), std::signbit(expected)) << bits;
    }
  }
}

TYPED_TEST(HalfTest, EveryCodeSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value =
        static_cast<float>(TypeParam::FromBits(static_cast<uint16_t>(bits)));
    const uint16_t again = TypeParam(value).bits;
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(static_cast<float>(TypeParam::FromBits(again))));
    } else {
      EXPECT_EQ(again, bits);
    }
  }
}

// Between each pair of neighbouring finite codes: the midpoint goes to the
// even one, its f32 neighbours to the nearer one.
TYPED_TEST(HalfTest, MidpointsRoundToEven) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const uint16_t infinity = ((1 << Format<TypeParam>::kExponentBits) - 1)
                            << Format<TypeParam>::kMantissaBits;
  for (uint16_t low = 0; low + 1 < infinity; ++low) {
    const uint16_t high = low + 1;
    const double a = Decode(low, Format<TypeParam>::kExponentBits,
                            Format<TypeParam>::kMantissaBits);
    const double b = Decode(high, Format<TypeParam>::kExponentBits,
                            Format<TypeParam>::kMantissaBits);
    const float middle = static_cast<float>((a + b) / 2);
    ASSERT_EQ(middle, (a + b) / 2);  // representable in f32
    for (const float sign : {1.0f, -1.0f}) {
      const uint16_t s = sign < 0 ? 0x8000 : 0;
      EXPECT_EQ(TypeParam(sign * middle).bits, s | (low % 2 ? high : low));
      EXPECT_EQ(TypeParam(sign * std::nextafter(middle, 0.0f)).bits, s | low);
      EXPECT_EQ(TypeParam(sign * std::nextafter(middle, kInfinity)).bits,
                s | high);
    }
  }
}

TYPED_TEST(HalfTest, OverflowGoesToInfinity) {
  const uint16_t infinity = ((1 << Format<TypeParam>::kExponentBits) - 1)
                            << Format<TypeParam>::kMantissaBits;
  EXPECT_EQ(TypeParam(std::numeric_limits<float>::max()).bits, infinity);
  EXPECT_EQ(TypeParam(std::numeric_limits<float>::infinity()).bits, infinity);
  const double largest = Decode(infinity - 1, Format<TypeParam>::kExponentBits,
                                Format<TypeParam>::kMantissaBits);
  const double below = Decode(infinity - 2, Format<TypeParam>::kExponentBits,
                              Format<TypeParam>::kMantissaBits);
  const float border = static_cast<float>(largest + (largest - below) / 2);
  EXPECT_EQ(TypeParam(border).bits, infinity);
  EXPECT_EQ(TypeParam(std::nextafter(border, 0.0f)).bits, infinity - 1);
}

TEST(DTypeTest, NamesRoundTrip) {
  for (DType dtype : kAllDTypes) {
    EXPECT_EQ(DTypeFromName(Name(dtype)), dtype);
    EXPECT_GT(SizeOf(dtype), 0u);
  }
  EXPECT_EQ(DTypeFromName("q4_0"), DType::kNone);
}

TEST(DTypeTest, VisitFloatPassesTheStorageType) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    DType seen = DType::kNone;
    VisitFloat(dtype, [&](auto value) { seen = kDTypeOf<decltype(value)>; });
    EXPECT_EQ(seen, dtype);
  }
  VisitFloat(DType::kI32, [](auto) { FAIL(); });
}

}  // namespace
}  // namespace tilework
