// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// matmul in float64.

#ifndef TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_
#define TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/matmul/matmul.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// `b` is the plain matrix, whatever args.b is.
inline OracleResult MatmulOracle(const MatmulArgs& args, const ConstTensor& b) {
  const OracleMatrix right(b);
  const OracleProduct product(OracleMatrix(args.a), right);
  const int64_t k = b.dim(0);
  const int64_t n = b.dim(1);
  const double max_b = MaxAbs(right);
  const double alpha = static_cast<double>(args.alpha);
  const bool activates = args.activation != ActFnType::kNone;
  OracleResult result;
  ForEachIndex(args.out.shape(), [&](const Dims& index) {
    const size_t i = result.value.size();
    const double bias = BiasAt(args.bias, static_cast<int64_t>(i) % n);
    double y = alpha * product.value.values[i] + bias;
    double magnitude = std::hypot(alpha * product.magnitude.values[i], bias);
    double error = ProductBound(k, y, magnitude, 0, std::abs(alpha) * max_b);
    if (activates) {
      error *= ActivationSlope(args.activation, y, error);
      y = ActivationOracle(args.activation, y);
      error += kActivationError * std::max(std::abs(y), 0x1p-5);
    }
    if (args.residual.present() && args.beta != 0) {
      const double residual =
          static_cast<double>(args.beta) * Read(args.residual, index);
      y += residual;
      magnitude = std::hypot(magnitude, residual);
      error = std::max(error, ProductBound(k, y, magnitude, 0, max_b));
    }
    result.value.push_back(y);
    result.bound.push_back(RoundingBound(y, args.out.dtype()) + error);
  });
  return result;
}

// MatmulOracle() with the bounds of matmul.h.
inline std::vector<ExpectedTensor> MatmulExpected(const MatmulArgs& args,
                                                  const ConstTensor& b) {
  const OracleResult result = MatmulOracle(args, b);
  // Without products all rows are the same, whose roundings do not average.
  const double frobenius =
      b.dim(0) == 0 ? 0 : ProductFrobenius(result, args.out.dtype());
  return {{"out", args.out, result.value, result.bound, frobenius}};
}
inline std::vector<ExpectedTensor> MatmulExpected(const MatmulArgs& args) {
  return MatmulExpected(args, args.b.plain());
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_
