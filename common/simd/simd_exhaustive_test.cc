// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The casts of convert-inl.h for all 2^32 inputs. Takes a minute or two, so it
// only runs where it is asked for:
//   ./bazelw test //common/simd:simd_exhaustive_test

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/simd_testing.h"
#include "tilework/testing/simd_targets.h"

namespace tilework {
namespace {

class SimdExhaustiveTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(SimdExhaustiveTest);

// Compares the casts of all f32 to T with the scalar ones.
template <typename T>
void CompareAll() {
  constexpr uint64_t kBlock = 1 << 14;
  std::vector<float> values(kBlock);
  std::vector<T> rounded(kBlock);
  for (uint64_t start = 0; start < (uint64_t{1} << 32); start += kBlock) {
    for (uint64_t i = 0; i < kBlock; ++i) {
      values[i] = std::bit_cast<float>(static_cast<uint32_t>(start + i));
    }
    simd_testing::StoreRow(values.data(), 1, kBlock, kDTypeOf<T>,
                           rounded.data());
    uint32_t difference = 0;
    for (size_t i = 0; i < kBlock; ++i) {
      difference |= static_cast<uint32_t>(rounded[i].bits) ^ T(values[i]).bits;
    }
    ASSERT_EQ(difference, 0u)
        << "between " << std::hex << start << " and " << start + kBlock;
  }
}

TEST_P(SimdExhaustiveTest, EveryF32RoundsToBF16LikeTheScalars) {
  CompareAll<BFloat16>();
}

TEST_P(SimdExhaustiveTest, EveryF32RoundsToF16LikeTheScalars) {
  CompareAll<Float16>();
}

}  // namespace
}  // namespace tilework
