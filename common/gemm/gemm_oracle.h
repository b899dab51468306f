// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The float64 reference of matrix products and the error bound that holds for
// all of them.

#ifndef TILEWORK_COMMON_GEMM_GEMM_ORACLE_H_
#define TILEWORK_COMMON_GEMM_GEMM_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// T(K): the relative error of K additions in f32.
inline double SummationError(int64_t k) {
  return 0x1p-24 * (8 + 2 * std::sqrt(static_cast<double>(k)));
}

struct ProductReference {
  std::vector<double> values;  // row-major [M, N]
  // sqrt(sum_k (a_k b_k)^2) of each value.
  std::vector<double> norms;
  // K * 2^-125 * max_k |b_k| of each value: operands and sums that are
  // subnormal may be flushed.
  std::vector<double> flushed;
  int64_t k = 0;

  // The bound of value i before it is rounded to the output type, if
  // `rounded_operand` is the unit roundoff to which the kernel rounded an
  // operand (0: it did not).
  double Bound(size_t i, double rounded_operand = 0) const {
    return (SummationError(k) + 3 * rounded_operand) *
               std::max(std::abs(values[i]), norms[i]) +
           flushed[i];
  }
};

// a [M, K] times b [K, N].
inline ProductReference MultiplyOracle(const ConstTensor& a,
                                       const ConstTensor& b) {
  ProductReference result;
  const int64_t m = a.dim(0);
  const int64_t k = a.dim(1);
  const int64_t n = b.dim(1);
  const std::vector<double> x = ToDoubles(a);
  const std::vector<double> w = ToDoubles(b);
  result.k = k;
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t col = 0; col < n; ++col) {
      double sum = 0;
      double squares = 0;
      double largest = 0;
      for (int64_t i = 0; i < k; ++i) {
        const double factor = w[static_cast<size_t>(i * n + col)];
        const double product = x[static_cast<size_t>(row * k + i)] * factor;
        sum += product;
        squares += product * product;
        largest = std::max(largest, std::abs(factor));
      }
      result.values.push_back(sum);
      result.norms.push_back(std::sqrt(squares));
      result.flushed.push_back(static_cast<double>(k) * 0x1p-125 * largest);
    }
  }
  return result;
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_GEMM_ORACLE_H_
