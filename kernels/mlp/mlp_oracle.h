// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// mlp in float64.

#ifndef TILEWORK_KERNELS_MLP_MLP_ORACLE_H_
#define TILEWORK_KERNELS_MLP_MLP_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// The plain matrices, whatever the arguments are.
struct MlpWeights {
  ConstTensor gate, up, down;  // gate may be absent
};

inline OperandArgs MlpOperand(const MlpArgs& args) {
  return {.x = args.hidden_tensor,
          .add = {args.fused_add_tensor},
          .sum = args.fused_add_out,
          .norm = {.type = args.normalization_type,
                   .gamma = args.normalization_weights_tensor,
                   .eps = args.eps,
                   .gamma_offset = args.gamma_offset,
                   .hidden_actual = args.hidden_actual}};
}

// A first product with bias, and its error.
struct OracleProjection {
  OracleMatrix value, error;

  OracleProjection(const OracleMatrix& a, const ConstTensor& weight,
                   const ConstTensor& bias, double rounded)
      : value(a.rows, weight.dim(1)), error(a.rows, weight.dim(1)) {
    const OracleMatrix w(weight);
    const OracleProduct product(a, w);
    const double max_w = MaxAbs(w);
    for (int64_t t = 0; t < a.rows; ++t) {
      for (int64_t i = 0; i < w.cols; ++i) {
        const double b = BiasAt(bias, i);
        value(t, i) = product.value(t, i) + b;
        error(t, i) = ProductBound(a.cols, value(t, i),
                                   std::hypot(product.magnitude(t, i), b),
                                   rounded, max_w);
      }
    }
  }
};

inline OracleResult MlpOracle(const MlpArgs& args, const MlpWeights& weights) {
  const OperandArgs operand = MlpOperand(args);
  const OracleMatrix a = OperandOracle(operand);
  const double rounded = OperandRoundoff(operand);
  const OracleProjection up(a, weights.up, args.up_proj_bias_tensor, rounded);
  OracleMatrix v(a.rows, weights.up.dim(1));
  OracleMatrix v_error(a.rows, weights.up.dim(1));
  if (args.skip_gate_proj) {
    for (size_t i = 0; i < v.values.size(); ++i) {
      v.values[i] = ActivationOracle(args.activation_fn, up.value.values[i]);
      v_error.values[i] =
          ActivationSlope(args.activation_fn, up.value.values[i],
                          up.error.values[i]) *
              up.error.values[i] +
          kActivationError * std::abs(v.values[i]);
    }
  } else {
    const OracleProjection gate(a, weights.gate, args.gate_proj_bias_tensor,
                                rounded);
    for (size_t i = 0; i < v.values.size(); ++i) {
      const double act =
          ActivationOracle(args.activation_fn, gate.value.values[i]);
      const double u = up.value.values[i];
      v.values[i] = act * u;
      v_error.values[i] =
          ActivationSlope(args.activation_fn, gate.value.values[i],
                          gate.error.values[i]) *
              std::abs(u) * gate.error.values[i] +
          std::abs(act) * up.error.values[i] +
          kActivationError * std::abs(v.values[i]);
    }
  }
  const DType c = args.hidden_tensor.dtype();
  for (double& x : v.values) x = RoundToDType(x, c);
  for (double& e : v_error.values) e += SmallestSubnormal(c);

  const OracleMatrix down(weights.down);
  const OracleProduct product(v, down);
  const OracleMatrix residual =
      args.residual.present() ? OracleMatrix(args.residual) : OracleMatrix();
  OracleResult result;
  for (int64_t t = 0; t < a.rows; ++t) {
    for (int64_t h = 0; h < down.cols; ++h) {
      const double bias = BiasAt(args.down_proj_bias_tensor, h);
      const double added = args.residual.present() ? residual(t, h) : 0;
      const double y = product.value(t, h) + bias + added;
      const double magnitude = std::hypot(product.magnitude(t, h), bias, added);
      double error_squares = 0;
      for (int64_t i = 0; i < v.cols; ++i) {
        const double term = v_error(t, i) * down(i, h);
        error_squares += term * term;
      }
      result.value.push_back(y);
      result.bound.push_back(
          RoundingBound(y, args.out.dtype()) +
          ProductBound(v.cols, y, magnitude, UnitRoundoff(c), MaxAbs(down)) +
          1.5 * std::sqrt(error_squares));
    }
  }
  return result;
}

// The relative Frobenius error for operands and output of `dtype`.
inline double MlpFrobenius(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return 6e-3;
    case DType::kF16:
      return 8e-4;
    default:
      return 5e-6;
  }
}

// MlpOracle() with the bounds of mlp.h.
inline std::vector<ExpectedTensor> MlpExpected(const MlpArgs& args,
                                               const MlpWeights& weights) {
  const OperandArgs operand = MlpOperand(args);
  const OracleResult result = MlpOracle(args, weights);
  const DType out = args.out.dtype();
  const DType c = args.hidden_tensor.dtype();
  std::vector<double> error;  // the bounds without the last rounding
  for (size_t i = 0; i < result.value.size(); ++i) {
    error.push_back(result.bound[i] - RoundingBound(result.value[i], out));
  }
  // Those of v weigh about three times as much.
  const double typical = SumBound(weights.down.dim(0)) +
                         3 * SumBound(weights.down.dim(1)) +
                         3 * UnitRoundoff(c) + 9 * OperandRoundoff(operand);
  const double relative = std::max(MlpFrobenius(c), MlpFrobenius(out));
  std::vector<ExpectedTensor> expected = {
      {"out", args.out, result.value, result.bound,
       CancelingFrobenius(result.value, error, typical, relative, out)}};
  if (args.fused_add_out.present()) {
    const std::vector<double> sum = SumOracle(operand).values;
    expected.push_back({"fused_add_out", args.fused_add_out, sum,
                        std::vector<double>(sum.size())});
  }
  return expected;
}
inline std::vector<ExpectedTensor> MlpExpected(const MlpArgs& args) {
  return MlpExpected(args, {.gate = args.gate_proj_weights_tensor.plain(),
                            .up = args.up_proj_weights_tensor.plain(),
                            .down = args.down_proj_weights_tensor.plain()});
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MLP_MLP_ORACLE_H_
