// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tiling/swizzle.h"

#include <cstdint>
#include <set>

#include "gtest/gtest.h"

namespace tilework {
namespace {

constexpr uint32_t kBytes = 4096;

class SwizzleTest : public testing::TestWithParam<Swizzle> {};

TEST_P(SwizzleTest, PostConditions) {
  const Swizzle swizzle = GetParam();
  const uint32_t span = SwizzleSpan(swizzle);
  const uint32_t pattern = SwizzlePattern(swizzle);
  for (uint32_t address = 0; address < kBytes; ++address) {
    const uint32_t place = ApplySwizzle(swizzle, address);
    // (1) its own inverse, hence a permutation
    EXPECT_EQ(ApplySwizzle(swizzle, place), address);
    // (2) stays in its row
    EXPECT_EQ(place / span, address / span);
    // (3) moves chunks of 16 bytes as a whole
    EXPECT_EQ(place % 16, address % 16);
    // (4) repeats after the pattern, so it also acts on offsets from there
    EXPECT_EQ(ApplySwizzle(swizzle, address + pattern), place + pattern);
  }
}

// (5) The eight chunks of a column of eight rows are in different banks: what
// the swizzle is for. Without one, rows are 16 bytes and adjacent.
TEST_P(SwizzleTest, ColumnsHaveNoBankConflicts) {
  const Swizzle swizzle = GetParam();
  const uint32_t span = SwizzleSpan(swizzle);
  for (uint32_t chunk = 0; chunk < span / 16; ++chunk) {
    std::set<uint32_t> banks;
    for (uint32_t row = 0; row < 8; ++row) {
      banks.insert(ApplySwizzle(swizzle, row * span + chunk * 16) % 128 / 16);
    }
    EXPECT_EQ(banks.size(), 8u) << "chunk " << chunk;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SwizzleTest, testing::ValuesIn(kAllSwizzles));

// The permutations written out, as the PTX ISA draws them.
static_assert(ApplySwizzle(Swizzle::kNone, 0x3F5) == 0x3F5);
static_assert(ApplySwizzle(Swizzle::k32B, 0x80) == 0x90);
static_assert(ApplySwizzle(Swizzle::k32B, 0x100) == 0x100);
static_assert(ApplySwizzle(Swizzle::k64B, 0x1B4) == 0x184);
static_assert(ApplySwizzle(Swizzle::k128B, 0x080) == 0x090);
static_assert(ApplySwizzle(Swizzle::k128B, 0x3F1) == 0x381);
static_assert(ApplySwizzle(Swizzle::k128B, 0x400) == 0x400);

}  // namespace
}  // namespace tilework
