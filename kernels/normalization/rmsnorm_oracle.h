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
#include "tilework/kernels/normalization/norm_testing.h"
#include "tilework/kernels/normalization/rmsnorm.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct RmsNormReference {
  std::vector<double> output;        // not rounded
  std::vector<double> residual_out;  // h, rounded if there is a residual
  std::vector<double> rstd;
};

inline RmsNormReference RmsNormOracle(const RmsNormArgs& args) {
  const int64_t h_size = args.input.dim(-1);
  const size_t size = static_cast<size_t>(h_size);
  const size_t group = static_cast<size_t>(args.group_size.value_or(h_size));
  const double divisor =
      static_cast<double>(group < size ? args.group_size.value()
                                       : args.hidden_actual.value_or(h_size));
  const double offset = static_cast<double>(args.gamma_offset);
  const std::vector<double> gamma = DoublesOr(args.gamma, h_size, 1 - offset);

  RmsNormReference result;
  std::vector<double> h = HiddenOracle(args.input, args.residual);
  result.residual_out = h;
  std::vector<double> silu;
  if (args.gate.present()) silu = ToDoubles(args.gate);
  for (double& z : silu) z = z / (1 + std::exp(-z));
  if (args.gate_mode == RmsNormGateMode::kPre) {
    for (size_t i = 0; i < h.size(); ++i) h[i] *= silu[i];
  }
  for (size_t begin = 0; begin < h.size(); begin += group) {
    double sum = 0;
    for (size_t i = begin; i < begin + group; ++i) sum += h[i] * h[i];
    const double r =
        1 / std::sqrt(sum / divisor + static_cast<double>(args.eps));
    result.rstd.push_back(r);
    for (size_t i = begin; i < begin + group; ++i) {
      double n = h[i] * r;
      if (args.cast_mode == RmsNormCastMode::kLlama) {
        n = RoundToDType(n, args.input.dtype());
      }
      n *= gamma[i % size] + offset;
      if (args.gate_mode == RmsNormGateMode::kPost) n *= silu[i];
      result.output.push_back(n);
    }
  }
  return result;
}

// RmsNormOracle() with the bounds of rmsnorm.h.
inline std::vector<ExpectedTensor> RmsNormExpected(const RmsNormArgs& args) {
  const RmsNormReference reference = RmsNormOracle(args);
  const DType type = args.output.dtype();
  const double relative = args.cast_mode == RmsNormCastMode::kLlama
                              ? RmsNormLlamaTolerance(args.input.dtype(), type)
                              : RmsNormTolerance(type);
  return {
      {"output", args.output, reference.output,
       RelativeBound(reference.output, relative, type)},
      {"rstd", args.rstd, reference.rstd,
       RelativeBound(reference.rstd, RmsNormTolerance(DType::kF32),
                     DType::kF32)},
      {"residual_out", args.residual_out, reference.residual_out,
       std::vector<double>(reference.residual_out.size())},
  };
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_ORACLE_H_
