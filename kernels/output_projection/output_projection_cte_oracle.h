// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// output_projection_cte in float64; output_projection_tkg computes the same.

#ifndef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CTE_ORACLE_H_
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CTE_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// `weight` is the plain matrix, whatever args.weight is. Tokens in row-major
// order.
template <class Args>
OracleResult OutputProjectionOracle(const Args& args,
                                    const ConstTensor& weight) {
  const OracleMatrix a(args.attention, /*inner=*/2);
  const OracleMatrix w(weight);
  const OracleProduct product(a, w);
  const double max_w = MaxAbs(w);
  OracleResult result;
  ForEachIndex(args.out.shape(), [&](const Dims& index) {
    const size_t i = result.value.size();
    double y = product.value.values[i] +
               BiasAt(args.bias, static_cast<int64_t>(i) % w.cols);
    if (args.residual.present()) y += Read(args.residual, index);
    result.value.push_back(y);
    result.bound.push_back(
        UnitRoundoff(args.out.dtype()) * std::abs(y) +
        ProductBound(a.cols, y, product.magnitude.values[i], 0, max_w));
  });
  return result;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CTE_ORACLE_H_
