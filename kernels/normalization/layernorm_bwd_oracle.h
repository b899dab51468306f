// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_BWD_ORACLE_H_
#define TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_BWD_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/kernels/normalization/layernorm_bwd.h"
#include "tilework/kernels/normalization/norm_testing.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct LayerNormBwdReference {
  std::vector<double> dx;            // not rounded
  std::vector<double> dx_magnitude;  // sum of the magnitudes of its terms
  std::vector<double> dgamma;        // not rounded
  std::vector<double> dgamma_magnitude;
  std::vector<double> dbeta;  // not rounded
  std::vector<double> dbeta_magnitude;
};

inline LayerNormBwdReference LayerNormBwdOracle(const LayerNormBwdArgs& args) {
  const int64_t h_size = args.dy.dim(-1);
  const size_t size = static_cast<size_t>(h_size);
  const double n = static_cast<double>(h_size);
  const std::vector<double> dy = ToDoubles(args.dy);
  const std::vector<double> h = ToDoubles(args.input);
  const std::vector<double> gamma = DoublesOr(args.gamma, h_size, 1);
  const std::vector<double> dres =
      DoublesOr(args.dres, args.dy.NumElements(), 0);
  std::vector<double> means, rstds;
  if (args.mean.present()) means = ToDoubles(args.mean);
  if (args.rstd.present()) rstds = ToDoubles(args.rstd);

  LayerNormBwdReference result;
  result.dgamma.resize(size);
  result.dgamma_magnitude.resize(size);
  result.dbeta.resize(size);
  result.dbeta_magnitude.resize(size);
  for (size_t begin = 0; begin < h.size(); begin += size) {
    double mean = 0;
    for (size_t i = begin; i < begin + size; ++i) mean += h[i] / n;
    if (args.mean.present()) mean = means[begin / size];
    double variance = 0;
    for (size_t i = begin; i < begin + size; ++i) {
      variance += (h[i] - mean) * (h[i] - mean) / n;
    }
    double r = 1 / std::sqrt(variance + static_cast<double>(args.eps));
    if (args.rstd.present()) r = rstds[begin / size];
    double shift = 0;
    double slope = 0;
    double shift_magnitude = 0;
    double slope_magnitude = 0;
    double xhat_magnitude = 0;  // the mean of |h| r
    for (size_t i = begin; i < begin + size; ++i) {
      xhat_magnitude += std::abs(h[i]) * r / n;
    }
    for (size_t j = 0; j < size; ++j) {
      const double xhat = (h[begin + j] - mean) * r;
      const double w = dy[begin + j] * gamma[j];
      shift += w / n;
      slope += w * xhat / n;
      shift_magnitude += std::abs(w) / n;
      slope_magnitude += std::abs(w * xhat) / n;
      result.dgamma[j] += dy[begin + j] * xhat;
      result.dgamma_magnitude[j] +=
          std::abs(dy[begin + j]) * (std::abs(xhat) + xhat_magnitude);
      result.dbeta[j] += dy[begin + j];
      result.dbeta_magnitude[j] += std::abs(dy[begin + j]);
    }
    for (size_t j = 0; j < size; ++j) {
      const double xhat = (h[begin + j] - mean) * r;
      const double w = dy[begin + j] * gamma[j];
      result.dx.push_back(r * (w - shift - xhat * slope) + dres[begin + j]);
      result.dx_magnitude.push_back(
          r * (std::abs(w) + shift_magnitude +
               (std::abs(xhat) + xhat_magnitude) * slope_magnitude) +
          std::abs(dres[begin + j]));
    }
  }
  return result;
}

// LayerNormBwdOracle() with the bounds of layernorm_bwd.h.
inline std::vector<ExpectedTensor> LayerNormBwdExpected(
    const LayerNormBwdArgs& args) {
  const LayerNormBwdReference reference = LayerNormBwdOracle(args);
  // In short rows dx may vanish by cancellation.
  const double frobenius =
      args.dx.dim(-1) > 16 ? LayerNormBwdTolerance(args.dx.dtype()) : 0;
  return {
      {"dx", args.dx, reference.dx,
       SumBound(reference.dx, reference.dx_magnitude, 1e-5, args.dx),
       frobenius},
      {"dgamma", args.dgamma, reference.dgamma,
       SumBound(reference.dgamma, reference.dgamma_magnitude,
                kLayerNormBwdSumTolerance, args.dgamma)},
      {"dbeta", args.dbeta, reference.dbeta,
       SumBound(reference.dbeta, reference.dbeta_magnitude,
                kLayerNormBwdSumTolerance, args.dbeta)},
  };
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_BWD_ORACLE_H_
