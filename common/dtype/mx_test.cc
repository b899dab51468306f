// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/dtype/mx.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/narrow.h"

namespace tilework {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

constexpr MxScaleMode kModes[] = {MxScaleMode::kFloor, MxScaleMode::kCeil,
                                  MxScaleMode::kEven, MxScaleMode::kRceil};

template <typename F>
class MxTest : public testing::Test {
 public:
  static double Value(int code) {
    return static_cast<double>(
        static_cast<float>(F::FromBits(static_cast<uint8_t>(code))));
  }
};
using Elements = testing::Types<Float8E4M3, Float8E5M2, Float4E2M1>;
TYPED_TEST_SUITE(MxTest, Elements);

// The modes by their meaning, in double: the exponent of the scale.
template <typename F>
int ScaleExponent(float amax, MxScaleMode mode) {
  const double x = static_cast<double>(amax);
  // An amax below the normal numbers (and 0) counts as 2^-127.
  const int floor = x < 0x1p-126 ? -127 : std::ilogb(x);
  const int e_max = std::ilogb(static_cast<double>(F::kMax));
  switch (mode) {
    case MxScaleMode::kFloor:
      return floor - e_max;
    case MxScaleMode::kCeil:
      // Clamping hides what happens below the normal numbers.
      return floor + (x > std::ldexp(1.0, floor) ? 1 : 0) - e_max;
    case MxScaleMode::kEven: {
      const double step = std::ldexp(1.0, floor - F::kMantissaBits);
      const double rounded = std::floor(x / step + 0.5) * step;
      return std::max(std::ilogb(rounded), -127) - e_max;
    }
    case MxScaleMode::kRceil: {
      const float quotient = amax * static_cast<float>(1.0 / F::kMax);
      int exponent = -127;
      while (static_cast<double>(quotient) > std::ldexp(1.0, exponent)) {
        ++exponent;
      }
      return exponent;
    }
  }
  return 0;
}

// Around every power of two and around what each mode compares with.
template <typename F>
std::vector<float> InterestingAmax() {
  const uint32_t half = 1u << (22 - F::kMantissaBits);
  const uint32_t max_mantissa = std::bit_cast<uint32_t>(F::kMax) & 0x7FFFFFu;
  std::vector<float> result;
  for (uint32_t exponent = 0; exponent < 255; ++exponent) {
    for (const uint32_t mantissa :
         {0u, half, 0x400000u, max_mantissa, 0x800000u - half, 0x7FFFFFu}) {
      for (int offset = -3; offset <= 3; ++offset) {
        const int64_t bits = (int64_t{exponent} << 23) + mantissa + offset;
        if (bits < 0 || bits >= 0x7F800000) continue;
        result.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
      }
    }
  }
  return result;
}

TYPED_TEST(MxTest, ScalesByTheMeaningOfTheModes) {
  for (const float amax : InterestingAmax<TypeParam>()) {
    for (const MxScaleMode mode : kModes) {
      const int exponent = ScaleExponent<TypeParam>(amax, mode);
      ASSERT_EQ(MxScale<TypeParam>(amax, mode).bits,
                std::clamp(exponent + 127, 0, 254))
          << std::hexfloat << amax << " mode " << static_cast<int>(mode);
    }
  }
}

TYPED_TEST(MxTest, NoScaleForInfinityAndNaN) {
  for (const MxScaleMode mode : kModes) {
    EXPECT_EQ(MxScale<TypeParam>(kInfinity, mode).bits, 255);
    EXPECT_EQ(MxScale<TypeParam>(kNaN, mode).bits, 255);
  }
}

TEST(MxReciprocalTest, IsExact) {
  for (int bits = 0; bits < 255; ++bits) {
    const E8M0 scale = E8M0::FromBits(static_cast<uint8_t>(bits));
    EXPECT_EQ(MxReciprocal(scale), std::ldexp(1.0, 127 - bits));
  }
  EXPECT_TRUE(std::isnan(MxReciprocal(E8M0::FromBits(255))));
}

// All codes times all scales.
TYPED_TEST(MxTest, DecodesByDefinition) {
  const int codes = 2 * TypeParam::kSignMask;
  for (int code = 0; code < codes; ++code) {
    const auto element = TypeParam::FromBits(static_cast<uint8_t>(code));
    for (int bits = 0; bits < 255; ++bits) {
      const float actual =
          MxDecode(element, E8M0::FromBits(static_cast<uint8_t>(bits)));
      const double expected = std::ldexp(this->Value(code), bits - 127);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(actual)) << code << " * 2^" << bits - 127;
      } else if (std::abs(expected) >= 0x1p128) {
        ASSERT_EQ(std::abs(actual), kInfinity) << code << " * 2^" << bits - 127;
      } else {
        ASSERT_EQ(actual, expected) << code << " * 2^" << bits - 127;
      }
    }
    EXPECT_TRUE(std::isnan(MxDecode(element, E8M0::FromBits(255)))) << code;
  }
}

