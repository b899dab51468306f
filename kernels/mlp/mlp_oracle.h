// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// mlp in float64.

#ifndef TILEWORK_KERNELS_MLP_MLP_ORACLE_H_
#define TILEWORK_KERNELS_MLP_MLP_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// How the left operand of products with `weight` is quantized.
inline QuantizeArgs MlpQuantize(const MlpArgs& args,
                                const MatrixOperand& weight,
                                const ConstTensor& in_scale) {
  const ActQuant act_quant =
      ResolveActQuant(args.quantization_type, args.act_quant, ActQuant::kRow);
  return {.type = act_quant,
          .code = ActivationCode(act_quant, weight.dtype()),
          .in_scale = in_scale,
          .clip = args.quant_clipping_bound,
          .scale_mode = args.scale_mode};
}

inline OperandArgs MlpOperand(const MlpArgs& args) {
  const QuantScheme scheme = ActivationSchemeOf(args.quantization_type);
  return {.x = args.hidden_tensor,
          .add = {args.fused_add_tensor},
          .sum = args.fused_add_out,
          .norm = {.type = args.normalization_type,
                   .gamma = args.normalization_weights_tensor,
                   .beta = args.normalization_bias_tensor,
                   .eps = args.eps,
                   .gamma_offset = args.gamma_offset,
                   .hidden_actual = args.hidden_actual},
          .quantize = MlpQuantize(args, args.up_proj_weights_tensor,
                                  args.gate_up_in_scale),
          .x_scheme = scheme,
          .x_scale = scheme == QuantScheme::kPerTensor ? args.gate_up_in_scale
                                                       : args.hidden_scale,
          .compute = ComputeType(args.hidden_tensor,
                                 args.up_proj_weights_tensor, args.f32_mode)};
}

// Of one that is not packed.
inline OracleMatrix MlpWeight(const MlpArgs& args,
                              const MatrixOperand& weight) {
  return WeightOracle(WithScheme(weight, args.quantization_type));
}

// The steps after a first product.
struct OracleBranch {
  ConstTensor bias;
  std::optional<float> upper, lower;
};

// A first product with bias and limits, its error, and whether it is certainly
// at a limit, 1 or 0.
struct OracleProjection {
  OracleMatrix value, error, limited;

  OracleProjection(const OracleMatrix& a, const OracleMatrix& w,
                   const OracleBranch& branch, double rounded,
                   double code_error)
      : value(a.rows, w.cols), error(a.rows, w.cols), limited(a.rows, w.cols) {
    const OracleProduct product(a, w);
    const double max_w = MaxAbs(w);
    for (int64_t t = 0; t < a.rows; ++t) {
      for (int64_t i = 0; i < w.cols; ++i) {
        const double b = BiasAt(branch.bias, i);
        const double y = product.value(t, i) + b;
        error(t, i) =
            ProductBound(a.cols, y, std::hypot(product.magnitude(t, i), b),
                         rounded, max_w, code_error * product.largest(t, i));
        value(t, i) = Limited(y, branch);
        // A limit makes no error larger.
        if (value(t, i) != y && std::abs(value(t, i) - y) > error(t, i)) {
          error(t, i) = 0;
          limited(t, i) = 1;
        }
      }
    }
  }

 private:
  static double Limited(double y, const OracleBranch& branch) {
    if (branch.upper && y > double{*branch.upper}) y = *branch.upper;
    if (branch.lower && y < double{*branch.lower}) y = *branch.lower;
    return y;
  }
};

// v before it is rounded or quantized, its error, and whether it comes from
// limits alone, 1 or 0: those elements are equal, and err together.
struct OracleIntermediate {
  OracleMatrix value, error, limited;

