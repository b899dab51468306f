// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/random/philox.h"

#include <bit>
#include <cstdint>

#include "gtest/gtest.h"

namespace tilework {
namespace {

constexpr uint64_t kAllOnes = ~uint64_t{0};

struct KnownAnswer {
  uint64_t seed;
  uint64_t stream;
  uint64_t block;
  PhiloxBlock words;
};

// The first three are the published vectors of the algorithm (key = seed,
// counter = block, stream).
constexpr KnownAnswer kKnownAnswers[] = {
    {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {kAllOnes,
     kAllOnes,
     kAllOnes,
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {0x299f31d0a4093822,
     0x0370734413198a2e,
     0x85a308d3243f6a88,
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    {42, 0, 0, {0x9ceaf053, 0x77f5493b, 0x12bf50ad, 0x5742b3d7}},
    {42, 0, 1, {0xfcdb2127, 0x53ba6cfd, 0x838f5a6e, 0x744e06fb}},
    {42, 0, 2, {0xd36c0225, 0xa8875dcb, 0x9a4d6d99, 0xc609a559}},
    {0x0123456789abcdef,
     7,
     0x00000000ffffffff,
     {0x99b2a2af, 0x6420bf62, 0x20f49b6b, 0x6dd31e1c}},
    {0x0123456789abcdef,
     7,
     0x0000000100000000,
     {0xc2692e75, 0x38a0d4e6, 0xd164305a, 0xfd873ddf}},
};

TEST(PhiloxTest, KnownAnswers) {
  for (const KnownAnswer& answer : kKnownAnswers) {
    EXPECT_EQ(Philox(answer.seed, answer.stream, answer.block), answer.words)
        << answer.seed << " " << answer.stream << " " << answer.block;
  }
}

// Usable in constant expressions.
static_assert(Philox(0, 0, 0)[0] == 0x6627e8d5);

TEST(PhiloxTest, WordsRunThroughTheBlocks) {
  const PhiloxState state = {.seed = 42, .stream = 0, .offset = 1};
  const PhiloxBlock first = Philox(42, 0, 1);
  const PhiloxBlock second = Philox(42, 0, 2);
  for (uint64_t n = 0; n < 4; ++n) {
    EXPECT_EQ(state.Word(n), first[n]);
    EXPECT_EQ(state.Word(4 + n), second[n]);
  }
}

TEST(PhiloxTest, TheBlockNumberWrapsWithinTheStream) {
  const PhiloxState state = {.seed = 42, .stream = 5, .offset = kAllOnes};
  EXPECT_EQ(state.Word(3), Philox(42, 5, kAllOnes)[3]);
  EXPECT_EQ(state.Word(4), Philox(42, 5, 0)[0]);
  EXPECT_EQ(state.After(5).offset, 1u);
  EXPECT_EQ(state.After(5).stream, 5u);
}

TEST(PhiloxTest, EveryOperationStartsABlock) {
  const PhiloxState state = {.seed = 1, .stream = 2, .offset = 3};
  EXPECT_EQ(state.After(0).offset, 3u);
  EXPECT_EQ(state.After(1).offset, 4u);
  EXPECT_EQ(state.After(4).offset, 4u);
  EXPECT_EQ(state.After(5).offset, 5u);
  EXPECT_EQ(state.After(kAllOnes).offset, 3u + (uint64_t{1} << 62));
}

TEST(PhiloxTest, Unit24IsExactAndBelowOne) {
  EXPECT_EQ(Unit24(0), 0.0f);
  EXPECT_EQ(Unit24(255), 0.0f);
  EXPECT_EQ(Unit24(256), 0x1p-24f);
  EXPECT_EQ(Unit24(0x80000000), 0.5f);
  EXPECT_EQ(Unit24(0xFFFFFFFF), 1.0f - 0x1p-24f);
  // The first uniform numbers of seed 42.
  const PhiloxState state = {.seed = 42};
  constexpr uint32_t kUniform[] = {0x3f1ceaf0, 0x3eefea92, 0x3d95fa80,
                                   0x3eae8566, 0x3f7cdb21, 0x3ea774d8,
                                   0x3f038f5a, 0x3ee89c0c};
  for (uint64_t n = 0; n < 8; ++n) {
    EXPECT_EQ(std::bit_cast<uint32_t>(Unit24(state.Word(n))), kUniform[n]);
  }
}

}  // namespace
}  // namespace tilework
