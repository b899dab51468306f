// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// matmul in float64.

#ifndef TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_
#define TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/matmul/matmul.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// The part of `view`, whose last `inner` dimensions are those of a matrix, at
// the leading indices `at`, with which its leading dimensions broadcast.
inline ConstTensor MatrixAt(const ConstTensor& view, int inner,
                            const Dims& at) {
  ConstTensor part = view;
  const int leading = view.rank() - inner;
  for (int i = 0; i < leading; ++i) {
    const int64_t index = at[at.size() - leading + i];
    part = part.Select(0, view.dim(i) == 1 ? 0 : index);
  }
  return part;
}

inline ConstTensor ScalesAt(const ConstTensor& scales, QuantScheme scheme,
                            const Dims& at) {
  if (!scales.present()) return scales;
  if (scales.NumElements() == 1 && scheme == QuantScheme::kPerTensor) {
    return ConstTensor(scales.data(), scales.dtype(), {1});
  }
  return MatrixAt(scales, matmul_internal::ScaleRank(scheme), at);
}

// The operands of the product at the leading indices `at`.
inline OperandArgs MatmulLeftAt(const MatmulArgs& args, const Dims& at) {
  const matmul_internal::Schemes schemes =
      matmul_internal::ResolveSchemes(args);
  OperandArgs result = {.x = MatrixAt(args.a.data, 2, at)};
  if (!IsFloat(args.a.data.dtype())) {
    result.x_scheme = schemes.a;
    result.x_scale = ScalesAt(args.a.scales, schemes.a, at);
  } else if (args.act_quant != ActQuant::kAuto) {
    result.quantize = {.type = args.act_quant,
                       .code = ActivationCode(args.act_quant, args.b.dtype()),
                       .in_scale = args.a_in_scale,
                       .clip = args.quant_clipping_bound,
                       .scale_mode = args.scale_mode};
  }
  return result;
}
inline OracleMatrix MatmulRightAt(const MatmulArgs& args,
                                  const MatrixOperand& b, const Dims& at) {
  const QuantScheme scheme = matmul_internal::ResolveSchemes(args).b;
  const MatrixOperand matrix = QuantizedMatrix{
      MatrixAt(b.plain(), 2, at), ScalesAt(b.scales(), scheme, at), scheme};
  if (!args.segment_columns.has_value()) return WeightOracle(matrix);
  const auto [second, third] = *args.segment_columns;
  return WeightOracle(matrix, second, third);
}

// A value and how far off it may be, with the 2-norm of what was added to it.
struct MatmulValue {
  double y, error, magnitude;
};

// The steps after the product, at `index` of out.
inline void MatmulEpilogueOracle(const MatmulArgs& args, const Dims& index,
                                 int64_t k, double max_b, MatmulValue& v) {
  if (args.clamp_upper.has_value() && !std::isnan(v.y)) {
    v.y = std::min(v.y, static_cast<double>(*args.clamp_upper));
  }
  if (args.clamp_lower.has_value() && !std::isnan(v.y)) {
    v.y = std::max(v.y, static_cast<double>(*args.clamp_lower));
  }
  if (args.activation != ActFnType::kNone) {
    v.error *= ActivationSlope(args.activation, v.y, v.error);
    v.y = ActivationOracle(args.activation, v.y);
    v.error += kActivationError * std::max(std::abs(v.y), 0x1p-5);
  }
  if (args.multiplier.present()) {
    const double factor = Read(args.multiplier, index);
    v.y *= factor;
    v.error = std::abs(factor) * v.error + 0x1p-24 * std::abs(v.y);
    v.magnitude *= std::abs(factor);
  }
  if (args.residual.present() && args.beta != 0) {
    const double residual =
        static_cast<double>(args.beta) * Read(args.residual, index);
    v.y += residual;
    v.magnitude = std::hypot(v.magnitude, residual);
    v.error = std::max(v.error, ProductBound(k, v.y, v.magnitude, 0, max_b));
  }
}

inline double LargestCode(DType dtype) {
  double largest = std::numeric_limits<double>::infinity();
  VisitFloat8(dtype, [&](auto code) {
    largest = static_cast<double>(decltype(code)::kMax);
  });
  return largest;
}

// `b` is not packed, whatever args.b is.
inline OracleResult MatmulOracle(const MatmulArgs& args,
                                 const MatrixOperand& b) {
  const int64_t k = b.plain().dim(-2);
  const double alpha = static_cast<double>(args.alpha);
  const DType dtype = args.out.dtype();
  const double out_factor =
      args.out_scale.present()
          ? static_cast<double>(1.0f / *args.out_scale.data<float>())
          : 1;
  OracleResult result;
  Dims leading;
  for (int i = 0; i < args.out.rank() - 2; ++i) {
    leading.push_back(args.out.dim(i));
  }
  ForEachIndex(leading, [&](const Dims& at) {
    const OperandArgs left = MatmulLeftAt(args, at);
    const OracleMatrix right = MatmulRightAt(args, b, at);
    const OracleProduct product(OperandOracle(left), right);
    const double max_b = std::abs(alpha) * MaxAbs(right);
    for (int64_t m = 0; m < args.out.dim(-2); ++m) {
      for (int64_t n = 0; n < args.out.dim(-1); ++n) {
        Dims index = at;
        index.push_back(m);
        index.push_back(n);
        const double bias =
            BiasAt(args.bias, args.bias_dim == MatmulBiasDim::kM ? m : n);
        MatmulValue v = {
            .y = alpha * product.value(m, n) + bias,
            .magnitude = std::hypot(alpha * product.magnitude(m, n), bias)};
        v.error = ProductBound(k, v.y, v.magnitude, 0, max_b);
        MatmulEpilogueOracle(args, index, k, max_b, v);
        const double largest = LargestCode(dtype);
        const double y = std::isnan(v.y)
                             ? v.y
                             : std::clamp(v.y * out_factor, -largest, largest);
        const double error = v.error * out_factor +
                             (IsFloat8(dtype) ? 0x1p-23 * std::abs(y) : 0);
        result.value.push_back(y);
        result.bound.push_back(RoundingBound(std::abs(y) + error, dtype) +
                               error);
      }
    }
  });
  return result;
}

// MatmulOracle() with the bounds of matmul.h.
inline std::vector<ExpectedTensor> MatmulExpected(const MatmulArgs& args,
                                                  const MatrixOperand& b) {
  const OracleResult result = MatmulOracle(args, b);
  // The roundings of results that are often the same do not average: without
  // products all rows are, and a clamp's limits are.
  const bool same = b.plain().dim(-2) == 0 || args.clamp_lower.has_value() ||
                    args.clamp_upper.has_value();
  const double frobenius =
      same ? 0 : ProductFrobenius(result, args.out.dtype());
  return {{"out", args.out, result.value, result.bound, frobenius}};
}
inline std::vector<ExpectedTensor> MatmulExpected(const MatmulArgs& args) {
  return MatmulExpected(args, args.b);
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_
