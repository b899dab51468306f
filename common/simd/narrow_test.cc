// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Vectors against scalars: common/dtype's test holds the scalars against the
// formats' definitions.

#include "tilework/common/dtype/narrow.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/simd/narrow_testing.h"
#include "tilework/testing/guard_page.h"
#include "tilework/testing/simd_targets.h"

namespace tilework {
namespace {

using narrow_testing::NarrowType;
using narrow_testing::VisitNarrow;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr NarrowType kTypes[] = {NarrowType::kE4M3, NarrowType::kE4M3_240,
                                 NarrowType::kE5M2, NarrowType::kE8M0,
                                 NarrowType::kE2M1};

uint32_t Bits(float value) { return std::bit_cast<uint32_t>(value); }
float FromBits(uint32_t bits) { return std::bit_cast<float>(bits); }

int Number(NarrowType type) { return static_cast<int>(type); }

// Elements in a byte.
size_t PerByte(NarrowType type) { return type == NarrowType::kE2M1 ? 2 : 1; }
size_t NumBytes(NarrowType type, size_t size) {
  return (size + PerByte(type) - 1) / PerByte(type);
}

// Element i of the packed `bytes`, and `values` packed, by the scalars.
float Decode(NarrowType type, const std::vector<uint8_t>& bytes, size_t i) {
  float result = 0;
  VisitNarrow(type, [&](auto t) {
    using T = decltype(t);
    if constexpr (std::is_same_v<T, Float4E2M1Pair>) {
      const auto* pairs = reinterpret_cast<const T*>(bytes.data());
      result = static_cast<float>(GetPacked(pairs, static_cast<int64_t>(i)));
    } else {
      result = static_cast<float>(T::FromBits(bytes[i]));
    }
  });
  return result;
}
std::vector<uint8_t> Encode(NarrowType type, const std::vector<float>& values) {
  std::vector<uint8_t> result(NumBytes(type, values.size()));
  VisitNarrow(type, [&](auto t) {
    using T = decltype(t);
    for (size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, Float4E2M1Pair>) {
        SetPacked(reinterpret_cast<T*>(result.data()), static_cast<int64_t>(i),
                  Float4E2M1(values[i]));
      } else {
        result[i] = T(values[i]).bits;
      }
    }
  });
  return result;
}

class NarrowSimdTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(NarrowSimdTest);

// All bytes: of the type of four bits, all pairs of codes.
TEST_P(NarrowSimdTest, EveryCodeDecodesLikeTheScalars) {
  std::vector<uint8_t> bytes(256);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  for (const NarrowType type : kTypes) {
    std::vector<float> decoded(256 * PerByte(type));
    narrow_testing::LoadAll(type, bytes.data(),
                            static_cast<int64_t>(decoded.size()),
                            decoded.data());
    for (size_t i = 0; i < decoded.size(); ++i) {
      ASSERT_EQ(Bits(decoded[i]), Bits(Decode(type, bytes, i)))
          << "type " << Number(type) << " code " << i;
    }
  }
}

// Each value among usual numbers, and all together.
void ExpectEncodedByFours(NarrowType type, const std::vector<float>& values,
                          const std::vector<uint8_t>& expected) {
  const size_t step = 4 * narrow_testing::Lanes();
  std::vector<float> group(step, 1.01f);
  std::vector<uint8_t> bytes(step);
  const float largest = Decode(type, Encode(type, {kInfinity}), 0);
  for (size_t i = 0; i < values.size(); ++i) {
    group[i % step] = values[i];
    for (const bool in_range : {false, true}) {
      if (in_range && !(std::abs(values[i]) <= largest)) continue;
      narrow_testing::StoreFour(group.data(), type, in_range, bytes.data());
      ASSERT_EQ(bytes[i % step], expected[i])
          << "type " << Number(type) << " of " << std::hex << Bits(values[i]);
    }
    group[i % step] = 1.01f;
  }
  for (size_t i = 0; i + step <= values.size(); i += step) {
    narrow_testing::StoreFour(values.data() + i, type, false, bytes.data());
    ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(),
                           expected.begin() + static_cast<ptrdiff_t>(i)));
  }
}

void ExpectEncoded(NarrowType type, const std::vector<float>& values) {
  const std::vector<uint8_t> expected = Encode(type, values);
  const int64_t size = static_cast<int64_t>(values.size());
  std::vector<uint8_t> bytes(expected.size());
  narrow_testing::StoreAll(values.data(), size, type, bytes.data());
  const size_t per_byte = PerByte(type);
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_EQ(bytes[i / per_byte], expected[i / per_byte])
        << "type " << Number(type) << " of " << std::hex << Bits(values[i]);
  }
  VisitNarrow(type, [&](auto t) {
    if constexpr (Float8<decltype(t)>) {
      ExpectEncodedByFours(type, values, expected);
      std::vector<float> rounded = values;
      narrow_testing::RoundAll(type, size, rounded.data());
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(Bits(rounded[i]), Bits(Decode(type, expected, i)))
            << "type " << Number(type) << " of " << std::hex << Bits(values[i]);
      }
    }
  });
}

