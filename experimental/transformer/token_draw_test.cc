// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/transformer/token_draw.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(PackCandidateTest, RisesAsLogitsFallAndThenWithTheIndex) {
  const float falling[] = {3e38f,  1.0f,  0x1p-149f, 0.0f,
                           -1e-9f, -1.5f, -3e38f,    -kInfinity};
  for (size_t i = 0; i + 1 < std::size(falling); ++i) {
    EXPECT_LT(PackCandidate(falling[i], 0xFFFFFFFF),
              PackCandidate(falling[i + 1], 0))
        << falling[i];
    EXPECT_LT(PackCandidate(falling[i], 7), PackCandidate(falling[i], 8));
  }
  EXPECT_EQ(PackCandidate(-0.0f, 5), PackCandidate(0.0f, 5));
  EXPECT_EQ(CandidateIndex(PackCandidate(-2.0f, 0x7FFFFFFF)), 0x7FFFFFFFu);
}

TEST(SortCandidatesTest, SortsAnyNumber) {
  Random random(1);
  for (const int64_t count : {0, 1, 2, 191, 192, 193, 1000, 5000}) {
    // Few different logits make ties; a single one makes nothing to do.
    for (const double kinds : {1.0, 5.0, 1e6}) {
      std::vector<uint64_t> candidates;
      for (int64_t i = 0; i < count; ++i) {
        const double logit = std::floor(random.Uniform(-kinds, 0)) / 3;
        candidates.push_back(
            PackCandidate(static_cast<float>(logit), static_cast<uint32_t>(i)));
      }
      std::vector<uint64_t> sorted = candidates;
      std::sort(sorted.begin(), sorted.end());
      std::vector<uint64_t> spare(candidates.size());
      SortCandidates(candidates.data(), count, spare.data());
      EXPECT_EQ(candidates, sorted) << count << " of " << kinds;
    }
  }
}

int64_t DrawExactly(const std::vector<float>& weights, const DrawRules& rules) {
  const int64_t count = static_cast<int64_t>(weights.size());
  return DrawToken({.weights = weights.data(),
                    .count = count,
                    .total = SumOfWeights(weights.data(), count)},
                   rules);
}

TEST(DrawTokenTest, TheRunningSumMustExceedTheTarget) {
  const std::vector<float> weights = {1, 1, 1, 1};
  EXPECT_EQ(DrawExactly(weights, {.u = 0}), 0);
  EXPECT_EQ(DrawExactly(weights, {.u = 0.25 - 0x1p-24}), 0);
  EXPECT_EQ(DrawExactly(weights, {.u = 0.25}), 1);
  EXPECT_EQ(DrawExactly(weights, {.u = 0.75}), 3);
  EXPECT_EQ(DrawExactly(weights, {.u = 1 - 0x1p-24}), 3);
}

TEST(DrawTokenTest, TopPKeepsTheTokenThatReachesIt) {
  const std::vector<float> weights = {1, 1, 1, 1};
  constexpr double kLast = 1 - 0x1p-24;
  EXPECT_EQ(DrawExactly(weights, {.top_p = 0.5, .u = kLast}), 1);
  EXPECT_EQ(DrawExactly(weights, {.top_p = 0.5 + 0x1p-24, .u = kLast}), 2);
  EXPECT_EQ(DrawExactly(weights, {.top_p = 1e-9, .u = kLast}), 0);
  // u counts within what is kept.
  EXPECT_EQ(DrawExactly(weights, {.top_p = 0.5, .u = 0.5}), 1);
}

TEST(DrawTokenTest, MinPKeepsEquality) {
  const std::vector<float> weights = {1, 0.5, 0.25, 0.125};
  constexpr double kLast = 1 - 0x1p-24;
  EXPECT_EQ(DrawExactly(weights, {.min_p = 0.25, .u = kLast}), 2);
  EXPECT_EQ(DrawExactly(weights, {.min_p = 0.25 + 0x1p-24, .u = kLast}), 1);
  EXPECT_EQ(DrawExactly(weights, {.min_p = 0.25, .u = 4.0 / 7 - 0.01}), 0);
  EXPECT_EQ(DrawExactly(weights, {.min_p = 0.25, .u = 4.0 / 7 + 0.01}), 1);
  // top_p counts what min_p drops.
  EXPECT_EQ(DrawExactly(weights, {.top_p = 0.9, .min_p = 0.5, .u = kLast}), 1);
}

