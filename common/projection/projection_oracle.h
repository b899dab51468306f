// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Naive float64 parts of the projections' oracles.

#ifndef TILEWORK_COMMON_PROJECTION_PROJECTION_ORACLE_H_
#define TILEWORK_COMMON_PROJECTION_PROJECTION_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct OracleMatrix {
  int64_t rows = 0, cols = 0;
  std::vector<double> values;  // row-major

  OracleMatrix() = default;
  OracleMatrix(int64_t num_rows, int64_t num_cols)
      : rows(num_rows),
        cols(num_cols),
        values(static_cast<size_t>(num_rows * num_cols)) {}
  // A tensor whose last `inner` dimensions are one row.
  explicit OracleMatrix(const ConstTensor& tensor, int inner = 1)
      : rows(1), cols(1), values(ToDoubles(tensor)) {
    for (int i = 0; i < tensor.rank(); ++i) {
      (i < tensor.rank() - inner ? rows : cols) *= tensor.dim(i);
    }
  }
  double& operator()(int64_t r, int64_t c) {
    return values[static_cast<size_t>(r * cols + c)];
  }
  double operator()(int64_t r, int64_t c) const {
    return values[static_cast<size_t>(r * cols + c)];
  }
};

// What to expect, and by how much an element may be off.
struct OracleResult {
  std::vector<double> value;
  std::vector<double> bound;
};

// A product and the 2-norm of its terms, sqrt(sum_k (a_k b_k)^2).
struct OracleProduct {
  OracleMatrix value, magnitude;

  OracleProduct(const OracleMatrix& a, const OracleMatrix& b)
      : value(a.rows, b.cols), magnitude(a.rows, b.cols) {
    for (int64_t m = 0; m < a.rows; ++m) {
      for (int64_t n = 0; n < b.cols; ++n) {
        double sum = 0, squares = 0;
        for (int64_t k = 0; k < a.cols; ++k) {
          const double term = a(m, k) * b(k, n);
          sum += term;
          squares += term * term;
        }
        value(m, n) = sum;
        magnitude(m, n) = std::sqrt(squares);
      }
    }
  }
};

inline double MaxAbs(const OracleMatrix& matrix) {
  double max = 0;
  for (const double v : matrix.values) max = std::max(max, std::abs(v));
  return max;
}

// The largest error of rounding `value` to `dtype`.
inline double RoundingBound(double value, DType dtype) {
  return UnitRoundoff(dtype) * std::abs(value) + SmallestSubnormal(dtype) / 2;
}

// T(K) of a sum of K products in f32.
inline double SumBound(int64_t k) {
  return 0x1p-24 * (8 + 2 * std::sqrt(static_cast<double>(k)));
}

// The bound of one product of length K without the rounding of the output:
// `rounded` is the unit roundoff to which the kernel itself rounded an operand
// (0: none).
inline double ProductBound(int64_t k, double reference, double magnitude,
                           double rounded, double max_b) {
  return (SumBound(k) + 3 * rounded) *
             std::max(std::abs(reference), magnitude) +
         static_cast<double>(k) * 0x1p-125 * max_b;
}

inline double Norm(const std::vector<double>& values) {
  double squares = 0;
  for (const double v : values) squares += v * v;
  return std::sqrt(squares);
}

// The norm of n errors scatters around its mean by a share of about 1 / sqrt n.
inline double Scatter(size_t n) {
  return 1 + 4 / std::sqrt(static_cast<double>(n));
}

// The relative Frobenius error of products that are rounded to `dtype`: that of
// the rounding averages to half of the largest one.
inline double ProductFrobenius(const OracleResult& result, DType dtype) {
  const double norm = Norm(result.value);
  if (norm == 0) return 0;
  std::vector<double> roundings;
  std::vector<double> sums;  // the bounds without the rounding
  for (size_t i = 0; i < result.value.size(); ++i) {
    roundings.push_back(RoundingBound(result.value[i], dtype));
    sums.push_back(result.bound[i] - roundings.back());
  }
  const double share = std::min(1.0, 0.5 * Scatter(sums.size()));
  return (share * Norm(roundings) + Norm(sums)) / norm;
}

