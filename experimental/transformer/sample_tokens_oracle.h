// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_EXPERIMENTAL_TRANSFORMER_SAMPLE_TOKENS_ORACLE_H_
#define TILEWORK_EXPERIMENTAL_TRANSFORMER_SAMPLE_TOKENS_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include "tilework/common/random/philox.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/transformer/sample_tokens.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct SampledToken {
  int64_t token = -1;
  double logprob = std::numeric_limits<double>::quiet_NaN();
  // Whether a sum comes so near to a limit that exp's error may decide.
  bool close = false;
};

// One row, by the rules as they are written. `z` holds f32 values.
inline SampledToken SampleTokenOracle(const std::vector<double>& z,
                                      int32_t step, int64_t request_id,
                                      const SampleTokensArgs& args) {
  SampledToken result;
  const double max = *std::max_element(z.begin(), z.end());
  for (const double value : z) {
    if (std::isnan(value)) return result;
  }
  if (std::isinf(max)) return result;

  std::vector<size_t> order(z.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return z[a] > z[b]; });
  double exps = 0;
  for (const double value : z) exps += std::exp(value - max);
  const auto chosen = [&](size_t index) {
    result.token = static_cast<int64_t>(index);
    result.logprob = z[index] - max - std::log(exps);
    return result;
  };
  if (args.temperature == 0) return chosen(order[0]);

  if (args.top_k > 0) {
    order.resize(std::min(order.size(), static_cast<size_t>(args.top_k)));
  }
  std::vector<double> p;
  double total = 0;
  for (const size_t index : order) {
    const float difference =
        static_cast<float>(z[index]) - static_cast<float>(max);
    const float scaled = difference / args.temperature;
    p.push_back(
        RoundToDType(std::exp(static_cast<double>(scaled)), DType::kF32));
    total += p.back();
  }
  for (double& value : p) value /= total;

  if (args.top_p < 1) {
    const double top_p = static_cast<double>(args.top_p);
    double sum = 0;
    size_t kept = 0;
    while (kept < p.size() && sum < top_p) {
      sum += p[kept++];
      result.close |= std::fabs(sum - top_p) < 1e-6;
    }
    p.resize(kept);
  }
  const double lowest = static_cast<double>(args.min_p) * p[0];
  double kept_sum = 0;
  for (double& value : p) {
    result.close |= std::fabs(value - lowest) < 1e-6 * lowest;
    if (value < lowest) value = 0;  // dropped: never chosen below
    kept_sum += value;
  }
  const uint32_t word = Philox(args.seed, static_cast<uint64_t>(request_id),
                               static_cast<uint64_t>(step))[0];
  const double target = static_cast<double>(Unit24(word)) * kept_sum;
  double running = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    running += p[i];
    result.close |= std::fabs(running - target) < 1e-6;
    if (running > target) return chosen(order[i]);
  }
  return chosen(order.back());
}

inline std::vector<SampledToken> SampleTokensOracle(
    const SampleTokensArgs& args) {
  std::vector<SampledToken> result;
  for (int64_t row = 0; row < args.logits.dim(0); ++row) {
    result.push_back(SampleTokenOracle(
        ToDoubles(args.logits.Select(0, row)), *args.step.At<int32_t>(row),
        *args.request_id.At<int64_t>(row), args));
  }
  return result;
}

// SampleTokensOracle() with the bounds of sample_tokens.h; none where exp's
// error may decide.
inline std::vector<ExpectedTensor> SampleTokensExpected(
    const SampleTokensArgs& args) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  ExpectedTensor tokens = {.name = "tokens", .actual = args.tokens};
  ExpectedTensor logprob = {.name = "logprob", .actual = args.logprob};
  for (const SampledToken& sampled : SampleTokensOracle(args)) {
    tokens.reference.push_back(static_cast<double>(sampled.token));
    tokens.bound.push_back(sampled.close ? kInfinity : 0);
    logprob.reference.push_back(sampled.logprob);
    logprob.bound.push_back(sampled.close
                                ? kInfinity
                                : kSampleTokensLogprobError +
                                      0x1p-23 * std::fabs(sampled.logprob));
  }
  return {tokens, logprob};
}

}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_TRANSFORMER_SAMPLE_TOKENS_ORACLE_H_
