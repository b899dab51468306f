// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// matmul_mxfp8 in float64.

#ifndef TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_ORACLE_H_
#define TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_ORACLE_H_

#include <vector>

#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8.h"
#include "tilework/experimental/matmul_mxfp8/mx_factor_oracle.h"
#include "tilework/testing/tensors.h"

namespace tilework {

inline std::vector<ExpectedTensor> MatmulMxfp8Expected(
    const MatmulMxfp8Args& args) {
  return {FactorProduct(matmul_mxfp8_internal::LeftFactor(args),
                        matmul_mxfp8_internal::RightFactor(args), args.bias,
                        args.accumulate_into, "out", args.out)};
}

}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_ORACLE_H_
