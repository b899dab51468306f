// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The part of sample_tokens that needs no SIMD: sorting candidates and drawing
// one of them.

#ifndef TILEWORK_EXPERIMENTAL_TRANSFORMER_TOKEN_DRAW_H_
#define TILEWORK_EXPERIMENTAL_TRANSFORMER_TOKEN_DRAW_H_

#include <bit>
#include <cstdint>

namespace tilework {

// A token and its logit in one number. Numbers rise where logits fall, and on
// ties with the index.
constexpr uint64_t PackCandidate(float logit, uint32_t index) {
  const uint32_t bits = std::bit_cast<uint32_t>(logit + 0.0f);  // -0 is 0
  const uint32_t rising =
      (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return (static_cast<uint64_t>(~rising) << 32) | index;
}
constexpr uint32_t CandidateIndex(uint64_t candidate) {
  return static_cast<uint32_t>(candidate);
}

// Sorts candidates, given in the order of their indices. `spare` is room for
// as many.
void SortCandidates(uint64_t* candidates, int64_t count, uint64_t* spare);

struct DrawRules {
  double top_p = 1;
  double min_p = 0;
  double u = 0;  // the random number in [0, 1)
};

// The tokens that follow the ones at hand in order pi.
enum class Rest {
  kNone,     // there are none
  kDropped,  // there are some, all of which min_p drops
  kMatters,
};

// What a draw is made from.
struct DrawTokens {
  // Weights of the first `count` tokens in order pi.
  const float* weights = nullptr;
  int64_t count = 0;
  Rest rest = Rest::kNone;
  // The sum of the weights of all tokens, and how far sums of p may be from
  // those of the rules, which add in order pi: 0 if `total` was added so.
  double total = 0;
  double slack = 0;
};

// The place in order pi of the token that the rules give; -1 if that depends on
// the rest or on what lies within the slack.
int64_t DrawToken(const DrawTokens& tokens, const DrawRules& rules);

// Which tokens a draw needs: those whose weight is at least `weight`. `rest` is
// what the others are then.
struct NeededTokens {
  double weight;
  Rest rest;
};
// For `count` tokens whose weights add up to `total`. If min_p is 0 the others
// have less than the share of the total that the draw leaves over.
NeededTokens FindNeeded(const DrawRules& rules, int64_t count, double total);

// An upper bound of the slack where `count` weights were added in any order.
constexpr double DrawSlack(int64_t count) {
  return static_cast<double>(count + 8) * 0x1p-50;
}

// Adds in order pi.
double SumOfWeights(const float* weights, int64_t count);

}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_TRANSFORMER_TOKEN_DRAW_H_
