// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The casts of narrow-inl.h for all 2^32 inputs. Takes minutes, so it only runs
// where it is asked for:
//   ./bazelw test //common/simd:narrow_exhaustive_test

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/simd/narrow_testing.h"
#include "tilework/testing/simd_targets.h"

namespace tilework {
namespace {

using narrow_testing::NarrowType;

class NarrowExhaustiveTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(NarrowExhaustiveTest);

// The bytes that hold `values`, an even number, by the scalars.
template <typename T>
void EncodeByScalars(const std::vector<float>& values,
                     std::vector<uint8_t>& bytes) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if constexpr (std::is_same_v<T, Float4E2M1Pair>) {
      bytes[i] =
          T(Float4E2M1(values[2 * i]), Float4E2M1(values[2 * i + 1])).bits;
    } else {
      bytes[i] = T(values[i]).bits;
    }
  }
}

// Compares the casts of all f32 with the scalar ones.
template <typename T>
void CompareAll(NarrowType type) {
  constexpr uint64_t kBlock = 1 << 14;
  constexpr bool kPairs = std::is_same_v<T, Float4E2M1Pair>;
  std::vector<float> values(kBlock);
  std::vector<uint8_t> expected(kPairs ? kBlock / 2 : kBlock);
  std::vector<uint8_t> actual(expected.size());
  for (uint64_t start = 0; start < (uint64_t{1} << 32); start += kBlock) {
    for (uint64_t i = 0; i < kBlock; ++i) {
      values[i] = std::bit_cast<float>(static_cast<uint32_t>(start + i));
    }
    EncodeByScalars<T>(values, expected);
    narrow_testing::StoreAll(values.data(), kBlock, type, actual.data());
    ASSERT_TRUE(actual == expected)
        << "between " << std::hex << start << " and " << start + kBlock;
    if constexpr (Float8<T>) {
      const size_t step = 4 * narrow_testing::Lanes();
      for (size_t i = 0; i < kBlock; i += step) {
        const auto is_in_range = [](float value) {
          return std::abs(value) <= T::kMax;
        };
        const float* from = values.data() + i;
        narrow_testing::StoreFour(from, type,
                                  std::all_of(from, from + step, is_in_range),
                                  actual.data() + i);
      }
      ASSERT_TRUE(actual == expected) << "by fours between " << std::hex
                                      << start << " and " << start + kBlock;
    }
  }
}

TEST_P(NarrowExhaustiveTest, EveryF32RoundsToE4M3) {
  CompareAll<Float8E4M3>(NarrowType::kE4M3);
}
TEST_P(NarrowExhaustiveTest, EveryF32RoundsToE4M3_240) {
  CompareAll<Float8E4M3_240>(NarrowType::kE4M3_240);
}
TEST_P(NarrowExhaustiveTest, EveryF32RoundsToE5M2) {
  CompareAll<Float8E5M2>(NarrowType::kE5M2);
}
TEST_P(NarrowExhaustiveTest, EveryF32RoundsToE8M0) {
  CompareAll<E8M0>(NarrowType::kE8M0);
}
TEST_P(NarrowExhaustiveTest, EveryF32RoundsToE2M1) {
  CompareAll<Float4E2M1Pair>(NarrowType::kE2M1);
}

}  // namespace
}  // namespace tilework
