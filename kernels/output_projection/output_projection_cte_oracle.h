// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// output_projection_cte in float64; output_projection_tkg computes the same.

#ifndef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CTE_ORACLE_H_
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CTE_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/output_projection/output_projection_declare.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// `weight` is the plain matrix, with its scales, whatever args.weight is.
// Tokens in row-major order.
template <class Args>
OracleResult OutputProjectionOracle(const Args& args,
                                    const MatrixOperand& weight) {
  const auto projection = output_projection_internal::MakeProjection(args);
  const OperandArgs operand = projection.operand();
  const OracleMatrix a = OperandOracle(operand);
  const OracleMatrix w = WeightOracle(
      WithScheme(weight, args.quantization_type, args.compact_weight_scales));
  const OracleProduct product(a, w);
  const double max_w = MaxAbs(w);
  const double rounded = OperandRoundoff(operand);
  // Not always of the shape of out.
  std::vector<double> residual;
  if (args.residual.present()) residual = ToDoubles(args.residual);
  OracleResult result;
  for (size_t i = 0; i < product.value.values.size(); ++i) {
    const double bias = BiasAt(args.bias, static_cast<int64_t>(i) % w.cols);
    const double added = args.residual.present() ? residual[i] : 0;
    const double y = product.value.values[i] + bias + added;
    const double magnitude =
        std::hypot(product.magnitude.values[i], bias, added);
    result.value.push_back(y);
    result.bound.push_back(RoundingBound(y, args.out.dtype()) +
                           ProductBound(a.cols, y, magnitude, rounded, max_w));
  }
  return result;
}

// OutputProjectionOracle() with the bounds of output_projection_cte.h.
template <class Args>
std::vector<ExpectedTensor> OutputProjectionExpected(
    const Args& args, const MatrixOperand& weight) {
  const OracleResult result = OutputProjectionOracle(args, weight);
  return {{"out", args.out, result.value, result.bound,
           ProductFrobenius(result, args.out.dtype())}};
}
template <class Args>
std::vector<ExpectedTensor> OutputProjectionExpected(const Args& args) {
  return OutputProjectionExpected(args, args.weight);
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CTE_ORACLE_H_
