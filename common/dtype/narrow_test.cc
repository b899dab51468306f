// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/dtype/narrow.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"

namespace tilework {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// What the formats are, said again: nothing of narrow.h is used.
template <typename T>
struct Format;
template <>
struct Format<Float8E4M3> {
  static constexpr DType kDType = DType::kF8E4M3;
  static constexpr int kBits = 8, kMantissaBits = 3, kBias = 7;
  static constexpr int kLargest = 0x7E, kInfinity = -1;
  static constexpr double kMax = 448;
};
template <>
struct Format<Float8E4M3_240> {
  static constexpr DType kDType = DType::kF8E4M3_240;
  static constexpr int kBits = 8, kMantissaBits = 3, kBias = 7;
  static constexpr int kLargest = 0x77, kInfinity = 0x78;
  static constexpr double kMax = 240;
};
template <>
struct Format<Float8E5M2> {
  static constexpr DType kDType = DType::kF8E5M2;
  static constexpr int kBits = 8, kMantissaBits = 2, kBias = 15;
  static constexpr int kLargest = 0x7B, kInfinity = 0x7C;
  static constexpr double kMax = 57344;
};
template <>
struct Format<Float4E2M1> {
  static constexpr DType kDType = DType::kF4E2M1;
  static constexpr int kBits = 4, kMantissaBits = 1, kBias = 1;
  static constexpr int kLargest = 0x7, kInfinity = -1;
  static constexpr double kMax = 6;
};

// The value of a code without sign, by its exponent and mantissa.
template <typename T>
double Magnitude(int code) {
  using F = Format<T>;
  if (code == F::kInfinity) return std::numeric_limits<double>::infinity();
  if (code > F::kLargest) return std::numeric_limits<double>::quiet_NaN();
  const int exponent = code >> F::kMantissaBits;
  const double fraction =
      std::ldexp(code - (exponent << F::kMantissaBits), -F::kMantissaBits);
  return exponent == 0 ? std::ldexp(fraction, 1 - F::kBias)
                       : std::ldexp(1 + fraction, exponent - F::kBias);
}

// The code of `value` by search: the nearest finite one, or of two the even
// one; a NaN has all bits but the sign.
template <typename T>
int Search(float value) {
  using F = Format<T>;
  const int sign = 1 << (F::kBits - 1);
  if (std::isnan(value)) return sign - 1;
  const double magnitude = std::abs(static_cast<double>(value));
  int best = F::kLargest;
  if (magnitude < F::kMax) {
    for (int code = F::kLargest - 1; code >= 0; --code) {
      const double error = std::abs(magnitude - Magnitude<T>(code));
      const double least = std::abs(magnitude - Magnitude<T>(best));
      if (error < least || (error == least && code % 2 == 0)) best = code;
    }
  }
  return std::signbit(value) ? best | sign : best;
}

// Both signs of every number there is, of every midpoint, of the midpoint that
// would follow the largest, of the f32 next to each, and of values far away.
template <typename T>
std::vector<float> InterestingValues() {
  std::vector<double> exact;
  for (int code = 0; code <= Format<T>::kLargest; ++code) {
    exact.push_back(Magnitude<T>(code));
    const double next = code < Format<T>::kLargest
                            ? Magnitude<T>(code + 1)
                            : 2 * Magnitude<T>(code) - Magnitude<T>(code - 1);
    exact.push_back((Magnitude<T>(code) + next) / 2);
    exact.push_back(next);
  }
  std::vector<float> result;
  for (const double value : exact) {
    const float x = static_cast<float>(value);
    EXPECT_EQ(static_cast<double>(x), value);
    for (const float y :
         {x, std::nextafter(x, kInfinity), std::nextafter(x, -kInfinity)}) {
      result.push_back(y);
      result.push_back(-y);
    }
  }
  for (int exponent = -149; exponent <= 127; ++exponent) {
    for (const double significand : {1.0, 1.3, 1.5, 1.9}) {
      result.push_back(static_cast<float>(std::ldexp(significand, exponent)));
      result.push_back(-result.back());
    }
  }
  constexpr float kLargest = std::numeric_limits<float>::max();
  result.insert(result.end(), {kLargest, -kLargest, kInfinity, -kInfinity});
  return result;
}

template <typename T>
class NarrowTest : public testing::Test {};
using Minifloats =
    testing::Types<Float8E4M3, Float8E4M3_240, Float8E5M2, Float4E2M1>;
TYPED_TEST_SUITE(NarrowTest, Minifloats);

TYPED_TEST(NarrowTest, EveryCodeDecodesByDefinition) {
  const int sign = 1 << (Format<TypeParam>::kBits - 1);
  for (int code = 0; code < 2 * sign; ++code) {
    const double expected = Magnitude<TypeParam>(code % sign);
    const float actual =
        static_cast<float>(TypeParam::FromBits(static_cast<uint8_t>(code)));
    EXPECT_EQ(std::signbit(actual), code >= sign) << code;
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(actual)) << code;
      EXPECT_NE(std::bit_cast<uint32_t>(actual) & 0x00400000u, 0u)
          << code << " is signaling";
    } else {
      EXPECT_EQ(std::abs(actual), expected) << code;
    }
  }
}