// The same where operands are rounded too: `relative` if the errors before the
// last rounding are `typical` times the values or less, more where sums cancel
// or are subnormal.
inline double CancelingFrobenius(const std::vector<double>& value,
                                 const std::vector<double>& error,
                                 double typical, double relative, DType dtype) {
  const double norm = Norm(value);
  if (norm == 0) return 0;
  std::vector<double> terms;
  const double least = SmallestSubnormal(dtype) / UnitRoundoff(dtype);
  for (size_t i = 0; i < value.size(); ++i) {
    terms.push_back(std::max({std::abs(value[i]), error[i] / typical, least}));
  }
  return relative * Scatter(value.size()) * Norm(terms) / norm;
}

// Element n of [N] or [1, N]; 0 if absent.
inline double BiasAt(const ConstTensor& bias, int64_t n) {
  if (!bias.present()) return 0;
  return bias.rank() == 2 ? Read(bias, {0, n}) : Read(bias, {n});
}

inline double ActivationOracle(ActFnType activation, double x) {
  switch (activation) {
    case ActFnType::kNone:
      return x;
    case ActFnType::kSiLU:
      return x / (1 + std::exp(-x));
    case ActFnType::kReLU:
      return x < 0 ? 0 : x;
  }
  return x;
}
// The largest factor by which an activation enlarges an error, and its own
// error relative to max(|f|, 2^-5).
inline constexpr double kActivationSlope = 1.13;
inline constexpr double kActivationError = 0x1p-20;

// Step h of operand.h, with its roundings.
inline OracleMatrix SumOracle(const OperandArgs& args) {
  const int inner = args.x.rank() == 4 ? 2 : 1;
  OracleMatrix h(args.x, inner);
  bool added = false;
  for (const ConstTensor& add : args.add) {
    if (!add.present()) continue;
    added = true;
    const OracleMatrix other(add, inner);
    for (size_t i = 0; i < h.values.size(); ++i) {
      h.values[i] =
          static_cast<float>(h.values[i]) + static_cast<float>(other.values[i]);
    }
  }
  if (!added) return h;
  const DType dtype = args.sum.present() ? args.sum.dtype() : args.x.dtype();
  for (double& v : h.values) v = RoundToDType(v, dtype);
  return h;
}

// Steps h and a of operand.h.
inline OracleMatrix OperandOracle(const OperandArgs& args) {
  OracleMatrix h = SumOracle(args);
  const NormArgs& norm = args.norm;
  if (norm.type != NormType::kNoNorm) {
    const double divisor =
        static_cast<double>(norm.hidden_actual.value_or(h.cols));
    for (int64_t t = 0; t < h.rows; ++t) {
      double squares = 0;
      for (int64_t i = 0; i < h.cols; ++i) squares += h(t, i) * h(t, i);
      const double rms =
          std::sqrt(squares / divisor + static_cast<double>(norm.eps));
      for (int64_t i = 0; i < h.cols; ++i) {
        const double gamma =
            norm.gamma.present()
                ? BiasAt(norm.gamma, i) + static_cast<double>(norm.gamma_offset)
                : 1;
        h(t, i) = h(t, i) / rms * gamma;
      }
    }
  }
  for (double& v : h.values) v = RoundToDType(v, args.x.dtype());
  return h;
}
// The unit roundoff to which the operand was rounded; 0 if it is x itself.
inline double OperandRoundoff(const OperandArgs& args) {
  const bool computed = args.norm.type != NormType::kNoNorm ||
                        args.add[0].present() || args.add[1].present();
  return computed ? UnitRoundoff(args.x.dtype()) : 0;
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_PROJECTION_ORACLE_H_
