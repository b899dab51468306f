// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_ORACLE_H_
#define TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/layernorm.h"
#include "tilework/kernels/normalization/norm_testing.h"

namespace tilework {

struct LayerNormReference {
  std::vector<double> output;        // not rounded
  std::vector<double> bound;         // of the error of output
  std::vector<double> residual_out;  // h, rounded if there is a residual
  std::vector<double> mean;
  std::vector<double> rstd;
};

inline LayerNormReference LayerNormOracle(const LayerNormArgs& args) {
  const size_t size = static_cast<size_t>(args.input.dim(-1));
  const std::vector<double> gamma =
      DoublesOr(args.gamma, args.input.dim(-1), 1);
  const std::vector<double> beta = DoublesOr(args.beta, args.input.dim(-1), 0);

  LayerNormReference result;
  result.residual_out = HiddenOracle(args.input, args.residual);
  const std::vector<double>& h = result.residual_out;
  const DType type = args.output.dtype();
  for (size_t begin = 0; begin < h.size(); begin += size) {
    double mean = 0;
    double mean_magnitude = 0;
    for (size_t j = 0; j < size; ++j) {
      mean += h[begin + j];
      mean_magnitude += std::abs(h[begin + j]);
    }
    mean /= static_cast<double>(size);
    mean_magnitude /= static_cast<double>(size);
    double variance = 0;
    for (size_t j = 0; j < size; ++j) {
      variance += (h[begin + j] - mean) * (h[begin + j] - mean);
    }
    variance /= static_cast<double>(size);
    const double rstd = 1 / std::sqrt(variance + static_cast<double>(args.eps));
    result.mean.push_back(mean);
    result.rstd.push_back(rstd);
    for (size_t j = 0; j < size; ++j) {
      const double x = h[begin + j];
      const double n = (x - mean) * rstd * gamma[j] + beta[j];
      const double magnitude =
          (std::abs(x) + std::abs(mean)) * rstd * std::abs(gamma[j]) +
          std::abs(beta[j]);
      result.output.push_back(n);
      result.bound.push_back(
          UnitRoundoff(type) * std::abs(n) + kLayerNormTolerance * magnitude +
          kLayerNormMeanTolerance * mean_magnitude * rstd * std::abs(gamma[j]) +
          SmallestSubnormal(type) / 2);
    }
  }
  return result;
}

// LayerNormOracle() with the bounds of its numbers.
inline std::vector<ExpectedTensor> LayerNormExpected(
    const LayerNormArgs& args) {
  const LayerNormReference reference = LayerNormOracle(args);
  std::vector<double> mean_bound =
      RelativeBound(reference.mean, 0x1p-23, DType::kF32);
  for (size_t i = 0; i < mean_bound.size(); ++i) {
    mean_bound[i] += 1e-6 / reference.rstd[i];
  }
  return {
      {"output", args.output, reference.output, reference.bound},
      {"mean", args.mean, reference.mean, mean_bound},
      {"rstd", args.rstd, reference.rstd,
       RelativeBound(reference.rstd, 2e-6, DType::kF32)},
      {"residual_out", args.residual_out, reference.residual_out,
       std::vector<double>(reference.residual_out.size())},
  };
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_ORACLE_H_
