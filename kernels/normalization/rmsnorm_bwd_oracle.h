// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_BWD_ORACLE_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_BWD_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/kernels/normalization/norm_testing.h"
#include "tilework/kernels/normalization/rmsnorm_bwd.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct RmsNormBwdReference {
  std::vector<double> dx;            // not rounded
  std::vector<double> dx_magnitude;  // sum of the magnitudes of its terms
  std::vector<double> dgamma;        // not rounded
  std::vector<double> dgamma_magnitude;
};

inline RmsNormBwdReference RmsNormBwdOracle(const RmsNormBwdArgs& args) {
  const int64_t h_size = args.dy.dim(-1);
  const size_t size = static_cast<size_t>(h_size);
  const double divisor =
      static_cast<double>(args.hidden_actual.value_or(h_size));
  const double offset = static_cast<double>(args.gamma_offset);
  const std::vector<double> dy = ToDoubles(args.dy);
  const std::vector<double> h = ToDoubles(args.input);
  const std::vector<double> gamma = DoublesOr(args.gamma, h_size, 1 - offset);
  const std::vector<double> dres =
      DoublesOr(args.dres, args.dy.NumElements(), 0);
  std::vector<double> rstd;
  if (args.rstd.present()) rstd = ToDoubles(args.rstd);

  RmsNormBwdReference result;
  result.dgamma.resize(size);
  result.dgamma_magnitude.resize(size);
  for (size_t begin = 0; begin < h.size(); begin += size) {
    double squares = 0;
    for (size_t i = begin; i < begin + size; ++i) squares += h[i] * h[i];
    double r = 1 / std::sqrt(squares / divisor + static_cast<double>(args.eps));
    if (args.rstd.present()) r = rstd[begin / size];
    double slope = 0;
    double slope_magnitude = 0;
    for (size_t j = 0; j < size; ++j) {
      const double xhat = h[begin + j] * r;
      const double w = dy[begin + j] * (gamma[j] + offset);
      slope += w * xhat / divisor;
      slope_magnitude += std::abs(w * xhat) / divisor;
      result.dgamma[j] += dy[begin + j] * xhat;
      result.dgamma_magnitude[j] += std::abs(dy[begin + j] * xhat);
    }
    for (size_t j = 0; j < size; ++j) {
      const double xhat = h[begin + j] * r;
      const double w = dy[begin + j] * (gamma[j] + offset);
      result.dx.push_back(r * (w - xhat * slope) + dres[begin + j]);
      result.dx_magnitude.push_back(
          r * (std::abs(w) + std::abs(xhat) * slope_magnitude) +
          std::abs(dres[begin + j]));
    }
  }
  return result;
}

// RmsNormBwdOracle() with the bounds of rmsnorm_bwd.h.
inline std::vector<ExpectedTensor> RmsNormBwdExpected(
    const RmsNormBwdArgs& args) {
  const RmsNormBwdReference reference = RmsNormBwdOracle(args);
  // In short rows dx may vanish by cancellation.
  const double frobenius =
      args.dx.dim(-1) > 16 ? RmsNormBwdTolerance(args.dx.dtype()) : 0;
  return {
      {"dx", args.dx, reference.dx,
       SumBound(reference.dx, reference.dx_magnitude, 1e-5, args.dx),
       frobenius},
      {"dgamma", args.dgamma, reference.dgamma,
       SumBound(reference.dgamma, reference.dgamma_magnitude,
                kRmsNormBwdSumTolerance, args.dgamma)},
  };
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_BWD_ORACLE_H_