TYPED_TEST(NarrowTest, EveryNumberSurvivesTheRoundTrip) {
  const int sign = 1 << (Format<TypeParam>::kBits - 1);
  for (int code = 0; code < 2 * sign; ++code) {
    const float value =
        static_cast<float>(TypeParam::FromBits(static_cast<uint8_t>(code)));
    int expected = code;
    if (std::isinf(value)) {
      expected = code - Format<TypeParam>::kInfinity +
                 Format<TypeParam>::kLargest;  // saturates
    }
    if (std::isnan(value)) expected = sign - 1;
    EXPECT_EQ(TypeParam(value).bits, expected) << code;
  }
}

TYPED_TEST(NarrowTest, RoundsToTheNearestAndSaturates) {
  for (const float value : InterestingValues<TypeParam>()) {
    EXPECT_EQ(TypeParam(value).bits, Search<TypeParam>(value))
        << std::hexfloat << value;
  }
}

TYPED_TEST(NarrowTest, EveryNaNBecomesTheSameCode) {
  const int expected = (1 << (Format<TypeParam>::kBits - 1)) - 1;
  for (int bit = 0; bit < 23; ++bit) {
    for (const uint32_t sign : {0u, 0x80000000u}) {
      const uint32_t bits = sign | 0x7F800000u | (1u << bit);
      EXPECT_EQ(TypeParam(std::bit_cast<float>(bits)).bits, expected) << bits;
    }
  }
}

TYPED_TEST(NarrowTest, Constants) {
  using F = Format<TypeParam>;
  EXPECT_EQ(TypeParam::kMax, F::kMax);
  EXPECT_EQ(TypeParam::kMax, Magnitude<TypeParam>(F::kLargest));
  EXPECT_EQ(TypeParam::kMaxExponent, std::ilogb(F::kMax));
  EXPECT_EQ(TypeParam::kSmallest, Magnitude<TypeParam>(1));
  EXPECT_EQ(TypeParam::kSmallestNormal,
            Magnitude<TypeParam>(1 << F::kMantissaBits));
  const DType dtype = Format<TypeParam>::kDType;
  EXPECT_EQ(UnitRoundoff(dtype), std::ldexp(0.5, -F::kMantissaBits));
  EXPECT_EQ(SmallestSubnormal(dtype), Magnitude<TypeParam>(1));
}

TEST(NarrowDTypeTest, VisitFloat8PassesTheStorageType) {
  for (const DType dtype : kAllDTypes) {
    DType seen = DType::kNone;
    VisitFloat8(dtype, [&](auto value) { seen = kDTypeOf<decltype(value)>; });
    EXPECT_EQ(seen, IsFloat8(dtype) ? dtype : DType::kNone) << Name(dtype);
  }
}

template <typename T>
class Float8Test : public testing::Test {};
using Float8Types = testing::Types<Float8E4M3, Float8E4M3_240, Float8E5M2>;
TYPED_TEST_SUITE(Float8Test, Float8Types);

