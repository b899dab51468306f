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
#include "gtest/gtest.h"
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

// The norm of n errors scatters around its mean by a share of about 1 / sqrt n.
double Scatter(size_t n) { return 1 + 4 / std::sqrt(static_cast<double>(n)); }

}  // namespace

void AttentionReference::AddRow(
    const std::vector<double>& scores, int64_t dv,
    absl::FunctionRef<double(int64_t c, int64_t d)> value) {
  double max = -kInf;
  for (double score : scores) max = std::max(max, score);
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
    for (size_t c = 0; c < weights.size(); ++c) {
      const double v = value(static_cast<int64_t>(c), d);
      total += weights[c] * v;
      absolute += weights[c] * std::abs(v);
    }
    out.push_back(sum == 0 ? 0 : total / sum);
    magnitude.push_back(sum == 0 ? 0 : absolute / sum);
  }
}

testing::AssertionResult Matches(const AttentionReference& reference,
                                 const ConstTensor& out, const ConstTensor& lse,
                                 DType inputs, double factor) {
  const Bounds bounds = BoundsOf(inputs);
  std::vector<double> bound;
  for (double magnitude : reference.magnitude) {
    // A dead row is exact.
    bound.push_back(
        magnitude == 0 ? 0 : factor * (bounds.element * magnitude + 1e-30));
  }
  const double frobenius =
      bound.empty() ? 0 : factor * bounds.frobenius * Scatter(bound.size());
  if (testing::AssertionResult result =
          Within(out, reference.out, bound, frobenius);
      !result) {
    return result << " (out)";
  }
  if (!lse.present()) return testing::AssertionSuccess();
  bound.clear();
  for (double value : reference.lse) {
    bound.push_back(std::isfinite(value)
                        ? factor * bounds.lse * std::max(1.0, std::abs(value))
                        : 0);
  }
  return Within(lse, reference.lse, bound) << " (lse)";
}

}  // namespace tilework