TEST(DrawTokenTest, ATokenThatIsDroppedInBetweenIsPassedOver) {
  // exp need not be monotonic in its last bit.
  const std::vector<float> weights = {1, 0.25f - 0x1p-26f, 0.25f};
  EXPECT_EQ(DrawExactly(weights, {.min_p = 0.25, .u = 0.99}), 2);
}

TEST(DrawTokenTest, TokensOfNoWeightAreNotDrawn) {
  EXPECT_EQ(DrawExactly({1, 0, 0}, {.u = 1 - 0x1p-24}), 0);
}

TEST(DrawTokenTest, SaysWhenTheSlackDecides) {
  const std::vector<float> weights = {1, 1, 1, 1};
  DrawTokens tokens = {
      .weights = weights.data(), .count = 4, .total = 4, .slack = 1e-12};
  EXPECT_EQ(DrawToken(tokens, {.u = 0.25}), -1);
  EXPECT_EQ(DrawToken(tokens, {.u = 0.3}), 1);
  EXPECT_EQ(DrawToken(tokens, {.top_p = 0.5, .u = 0.3}), -1);
  EXPECT_EQ(DrawToken(tokens, {.top_p = 0.6, .u = 0.3}), 0);
  const std::vector<float> halves = {1, 0.5, 0.25};
  tokens = {
      .weights = halves.data(), .count = 3, .total = 1.75, .slack = 1e-12};
  EXPECT_EQ(DrawToken(tokens, {.min_p = 0.25, .u = 0.3}), -1);
  EXPECT_EQ(DrawToken(tokens, {.min_p = 0.3, .u = 0.8}), 1);
}

TEST(DrawTokenTest, SaysWhenTheRestIsNeeded) {
  const std::vector<float> weights = {1, 1};
  DrawTokens tokens = {.weights = weights.data(),
                       .count = 2,
                       .rest = Rest::kMatters,
                       .total = 4,
                       .slack = 1e-12};
  EXPECT_EQ(DrawToken(tokens, {.u = 0.3}), 1);
  EXPECT_EQ(DrawToken(tokens, {.u = 0.7}), -1);
  EXPECT_EQ(DrawToken(tokens, {.top_p = 0.4, .u = 0.7}), 1);
  EXPECT_EQ(DrawToken(tokens, {.top_p = 0.7, .u = 0.1}), -1);
  tokens.rest = Rest::kDropped;
  EXPECT_EQ(DrawToken(tokens, {.top_p = 0.7, .min_p = 0.1, .u = 0.7}), 1);
}

// Whatever is needed by a draw is found, and gives the exact answer.
TEST(FindNeededTest, WhatIsNeededIsEnough) {
  Random random(2);
  int64_t used = 0;
  int64_t all = 0;
  for (int round = 0; round < 3000; ++round) {
    const int64_t size = random.Integer(1, 300);
    std::vector<float> weights = {1};
    const double spread = random.Uniform(0, 20);
    for (int64_t i = 1; i < size; ++i) {
      weights.push_back(
          static_cast<float>(std::exp(-random.Uniform(0, spread))));
    }
    std::sort(weights.begin(), weights.end(), std::greater<float>());
    DrawRules rules = {.u = random.Uniform(0, 1)};
    if (round % 2 == 0) rules.top_p = random.Uniform(0.01, 1);
    if (round % 3 == 0) rules.min_p = random.Uniform(0, 0.9);

    const std::vector<float> reversed(weights.rbegin(), weights.rend());
    const double total = SumOfWeights(reversed.data(), size);

    const NeededTokens needed = FindNeeded(rules, size, total);
    DrawTokens tokens = {
        .weights = weights.data(), .total = total, .slack = DrawSlack(size)};
    while (tokens.count < size &&
           static_cast<double>(weights[static_cast<size_t>(tokens.count)]) >=
               needed.weight / 2) {
      ++tokens.count;
    }
    if (tokens.count < size) tokens.rest = needed.rest;
    ASSERT_EQ(DrawToken(tokens, rules), DrawExactly(weights, rules))
        << "round " << round;
    used += tokens.count;
    all += size;
  }
  EXPECT_LT(used, all * 3 / 4);
}

}  // namespace
}  // namespace tilework
