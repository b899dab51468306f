// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/transformer/token_draw.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace tilework {
namespace {

constexpr int kDigitBits = 8;
constexpr size_t kNumDigits = 1 << kDigitBits;
// Below, comparing is faster than counting.
constexpr int64_t kRadixSortFrom = 192;

size_t Digit(uint64_t candidate, int shift) {
  return static_cast<size_t>(candidate >> shift) & (kNumDigits - 1);
}

// A stable pass by one digit. False if all candidates have the same one; then
// nothing is moved.
bool SortByDigit(const uint64_t* from, int64_t count, int shift, uint64_t* to) {
  int64_t places[kNumDigits] = {};
  for (int64_t i = 0; i < count; ++i) ++places[Digit(from[i], shift)];
  if (places[Digit(from[0], shift)] == count) return false;
  int64_t sum = 0;
  for (int64_t& place : places) place = std::exchange(sum, sum + place);
  for (int64_t i = 0; i < count; ++i) {
    to[places[Digit(from[i], shift)]++] = from[i];
  }
  return true;
}

// Whether a comparison with an uncertain number holds.
enum class Answer { kNo, kYes, kUnknown };

Answer AtLeast(double value, double limit, double slack) {
  if (value >= limit + slack) return Answer::kYes;
  return value >= limit - slack ? Answer::kUnknown : Answer::kNo;
}
Answer Above(double value, double limit, double slack) {
  if (value > limit + slack) return Answer::kYes;
  return value > limit - slack ? Answer::kUnknown : Answer::kNo;
}

class Draw {
 public:
  Draw(const DrawTokens& tokens, const DrawRules& rules)
      : tokens_(tokens), rules_(rules) {}

  int64_t Run() {
    if (!ApplyTopP()) return -1;
    if (complete_ && !AddKept()) return -1;
    return Find(rules_.u * sum_);
  }

 private:
  double P(int64_t i) const {
    return static_cast<double>(tokens_.weights[i]) / tokens_.total;
  }

  // Finds how many tokens are kept, and whether those are all at hand. Sets
  // sum_ to what they add up to before min_p.
  bool ApplyTopP() {
    kept_ = tokens_.count;
    complete_ = tokens_.rest != Rest::kMatters;
    if (rules_.top_p >= 1) return true;
    sum_ = 0;
    for (int64_t i = 0; i < tokens_.count; ++i) {
      sum_ += P(i);
      const Answer reached = AtLeast(sum_, rules_.top_p, tokens_.slack);
      if (reached == Answer::kUnknown) return false;
      if (reached == Answer::kYes) {
        kept_ = i + 1;
        complete_ = true;
        return true;
      }
    }
    return complete_;
  }

  // Sets sum_ to what the kept tokens add up to; false if min_p is undecided.
  bool AddKept() {
    if (rules_.min_p == 0 && rules_.top_p < 1) return true;  // the same sum
    sum_ = 0;
    for (int64_t i = 0; i < kept_; ++i) {
      const Answer kept = MinPKeeps(i);
      if (kept == Answer::kUnknown) return false;
      if (kept == Answer::kYes) sum_ += P(i);
    }
    return true;
  }

  Answer MinPKeeps(int64_t i) const {
    if (rules_.min_p == 0) return Answer::kYes;
    const double limit = rules_.min_p * P(0);
    return AtLeast(P(i), limit, tokens_.slack * limit);
  }

  // The first kept token whose running sum is above `target`.
  int64_t Find(double target) const {
    double sum = 0;
    int64_t last = -1;
    for (int64_t i = 0; i < kept_; ++i) {
      if (MinPKeeps(i) != Answer::kYes) continue;
      sum += P(i);
      last = i;
      const Answer above = Above(sum, target, tokens_.slack);
      if (above == Answer::kUnknown) return -1;
      if (above == Answer::kYes) return i;
    }
    return tokens_.slack == 0 ? last : -1;
  }

  const DrawTokens& tokens_;
  const DrawRules& rules_;
  int64_t kept_ = 0;
  bool complete_ = false;
  double sum_ = 1;  // of all p, should there be more tokens
};

}  // namespace

void SortCandidates(uint64_t* candidates, int64_t count, uint64_t* spare) {
  if (count < kRadixSortFrom) {
    std::sort(candidates, candidates + count);
    return;
  }
  // Indices rise already and the passes are stable: the logits are left.
  uint64_t* from = candidates;
  uint64_t* to = spare;
  for (int shift = 32; shift < 64; shift += kDigitBits) {
    if (SortByDigit(from, count, shift, to)) std::swap(from, to);
  }
  if (from != candidates) std::copy(from, from + count, candidates);
}

int64_t DrawToken(const DrawTokens& tokens, const DrawRules& rules) {
  return Draw(tokens, rules).Run();
}

NeededTokens FindNeeded(const DrawRules& rules, int64_t count, double total) {
  const double share = rules.top_p < 1 ? rules.top_p : rules.u;
  // Even if all the others had this weight.
  const double weight = (1 - share) * total / static_cast<double>(count);
  if (rules.min_p > 0 && (rules.top_p >= 1 || rules.min_p >= weight)) {
    return {rules.min_p, Rest::kDropped};
  }
  return {weight, Rest::kMatters};
}

double SumOfWeights(const float* weights, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(weights[i]);
  return sum;
}

}  // namespace tilework
