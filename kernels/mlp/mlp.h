// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The dense feed-forward block of a transformer layer, gated (SwiGLU) or not.
// (NKI: mlp.)
//
//   h = hidden + fused_add                      if given
//   a = RMS(h)                                  with normalization_type
//   v = activation(a * gate + gate_bias) * (a * up + up_bias)
//       activation(a * up + up_bias)            with skip_gate_proj
//   out = v * down + down_bias + residual
//
// RMS(h)[i] = h[i] / sqrt(sum h^2 / hidden_actual + eps) * (gamma[i] +
// gamma_offset). A step runs only if its arguments are given.
//
// Symbols: B batch, which may be left out, S tokens, T = B * S, H hidden size,
// I intermediate size.
//
// Numerics: f32 throughout. h is rounded to the type of fused_add_out (of
// hidden_tensor if that is absent), a and v to hidden_tensor's type c, out
// once. The same bits for any number of threads, for a token alone or among
// others, and for packed or plain weights. NaN and infinities follow IEEE and
// stay in their token. Relative error in the Frobenius norm, where sums do not
// cancel: 6e-3 for bf16, 8e-4 for f16, 5e-6 for f32. Per element, with m the
// 2-norm of all terms that are added, sqrt(sum (v_i down_i)^2 + down_bias^2 +
// residual^2), s the smallest subnormal of a type, e_i the error of v_i before
// it is rounded and s_c, and u the unit roundoff:
//   u_out * |out| + (2^-24 * (8 + 2 sqrt(I)) + 3 u_c) * max(|out|, m)
//     + 1.5 sqrt(sum (e_i down_i)^2) + s_out / 2
//
// Cost: 6 T H I operations (4 T H I without gate); scratch for T H elements of
// c and I elements for up to 1024 tokens, from the context, which does not grow
// in steady state.

#ifndef TILEWORK_KERNELS_MLP_MLP_H_
#define TILEWORK_KERNELS_MLP_MLP_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// f32, bf16 or f16 each, gate_proj_weights_tensor and up_proj_weights_tensor of
// one type, any strides, absent unless said otherwise. "As hidden" means the
// shape of hidden_tensor. Weights stored as [I, H] or [H, I] are Transpose()d;
// a fused gate and up weight is given as two views of it.
struct MlpArgs {
  ConstTensor hidden_tensor;                    // [B, S, H] or [S, H], required
  MatrixOperand gate_proj_weights_tensor = {};  // [H, I]; not with
                                                // skip_gate_proj
  MatrixOperand up_proj_weights_tensor;         // [H, I], required
  MatrixOperand down_proj_weights_tensor;       // [I, H], required
  ConstTensor normalization_weights_tensor = {};  // gamma, [H] or [1, H]
  ConstTensor gate_proj_bias_tensor = {};         // [I] or [1, I]
  ConstTensor up_proj_bias_tensor = {};           // [I] or [1, I]
  ConstTensor down_proj_bias_tensor = {};         // [H] or [1, H]
  ConstTensor fused_add_tensor = {};              // as hidden
  // As hidden: h; may be hidden_tensor or fused_add_tensor.
  Tensor fused_add_out = {};
  ConstTensor residual = {};  // as hidden; may be out
  Tensor out;                 // as hidden, required; overlaps no other tensor

  ActFnType activation_fn = ActFnType::kSiLU;
  NormType normalization_type = NormType::kNoNorm;
  float eps = 1e-6f;
  float gamma_offset = 0;                     // 0 or 1
  std::optional<int64_t> hidden_actual = {};  // 1 to H; default H
  bool store_fused_add_result = false;        // needs fused_add_out
  bool skip_gate_proj = false;
};

// InvalidArgument, before anything is written, if the arguments do not fit.
// T = 0 does nothing; H = 0 or I = 0 is an error.
absl::Status Mlp(const MlpArgs& args, HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const MlpArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const MlpArgs& args);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MLP_MLP_H_
