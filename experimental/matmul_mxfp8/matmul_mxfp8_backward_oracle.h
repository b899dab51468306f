// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// matmul_mxfp8_backward in float64.

#ifndef TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_BACKWARD_ORACLE_H_
#define TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_BACKWARD_ORACLE_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward.h"
#include "tilework/experimental/matmul_mxfp8/mx_factor_oracle.h"
#include "tilework/testing/tensors.h"

namespace tilework {

inline ExpectedTensor BiasGradOracle(const MatmulMxfp8BackwardArgs& args) {
  ExpectedTensor expected = {.name = "bias_grad", .actual = args.bias_grad};
  const OracleMatrix grad(args.output_grad);
  for (int64_t n = 0; n < grad.cols; ++n) {
    double sum = 0, magnitudes = 0;
    for (int64_t m = 0; m < grad.rows; ++m) {
      sum += grad(m, n);
      magnitudes += std::abs(grad(m, n));
    }
    expected.reference.push_back(sum);
    expected.bound.push_back(SumBound(grad.rows) * magnitudes);
  }
  return expected;
}

inline std::vector<ExpectedTensor> MatmulMxfp8BackwardExpected(
    const MatmulMxfp8BackwardArgs& args) {
  namespace internal = matmul_mxfp8_internal;
  std::vector<ExpectedTensor> expected;
  if (args.input_grad.present()) {
    expected.push_back(FactorProduct(internal::GradAlongN(args),
                                     internal::WeightsAlongN(args), {}, {},
                                     "input_grad", args.input_grad));
  }
  if (args.weight_grad.present()) {
    const ConstTensor before =
        args.accumulate_weight_grad ? args.weight_grad : ConstTensor();
    expected.push_back(FactorProduct(internal::GradAlongM(args),
                                     internal::InputAlongM(args), {}, before,
                                     "weight_grad", args.weight_grad));
  }
  if (args.bias_grad.present()) expected.push_back(BiasGradOracle(args));
  return expected;
}

}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_BACKWARD_ORACLE_H_
