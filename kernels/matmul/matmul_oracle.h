// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// matmul in float64.

#ifndef TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_
#define TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

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
  const double u_out = UnitRoundoff(args.out.dtype());
  const double alpha = static_cast<double>(args.alpha);
  const bool activates = args.activation != ActFnType::kNone;
  OracleResult result;
  ForEachIndex(args.out.shape(), [&](const Dims& index) {
    const size_t i = result.value.size();
    double y = alpha * product.value.values[i] +
               BiasAt(args.bias, static_cast<int64_t>(i) % n);
    const double magnitude = std::abs(alpha) * product.magnitude.values[i];
    double error = ProductBound(k, y, magnitude, 0, std::abs(alpha) * max_b);
    if (activates) {
      y = ActivationOracle(args.activation, y);
      error = kActivationSlope * error +
              kActivationError * std::max(std::abs(y), 0x1p-5);
    }
    if (args.residual.present() && args.beta != 0) {
      y += static_cast<double>(args.beta) * Read(args.residual, index);
      error = std::max(error, ProductBound(k, y, magnitude, 0, max_b));
    }
    result.value.push_back(y);
    result.bound.push_back(u_out * std::abs(y) + error);
  });
  return result;
}

// Relative Frobenius error.
inline double MatmulFrobenius(const MatmulArgs& args, int64_t k) {
  const double activation =
      args.activation == ActFnType::kNone ? 0 : kActivationError;
  return ProductFrobenius(k, args.out, 0) + activation;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MATMUL_MATMUL_ORACLE_H_