// Every finite code comes back under every scale with which its value is a
// finite f32.
TYPED_TEST(MxTest, EncodesWhatItDecodes) {
  const int codes = 2 * TypeParam::kSignMask;
  for (int code = 0; code < codes; ++code) {
    const auto element = TypeParam::FromBits(static_cast<uint8_t>(code));
    if (!std::isfinite(static_cast<float>(element))) continue;
    for (int bits = 0; bits < 255; ++bits) {
      const E8M0 scale = E8M0::FromBits(static_cast<uint8_t>(bits));
      const float value = MxDecode(element, scale);
      if (std::isinf(value)) continue;
      ASSERT_EQ(MxEncode<TypeParam>(value, scale).bits, code) << bits;
    }
  }
}

// The error of a round trip: a rounding where nothing saturates; what saturates
// (only if the scale is rounded down) is within the reach of the format.
TYPED_TEST(MxTest, RoundTripsWithinTheBound) {
  const double u = std::ldexp(1.0, -TypeParam::kMantissaBits - 1);
  const double max = static_cast<double>(TypeParam::kMax);
  const double reach = std::ldexp(2.0, TypeParam::kMaxExponent);
  for (const float amax : InterestingAmax<TypeParam>()) {
    for (const MxScaleMode mode : kModes) {
      for (const float factor : {1.0f, -0.7f, 0.013f, 1e-5f}) {
        const std::vector<float> block = {amax, amax * factor};
        std::vector<TypeParam> elements(2);
        const E8M0 scale = MxEncodeBlock<TypeParam>(block, mode, elements);
        const double z = static_cast<double>(static_cast<float>(scale));
        for (size_t i = 0; i < 2; ++i) {
          const double x = static_cast<double>(block[i]);
          const double y =
              static_cast<double>(static_cast<float>(elements[i])) * z;
          const double smallest = static_cast<double>(TypeParam::kSmallest);
          if (std::abs(x) <= max * z) {
            ASSERT_LE(std::abs(y - x), u * std::abs(x) + smallest * z / 2)
                << std::hexfloat << x << " amax " << amax;
          } else {
            ASSERT_EQ(y, std::copysign(max * z, x));
            ASSERT_LT(std::abs(y - x), (reach - max) * z)
                << std::hexfloat << x << " amax " << amax;
          }
        }
      }
    }
  }
}

// Blocks with their scales and codes as the specification lists them.
struct Coded {
  int scale;
  std::vector<int> codes;
};

template <typename F>
void ExpectCoded(const std::vector<float>& block, MxScaleMode mode,
                 const Coded& expected) {
  std::vector<F> elements(block.size());
  const E8M0 scale = MxEncodeBlock<F>(block, mode, elements);
  EXPECT_EQ(scale.bits, expected.scale) << block[0];
  ASSERT_EQ(block.size(), expected.codes.size());
  for (size_t i = 0; i < block.size(); ++i) {
    EXPECT_EQ(elements[i].bits, expected.codes[i])
        << "element " << i << " of the block of " << block[0];
  }
}

struct BlockVector {
  std::vector<float> block;
  Coded e4m3_floor, e4m3_rceil, e5m2_floor, e2m1_floor, e2m1_rceil;
};