// Overflowing() differs from the plain conversion only from half a step above
// the largest number on.
TYPED_TEST(Float8Test, OverflowsWhereAskedTo) {
  using F = Format<TypeParam>;
  const double step = F::kMax - Magnitude<TypeParam>(F::kLargest - 1);
  const double border = F::kMax + step / 2;
  const int overflow = F::kInfinity < 0 ? 0x7F : F::kInfinity;
  for (const float value : InterestingValues<TypeParam>()) {
    const double magnitude = std::abs(static_cast<double>(value));
    // The border itself goes to the even code.
    const bool overflows =
        magnitude > border || (magnitude == border && F::kLargest % 2 == 1);
    int expected = Search<TypeParam>(value);
    if (overflows) {
      expected = overflow;
      if (std::signbit(value) && F::kInfinity >= 0) expected |= 0x80;
    }
    EXPECT_EQ(TypeParam::Overflowing(value).bits, expected)
        << std::hexfloat << value;
  }
  EXPECT_EQ(TypeParam::Overflowing(kNaN).bits, 0x7F);
  EXPECT_EQ(TypeParam::Overflowing(-kNaN).bits, 0x7F);
}

TEST(NarrowVectorsTest, BordersOfOverflow) {
  EXPECT_EQ(Float8E4M3::Overflowing(464.0f).bits, 0x7E);
  EXPECT_EQ(Float8E4M3::Overflowing(464.001f).bits, 0x7F);
  EXPECT_EQ(Float8E4M3_240::Overflowing(-247.99f).bits, 0xF7);
  EXPECT_EQ(Float8E4M3_240::Overflowing(-248.0f).bits, 0xF8);
  EXPECT_EQ(Float8E5M2::Overflowing(61439.0f).bits, 0x7B);
  EXPECT_EQ(Float8E5M2::Overflowing(61440.0f).bits, 0x7C);
}

// Values and the codes that the specification of the formats lists for them.
struct Vector {
  float value;
  int e4m3, e4m3_240, e5m2, e2m1;
};
constexpr Vector kVectors[] = {
    {-0.0f, 0x80, 0x80, 0x80, 0x8},     {0x1p-10f, 0x00, 0x00, 0x14, 0x0},
    {0x1.8p-9f, 0x02, 0x02, 0x1A, 0x0}, {0.0177f, 0x09, 0x09, 0x25, 0x0},
    {0.3f, 0x2A, 0x2A, 0x35, 0x1},      {-0.3f, 0xAA, 0xAA, 0xB5, 0x9},
    {1.0625f, 0x38, 0x38, 0x3C, 0x2},   {1.1875f, 0x3A, 0x3A, 0x3D, 0x2},
    {17.0f, 0x58, 0x58, 0x4C, 0x7},     {1.125f, 0x39, 0x39, 0x3C, 0x2},
    {19.0f, 0x5A, 0x5A, 0x4D, 0x7},     {239.0f, 0x77, 0x77, 0x5B, 0x7},
    {248.0f, 0x78, 0x77, 0x5C, 0x7},    {260.0f, 0x78, 0x77, 0x5C, 0x7},
    {447.0f, 0x7E, 0x77, 0x5F, 0x7},    {465.0f, 0x7E, 0x77, 0x5F, 0x7},
    {61439.0f, 0x7E, 0x77, 0x7B, 0x7},  {1e9f, 0x7E, 0x77, 0x7B, 0x7},
    {kInfinity, 0x7E, 0x77, 0x7B, 0x7}, {-kInfinity, 0xFE, 0xF7, 0xFB, 0xF},
    {kNaN, 0x7F, 0x7F, 0x7F, 0x7},
};

TEST(NarrowVectorsTest, Encode) {
  for (const Vector& vector : kVectors) {
    EXPECT_EQ(Float8E4M3(vector.value).bits, vector.e4m3) << vector.value;
    EXPECT_EQ(Float8E4M3_240(vector.value).bits, vector.e4m3_240)
        << vector.value;
    EXPECT_EQ(Float8E5M2(vector.value).bits, vector.e5m2) << vector.value;
    EXPECT_EQ(Float4E2M1(vector.value).bits, vector.e2m1) << vector.value;
  }
  constexpr float kValues[] = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f,  3.5f,
                               5.0f,  0.74f, 1.26f, 2.51f, 5.01f, -0.1f};
  constexpr int kCodes[] = {0, 2, 2, 4, 4, 6, 6, 1, 3, 5, 7, 8};
  for (size_t i = 0; i < std::size(kValues); ++i) {
    EXPECT_EQ(Float4E2M1(kValues[i]).bits, kCodes[i]) << kValues[i];
  }
  EXPECT_EQ(Float8E5M2(0x1p-17f).bits, 0);
  EXPECT_EQ(Float8E5M2(0x1.8p-17f).bits, 1);
  EXPECT_EQ(Float8E5M2(0x1.8p-16f).bits, 2);
}