  explicit OracleIntermediate(const MlpArgs& args) {
    const OperandArgs operand = MlpOperand(args);
    const OracleMatrix a = OperandOracle(operand);
    const double rounded = OperandRoundoff(operand);
    const double code_error = OperandCodeError(operand);
    OracleProjection up(a, MlpWeight(args, args.up_proj_weights_tensor),
                        {args.up_proj_bias_tensor, args.up_clamp_upper_limit,
                         args.up_clamp_lower_limit},
                        rounded, code_error);
    if (args.skip_gate_proj) {
      value = std::move(up.value);
      error = std::move(up.error);
      limited = std::move(up.limited);
      Apply(args, nullptr);
      return;
    }
    OracleProjection gate(
        a, MlpWeight(args, args.gate_proj_weights_tensor),
        {args.gate_proj_bias_tensor, args.gate_clamp_upper_limit,
         args.gate_clamp_lower_limit},
        rounded, code_error);
    value = std::move(gate.value);
    error = std::move(gate.error);
    limited = std::move(gate.limited);
    for (double& u : up.value.values) {
      u += static_cast<double>(args.hidden_act_bias);
    }
    Apply(args, &up);
  }

 private:
  // Activates, and multiplies with `up` if it is given.
  void Apply(const MlpArgs& args, const OracleProjection* up) {
    const Activation activation(args.activation_fn,
                                args.hidden_act_scale_factor);
    for (size_t i = 0; i < value.values.size(); ++i) {
      const double g = value.values[i];
      const double e = error.values[i];
      const double act = ActivationOracle(activation, g);
      const double u = up == nullptr ? 1 : up->value.values[i];
      const double u_error = up == nullptr ? 0 : up->error.values[i];
      const double v = act * u;
      error.values[i] =
          ActivationSlope(activation, g, e) * std::abs(u) * e +
          std::abs(act) * u_error +
          kActivationError * std::abs(u) * std::max(std::abs(act), 0x1p-5);
      value.values[i] = v;
      if (up != nullptr) limited.values[i] *= up->limited.values[i];
    }
  }
};

// How many elements of a row have a scale in common.
inline int64_t ScaleUnit(ActQuant type, int64_t size) {
  if (type == ActQuant::kMx) return kMxBlockSize;
  return type == ActQuant::kBlock128 ? kScaleBlock : size;
}

// v with its errors, those of the largest element of each unit times `largest`,
// the others times `others`; quantized.
inline OracleMatrix QuantizedWithErrors(const QuantizeArgs& quantize,
                                        const OracleIntermediate& v,
                                        double largest, double others) {
  OracleMatrix result(v.value.rows, v.value.cols);
  const int64_t unit = ScaleUnit(quantize.type, result.cols);
  for (int64_t t = 0; t < result.rows; ++t) {
    for (int64_t first = 0; first < result.cols; first += unit) {
      const int64_t end = std::min(result.cols, first + unit);
      double most = 0;
      for (int64_t i = first; i < end; ++i) {
        most = std::max(most, std::abs(v.value(t, i)));
      }
      for (int64_t i = first; i < end; ++i) {
        const bool is_largest = std::abs(v.value(t, i)) == most;
        result(t, i) = RoundToDType(
            v.value(t, i) + (is_largest ? largest : others) * v.error(t, i),
            DType::kF32);
      }
    }
    QuantizeRowOracle(quantize,
                      std::span<double>(result.values)
                          .subspan(static_cast<size_t>(t * result.cols),
                                   static_cast<size_t>(result.cols)));
  }
  return result;
}

// The last operand as the product reads it, dequantized, and its error where
// that is not the rounding to c.
inline void QuantizeIntermediate(const QuantizeArgs& quantize, DType c,
                                 OracleIntermediate& v) {
  if (quantize.type == ActQuant::kNone) {
    for (double& x : v.value.values) x = RoundToDType(x, c);
    for (double& e : v.error.values) e += SmallestSubnormal(c);
    return;
  }
  const OracleMatrix exact = QuantizedWithErrors(quantize, v, 0, 0);
  OracleMatrix error(exact.rows, exact.cols);
  // What v may be in the kernel: codes near a boundary are the next ones.
  for (const double largest : {-1, 1}) {
    for (const double others : {-1, 1}) {
      const OracleMatrix other =
          QuantizedWithErrors(quantize, v, largest, others);
      for (size_t i = 0; i < error.values.size(); ++i) {
        error.values[i] = std::max(error.values[i],
                                   std::abs(other.values[i] - exact.values[i]));
      }
    }
  }
  v.value = exact;
  v.error = error;
}