std::vector<BlockVector> BlockVectors() {
  const Coded nan = {255, {0, 0, 0, 0}};
  return {
      {{1, -0.5f, 0.3f, 0},
       {119, {0x78, 0xF0, 0x6A, 0x00}},
       {119, {0x78, 0xF0, 0x6A, 0x00}},
       {112, {0x78, 0xF4, 0x71, 0x00}},
       {125, {0x6, 0xC, 0x2, 0x0}},
       {125, {0x6, 0xC, 0x2, 0x0}}},
      {{500, 1, -3.3f, 0.01f},
       {127, {0x7E, 0x38, 0xC5, 0x05}},
       {128, {0x78, 0x30, 0xBD, 0x03}},
       {120, {0x7B, 0x58, 0xDF, 0x3D}},
       {133, {0x7, 0x0, 0x8, 0x0}},
       {134, {0x6, 0x0, 0x8, 0x0}}},
      {{448, 449, -448, 100},
       {127, {0x7E, 0x7E, 0xFE, 0x6C}},
       {128, {0x76, 0x76, 0xF6, 0x64}},
       {120, {0x7B, 0x7B, 0xFB, 0x72}},
       {133, {0x7, 0x7, 0xF, 0x3}},
       {134, {0x6, 0x6, 0xE, 0x2}}},
      {{7.9f, 1, 0.26f, -0.24f},
       {121, {0x7E, 0x68, 0x58, 0xD7}},
       {122, {0x78, 0x60, 0x50, 0xCF}},
       {114, {0x7B, 0x70, 0x68, 0xE8}},
       {127, {0x7, 0x2, 0x1, 0x8}},
       {128, {0x6, 0x1, 0x0, 0x8}}},
      {{0, -0.0f, 0, 0},
       {0, {0x00, 0x80, 0x00, 0x00}},
       {0, {0x00, 0x80, 0x00, 0x00}},
       {0, {0x00, 0x80, 0x00, 0x00}},
       {0, {0x0, 0x8, 0x0, 0x0}},
       {0, {0x0, 0x8, 0x0, 0x0}}},
      {{1e-40f, 5e-39f, 0, -1e-39f},
       {0, {0x09, 0x36, 0x00, 0xA3}},
       {0, {0x09, 0x36, 0x00, 0xA3}},
       {0, {0x24, 0x3B, 0x00, 0xB1}},
       {0, {0x0, 0x2, 0x0, 0x8}},
       {0, {0x0, 0x2, 0x0, 0x8}}},
      {{3e38f, 1e38f, 1, -1e30f},
       {246, {0x7E, 0x71, 0x00, 0x80}},
       {247, {0x76, 0x69, 0x00, 0x80}},
       {239, {0x7B, 0x75, 0x00, 0x8A}},
       {252, {0x7, 0x4, 0x0, 0x8}},
       {253, {0x6, 0x2, 0x0, 0x8}}},
      {{kInfinity, 1, 2, -1}, nan, nan, nan, nan, nan},
      {{1, -kInfinity, 2, -1}, nan, nan, nan, nan, nan},
      {{1, 2, kNaN, -1}, nan, nan, nan, nan, nan},
  };
}

TEST(MxVectorsTest, Blocks) {
  for (const BlockVector& v : BlockVectors()) {
    ExpectCoded<Float8E4M3>(v.block, MxScaleMode::kFloor, v.e4m3_floor);
    ExpectCoded<Float8E4M3>(v.block, MxScaleMode::kRceil, v.e4m3_rceil);
    ExpectCoded<Float8E5M2>(v.block, MxScaleMode::kFloor, v.e5m2_floor);
    ExpectCoded<Float4E2M1>(v.block, MxScaleMode::kFloor, v.e2m1_floor);
    ExpectCoded<Float4E2M1>(v.block, MxScaleMode::kRceil, v.e2m1_rceil);
  }
  EXPECT_EQ(MxScale<Float8E4M3>(500, MxScaleMode::kCeil).bits, 128);
  EXPECT_EQ(MxScale<Float8E4M3>(449, MxScaleMode::kCeil).bits, 128);
  EXPECT_EQ(MxScale<Float8E4M3>(500, MxScaleMode::kEven).bits, 128);
  EXPECT_EQ(MxScale<Float8E4M3>(449, MxScaleMode::kEven).bits, 127);
  EXPECT_EQ(MxScale<Float4E2M1>(449, MxScaleMode::kEven).bits, 134);
}

// The factor that kRceil multiplies with.
static_assert(std::bit_cast<uint32_t>(1.0f / Float8E4M3::kMax) == 0x3B124925u);
static_assert(std::bit_cast<uint32_t>(1.0f / Float8E5M2::kMax) == 0x37924925u);
static_assert(std::bit_cast<uint32_t>(1.0f / Float4E2M1::kMax) == 0x3E2AAAABu);

static_assert(MxScale<Float8E4M3>(448.0f, MxScaleMode::kRceil).bits == 127);
static_assert(MxElement<Float4E2M1> && !MxElement<Float8E4M3_240>);

}  // namespace
}  // namespace tilework
