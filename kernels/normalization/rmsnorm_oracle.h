// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_ORACLE_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/rmsnorm.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct RmsNormReference {
  std::vector<double> output;        // not rounded
  std::vector<double> residual_out;  // h, rounded if there is a residual
  std::vector<double> rstd;
};

inline RmsNormReference RmsNormOracle(const RmsNormArgs& args) {
  const std::vector<double> x = ToDoubles(args.input);
  const size_t size = static_cast<size_t>(args.input.dim(-1));
  const double divisor =
      static_cast<double>(args.hidden_actual.value_or(args.input.dim(-1)));
  const double offset = static_cast<double>(args.gamma_offset);
  std::vector<double> gamma(size, 1.0 - offset);
  if (args.gamma.present()) gamma = ToDoubles(args.gamma);

  RmsNormReference result;
  result.residual_out = x;
  if (args.residual.present()) {
    const std::vector<double> residual = ToDoubles(args.residual);
    for (size_t i = 0; i < x.size(); ++i) {
      // The addition is one in f32: its rounding comes first.
      const double sum = RoundToDType(x[i] + residual[i], DType::kF32);
      result.residual_out[i] = RoundToDType(sum, args.residual.dtype());
    }
  }
  const std::vector<double>& h = result.residual_out;
  for (size_t row = 0; row < h.size() / size; ++row) {
    double sum = 0;
    for (size_t j = 0; j < size; ++j) {
      sum += h[row * size + j] * h[row * size + j];
    }
    const double r =
        1 / std::sqrt(sum / divisor + static_cast<double>(args.eps));
    result.rstd.push_back(r);
    for (size_t j = 0; j < size; ++j) {
      result.output.push_back(h[row * size + j] * r * (gamma[j] + offset));
    }
  }
  return result;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_ORACLE_H_