// What an unquantized v is rounded to.
inline DType MlpComputeType(const MlpArgs& args) {
  const DType type = args.hidden_tensor.dtype();
  const DType narrower = ComputeType(
      args.hidden_tensor, args.down_proj_weights_tensor, args.f32_mode);
  if (narrower != DType::kNone) return narrower;
  return IsFloat(type) ? type : DType::kBF16;
}

inline OracleResult MlpOracle(const MlpArgs& args) {
  const DType c = MlpComputeType(args);
  const QuantizeArgs quantize =
      MlpQuantize(args, args.down_proj_weights_tensor, args.down_in_scale);
  OracleIntermediate v(args);
  QuantizeIntermediate(quantize, c, v);
  const double rounded = quantize.type == ActQuant::kNone ? UnitRoundoff(c) : 0;

  const OracleMatrix down = MlpWeight(args, args.down_proj_weights_tensor);
  const OracleProduct product(v.value, down);
  const OracleMatrix residual =
      args.residual.present() ? OracleMatrix(args.residual) : OracleMatrix();
  OracleResult result;
  for (int64_t t = 0; t < product.value.rows; ++t) {
    for (int64_t h = 0; h < down.cols; ++h) {
      const double bias = BiasAt(args.down_proj_bias_tensor, h);
      const double added = args.residual.present() ? residual(t, h) : 0;
      const double y = product.value(t, h) + bias + added;
      const double magnitude = std::hypot(product.magnitude(t, h), bias, added);
      double error_squares = 0;
      double error_sum = 0;
      for (int64_t i = 0; i < v.error.cols; ++i) {
        const double term = std::abs(v.error(t, i) * down(i, h));
        if (v.limited(t, i) != 0) {
          error_sum += term;
        } else {
          error_squares += term * term;
        }
      }
      result.value.push_back(y);
      result.bound.push_back(
          RoundingBound(y, args.out.dtype()) +
          ProductBound(v.value.cols, y, magnitude, rounded, MaxAbs(down)) +
          1.5 * std::sqrt(error_squares) + error_sum);
    }
  }
  return result;
}

// The relative Frobenius error where v is quantized.
inline constexpr double kQuantizedFrobenius = 1.5e-2;
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

// MlpOracle() with the bounds of mlp.h; weights are not packed.
inline std::vector<ExpectedTensor> MlpExpected(const MlpArgs& args) {
  const OperandArgs operand = MlpOperand(args);
  const OracleResult result = MlpOracle(args);
  const DType out = args.out.dtype();
  const DType c = MlpComputeType(args);
  const bool quantizes =
      MlpQuantize(args, args.down_proj_weights_tensor, {}).type !=
      ActQuant::kNone;
  std::vector<double> value;  // those that count in the Frobenius norm
  std::vector<double> error;  // the bounds without the last rounding
  for (size_t i = 0; i < result.value.size(); ++i) {
    if (!std::isfinite(result.value[i])) continue;
    value.push_back(result.value[i]);
    error.push_back(result.bound[i] - RoundingBound(value.back(), out));
  }
  // Those of v weigh about three times as much.
  const double typical = SumBound(args.down_proj_weights_tensor.rows()) +
                         3 * SumBound(args.down_proj_weights_tensor.cols()) +
                         3 * UnitRoundoff(c) + 9 * OperandRoundoff(operand);
  double relative = std::max(
      {MlpFrobenius(c), MlpFrobenius(OperandType(operand)), MlpFrobenius(out)});
  if (quantizes) relative = std::max(relative, kQuantizedFrobenius);
  std::vector<ExpectedTensor> expected = {
      {"out", args.out, result.value, result.bound,
       CancelingFrobenius(value, error, typical, relative, out)}};
  if (args.fused_add_out.present()) {
    const std::vector<double> sum = SumOracle(operand).values;
    expected.push_back({"fused_add_out", args.fused_add_out, sum,
                        std::vector<double>(sum.size())});
  }
  return expected;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MLP_MLP_ORACLE_H_