// Of every code: its value, the midpoint to the next one, and the f32
// neighbours of both, with both signs.
TEST_P(NarrowSimdTest, MidpointsAndNeighboursEncodeLikeTheScalars) {
  std::vector<uint8_t> bytes(256);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  for (const NarrowType type : kTypes) {
    std::vector<float> numbers;
    for (size_t i = 0; i < 256 * PerByte(type); ++i) {
      const float value = Decode(type, bytes, i);
      if (std::isfinite(value)) numbers.push_back(value);
    }
    std::sort(numbers.begin(), numbers.end());
    std::vector<float> values;
    for (size_t i = 0; i < numbers.size(); ++i) {
      // Beyond the largest, what would follow if it could.
      const float step = numbers[i] - numbers[i > 0 ? i - 1 : 0];
      const float next =
          i + 1 < numbers.size() ? numbers[i + 1] : numbers[i] + step;
      for (const float exact : {numbers[i], numbers[i] / 2 + next / 2}) {
        for (const float sign : {1.0f, -1.0f}) {
          values.push_back(sign * exact);
          values.push_back(sign * std::nextafter(exact, kInfinity));
          values.push_back(sign * std::nextafter(exact, -kInfinity));
        }
      }
    }
    ExpectEncoded(type, values);
  }
}

TEST_P(NarrowSimdTest, SpecialValuesEncodeLikeTheScalars) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  std::vector<float> values = {0.0f,       -0.0f,     kInfinity,
                               -kInfinity, 0x1p-149f, -0x1p-126f,
                               kLargest,   -kLargest, 0x1.8p-127f};
  // NaNs, quiet and signaling ones, with each bit of the payload.
  for (int bit = 0; bit < 23; ++bit) {
    values.push_back(FromBits(0x7F800000u | (1u << bit)));
    values.push_back(FromBits(0xFFFFFFFFu ^ (1u << bit)));
  }
  // A sample of all that there is.
  for (uint64_t bits = 0; bits <= 0xFFFFFFFFu; bits += 10007) {
    values.push_back(FromBits(static_cast<uint32_t>(bits)));
  }
  for (const NarrowType type : kTypes) ExpectEncoded(type, values);
}

TEST_P(NarrowSimdTest, PartialStoresTouchNothingBeyond) {
  const size_t lanes = narrow_testing::Lanes();
  std::vector<float> values(lanes);
  for (size_t i = 0; i < lanes; ++i) values[i] = static_cast<float>(i) - 1.5f;
  for (const NarrowType type : kTypes) {
    for (size_t count = 0; count <= lanes; ++count) {
      constexpr size_t kBefore = 3;  // also makes it unaligned
      std::vector<uint8_t> to(kBefore + lanes + 64, 0xA5);
      const std::vector<uint8_t> encoded =
          Encode(type, {values.begin(), values.begin() + count});
      std::vector<uint8_t> expected = to;
      std::copy(encoded.begin(), encoded.end(), expected.begin() + kBefore);
      narrow_testing::Store(values.data(), count, type, to.data() + kBefore);
      EXPECT_EQ(to, expected) << "type " << Number(type) << " count " << count;
    }
  }
}

TEST_P(NarrowSimdTest, PartialLoadsReadNothingBeyondAndGiveZeros) {
  const size_t lanes = narrow_testing::Lanes();
  const GuardPage page;
  ASSERT_NE(page.end(), nullptr);
  for (const NarrowType type : kTypes) {
    for (size_t count = 0; count <= lanes; ++count) {
      std::vector<uint8_t> bytes(NumBytes(type, count));
      for (size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<uint8_t>(37 * i + 0x31);
      }
      unsigned char* from = page.end() - bytes.size();
      if (!bytes.empty()) std::memcpy(from, bytes.data(), bytes.size());
      std::vector<float> loaded(lanes, kInfinity);
      narrow_testing::Load(type, from, count, loaded.data());
      for (size_t i = 0; i < lanes; ++i) {
        const float expected = i < count ? Decode(type, bytes, i) : 0.0f;
        EXPECT_EQ(Bits(loaded[i]), Bits(expected))
            << "type " << Number(type) << " count " << count << " lane " << i;
      }
    }
  }
}

}  // namespace
}  // namespace tilework
