// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_testing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Bounds {
  double element, frobenius, lse;
};

Bounds BoundsOf(DType inputs) {
  switch (inputs) {
    case DType::kF32:
      return {3e-5, 5e-6, 1e-5};
    case DType::kBF16:
      return {6e-3, 2.5e-3, 1e-4};
    default:
      return {1.5e-3, 5e-4, 1e-4};
  }
}

// Scores are sums in f32, whose error grows with them: beyond the largest score
// that the bounds are for, each weight is off by so much more.
constexpr double kLargestScore = 64;
constexpr double kScoreError = 3e-5;

// The norm of n errors scatters around its mean by a share of about 1 / sqrt n.
double Scatter(size_t n) { return 1 + 4 / std::sqrt(static_cast<double>(n)); }

double Norm(const std::vector<double>& values) {
  double squares = 0;
  for (double value : values) squares += value * value;
  return std::sqrt(squares);
}

}  // namespace

void AttentionReference::AddRow(
    const std::vector<double>& scores, int64_t dv,
    absl::FunctionRef<double(int64_t c, int64_t d)> value) {
  double max = -kInf;
  double largest = 0;
  for (double score : scores) {
    max = std::max(max, score);
    if (std::isfinite(score)) largest = std::max(largest, std::abs(score));
  }
  largest_score.push_back(largest);
  double sum = 0;
  std::vector<double> weights;
  for (double score : scores) {
    weights.push_back(score == -kInf ? 0 : std::exp(score - max));
    sum += weights.back();
  }
  lse.push_back(sum == 0 ? -kInf : max + std::log(sum));
  for (int64_t d = 0; d < dv; ++d) {
    double total = 0;
    double absolute = 0;
    double squares = 0;
    for (size_t c = 0; c < weights.size(); ++c) {
      const double v = value(static_cast<int64_t>(c), d);
      total += weights[c] * v;
      absolute += weights[c] * std::abs(v);
      squares += weights[c] * v * (weights[c] * v);
    }
    out.push_back(sum == 0 ? 0 : total / sum);
    magnitude.push_back(sum == 0 ? 0 : absolute / sum);
    spread.push_back(sum == 0 ? 0 : std::sqrt(squares) / sum);
  }
}

std::vector<ExpectedTensor> WithBounds(const AttentionReference& reference,
                                       const ConstTensor& out,
                                       const ConstTensor& lse, DType inputs,
                                       double factor) {
  const Bounds bounds = BoundsOf(inputs);
  ExpectedTensor expected_out = {
      .name = "out", .actual = out, .reference = reference.out};
  const size_t dv = static_cast<size_t>(out.dim(-1));
  for (size_t i = 0; i < reference.out.size(); ++i) {
    const double excess = reference.largest_score[i / dv] / kLargestScore - 1;
    const double element = bounds.element + kScoreError * std::max(0.0, excess);
    const double magnitude = reference.magnitude[i];
    // A dead row is exact.
    expected_out.bound.push_back(
        magnitude == 0 ? 0 : factor * (element * magnitude + 1e-30));
  }
  const double norm = Norm(reference.out);
  if (norm > 0) {
    expected_out.frobenius = factor * bounds.frobenius *
                             Scatter(reference.out.size()) *
                             std::hypot(1, Norm(reference.spread) / norm);
  }
  ExpectedTensor expected_lse = {
      .name = "out_lse", .actual = lse, .reference = reference.lse};
  for (double value : reference.lse) {
    expected_lse.bound.push_back(std::isfinite(value)
                                     ? factor * bounds.lse *
                                           std::max(1.0, std::abs(value))
                                     : 0);
  }
  return {expected_out, expected_lse};
}

}  // namespace tilework