TEST(NarrowVectorsTest, DecodeOfFourBits) {
  constexpr float kValues[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
  for (uint8_t code = 0; code < 8; ++code) {
    EXPECT_EQ(static_cast<float>(Float4E2M1::FromBits(code)), kValues[code]);
    EXPECT_EQ(static_cast<float>(Float4E2M1::FromBits(code | 8)),
              -kValues[code]);
  }
}

TEST(NarrowVectorsTest, TheTwoE4M3AgreeUpTo240) {
  for (int code = 0; code < 256; ++code) {
    if ((code & 0x7F) > 0x77) continue;
    const uint8_t bits = static_cast<uint8_t>(code);
    EXPECT_EQ(
        std::bit_cast<uint32_t>(static_cast<float>(Float8E4M3::FromBits(bits))),
        std::bit_cast<uint32_t>(
            static_cast<float>(Float8E4M3_240::FromBits(bits))));
  }
}

TEST(Float4E2M1PairTest, TheFirstElementIsInTheLowerBits) {
  constexpr Float4E2M1Pair pair(Float4E2M1(1.5f), Float4E2M1(-4.0f));
  EXPECT_EQ(pair.bits, 0xE3);
  for (int bits = 0; bits < 256; ++bits) {
    const auto from_bits = Float4E2M1Pair::FromBits(static_cast<uint8_t>(bits));
    EXPECT_EQ(from_bits.bits, bits);
    EXPECT_EQ(from_bits.first().bits, bits % 16);
    EXPECT_EQ(from_bits.second().bits, bits / 16);
  }
}

TEST(Float4E2M1PairTest, PackedElementsAreReadAndWritten) {
  Float4E2M1Pair pairs[] = {Float4E2M1Pair::FromBits(0x21),
                            Float4E2M1Pair::FromBits(0x43)};
  for (int i = 0; i < 4; ++i) EXPECT_EQ(GetPacked(pairs, i).bits, i + 1);
  SetPacked(pairs, 1, Float4E2M1::FromBits(0xE));
  SetPacked(pairs, 2, Float4E2M1::FromBits(0x7));
  EXPECT_EQ(pairs[0].bits, 0xE1);
  EXPECT_EQ(pairs[1].bits, 0x47);
}

TEST(E8M0Test, EveryCodeDecodesByDefinition) {
  for (int code = 0; code < 255; ++code) {
    EXPECT_EQ(static_cast<float>(E8M0::FromBits(static_cast<uint8_t>(code))),
              std::ldexp(1.0, code - 127))
        << code;
  }
  EXPECT_EQ(std::bit_cast<uint32_t>(static_cast<float>(E8M0::FromBits(255))),
            0x7FC00000u);
}

TEST(E8M0Test, EveryPowerOfTwoEncodesAndOthersRoundDown) {
  for (int code = 0; code < 255; ++code) {
    const float value = static_cast<float>(std::ldexp(1.0, code - 127));
    EXPECT_EQ(E8M0(value).bits, code);
    const float above = static_cast<float>(std::ldexp(1.99, code - 127));
    EXPECT_EQ(E8M0(above).bits, code);
  }
  EXPECT_EQ(E8M0(0x0.fffffep-126f).bits, 0);  // the largest subnormal
  EXPECT_EQ(E8M0(0x1p-149f).bits, 0);
  EXPECT_EQ(E8M0(0.0f).bits, 0);
  EXPECT_EQ(E8M0(-0.0f).bits, 0);
  EXPECT_EQ(E8M0(-8.0f).bits, 130);
  EXPECT_EQ(E8M0(kInfinity).bits, 255);
  EXPECT_EQ(E8M0(-kInfinity).bits, 255);
  EXPECT_EQ(E8M0(kNaN).bits, 255);
}

static_assert(Float8E4M3(-448.0f).bits == 0xFE);
static_assert(Float8E5M2::Overflowing(1e6f).bits == 0x7C);
static_assert(static_cast<float>(Float8E4M3_240::FromBits(0x01)) == 0x1p-9f);
static_assert(static_cast<float>(E8M0(0.25f)) == 0.25f);
static_assert(Float8<Float8E5M2> && !Float8<Float4E2M1> && !Float8<E8M0>);

}  // namespace
}  // namespace tilework
