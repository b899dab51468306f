// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The gradients of a linear layer Y = X W^T by products of MX blocks, X being
// input_activation [M, K], W weights [N, K] and dY output_grad [M, N]. (NKI:
// matmul_mxfp8_backward.)
//
//   input_grad[m, k]  = sum_n Q_N(dY)[m, n] * Q_N(W)[n, k]
//   weight_grad[n, k] = sum_m Q_M(dY)[m, n] * Q_M(X)[m, k]
//                       (+ weight_grad[n, k] with accumulate_weight_grad)
//   bias_grad[n]      = sum_m dY[m, n]
//
// Q_d is what quantize_mxfp8 with blocks along dimension d makes of f32, bf16
// or f16, as numbers: dY is quantized twice. Tensors may be given as codes with
// such blocks instead. A result that is not given is not computed.
//
// Numerics and errors of the products as in matmul_mxfp8.h, over N and M.
// bias_grad is summed in f32 from dY as it is given: max error
// 2^-24 * (8 + 2 sqrt(M)) * sum |dY|. The same bits for any number of threads.
//
// Cost: 4 M N K operations; scratch of bf16 for both factors of a product from
// the context, which does not grow in steady state.

#ifndef TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_BACKWARD_H_
#define TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_BACKWARD_H_

#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// Any strides. f32, bf16 or f16, or codes: f8e4m3 or f8e5m2, with scales of
// e8m0.
struct MatmulMxfp8BackwardArgs {
  // [M, N] f32, bf16 or f16. Required unless its codes are given for each
  // product that is asked for, and bias_grad is not.
  ConstTensor output_grad = {};
  ConstTensor weights = {};           // [N, K]; for input_grad
  ConstTensor weight_scales = {};     // [ceil(N / 32), K], exactly for codes
  ConstTensor input_activation = {};  // [M, K]; for weight_grad
  ConstTensor input_scales = {};      // [ceil(M / 32), K], exactly for codes
  // Codes of output_grad with blocks along N, for input_grad, and along M, for
  // weight_grad.
  ConstTensor output_grad_q_n = {};       // [M, N]
  ConstTensor output_grad_scales_n = {};  // [M, ceil(N / 32)]
  ConstTensor output_grad_q_m = {};       // [M, N]
  ConstTensor output_grad_scales_m = {};  // [ceil(M / 32), N]
  // [6] or [1, 6], for stochastic_rounding, as in matmul_mxfp8.h. Element (m,
  // n) of dY takes word m * N + n; along M those of the next stream.
  ConstTensor rng_state = {};
  Tensor input_grad = {};   // [M, K] f32, bf16 or f16
  Tensor weight_grad = {};  // [N, K] f32, bf16 or f16
  Tensor bias_grad = {};    // [N] f32

  std::optional<DType> float8_dtype = {};  // f8e5m2 or f8e4m3; default f8e5m2
  std::optional<DType> grad_float8_dtype = {};  // of dY; default float8_dtype
  MxScaleMode scale_mode = MxScaleMode::kFloor;
  bool accumulate_weight_grad = false;
  bool stochastic_rounding = false;  // of dY
};

// InvalidArgument, before anything is written, if the arguments do not fit.
// M = 0 makes weight_grad and bias_grad 0, or leaves them; N = 0 makes
// input_grad 0.
absl::Status MatmulMxfp8Backward(const MatmulMxfp8BackwardArgs& args,
                                 HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const MatmulMxfp8BackwardArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const MatmulMxfp8BackwardArgs& args);

namespace matmul_mxfp8_internal {

struct MxFactor;
// The factors of input_grad, [M, N] and [K, N], and of weight_grad, [N, M] and
// [K, M].
MxFactor GradAlongN(const MatmulMxfp8BackwardArgs& args);
MxFactor WeightsAlongN(const MatmulMxfp8BackwardArgs& args);
MxFactor GradAlongM(const MatmulMxfp8BackwardArgs& args);
MxFactor InputAlongM(const MatmulMxfp8BackwardArgs& args);

}  // namespace matmul_mxfp8_internal
}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_BACKWARD_H_
