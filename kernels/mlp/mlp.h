// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The dense feed-forward block of a transformer layer, gated (SwiGLU) or not.
// (NKI: mlp.)
//
//   h = hidden + fused_add                      if given
//   a = norm(h)                                 with normalization_type
//   g = clamp(a * gate + gate_bias), u = clamp(a * up + up_bias)
//   v = activation(g) * (u + hidden_act_bias)
//       activation(u)                           with skip_gate_proj
//   out = v * down + down_bias + residual
//
// RMS(h)[i] = h[i] / sqrt(sum h^2 / hidden_actual + eps) * (gamma[i] +
// gamma_offset); the layer norm is that of layernorm.h. A step runs only if its
// arguments are given. clamp is min with the upper limit, then max with the
// lower one.
//
// Symbols: B batch, which may be left out, S tokens, T = B * S, H hidden size,
// I intermediate size.
//
// Quantization: weights are codes whose scales follow from quantization_type.
//
//   type       weights                  scales of gate and up; of down
//   NONE       f32 bf16 f16             none
//   STATIC     f8e4m3 f8e4m3_240 f8e5m2 [1] f32 each
//   ROW        the same                 [I] f32; [H] f32
//   MX         f8e4m3 f8e5m2 f4e2m1     [ceil(H/32), I]; [ceil(I/32), H] e8m0
//   STATIC_MX  f8e4m3                   as STATIC
//   ROW_MX     f8e4m3                   as ROW
//   BLOCK128   f8e4m3                   [ceil(H/128), ceil(I/128)];
//                                       [ceil(I/128), ceil(H/128)] f32
//
// f4e2m1 weights are stored by columns: packed along the contraction. a and v
// are quantized as act_quant says, AUTO by the type: STATIC with
// gate_up_in_scale and down_in_scale; ROW by the largest magnitude of a token;
// MX and BLOCK128 by that of 32 or 128 consecutive elements. Their codes are
// f8e4m3, or for STATIC and ROW f8e4m3_240 if those of up (of down for v) are.
// With NONE they stay unquantized, beside weights of any type.
// A hidden_tensor of codes is used as it is, with hidden_scale (STATIC types:
// gate_up_in_scale), whatever act_quant says; that is of v alone then.
// Conversions are those of quantize.h, bit for bit.
//
// Numerics: f32 throughout. h is rounded to the type of fused_add_out (of
// hidden_tensor if that is absent), a and v, unless quantized, to c:
// hidden_tensor's type, or bf16 if that is codes (and for f32 with f32_mode
// BF16, beside a weight of bf16 or codes); out once. The same bits for
// any number of threads, for a token alone or among others, and for packed or
// plain weights. NaN and infinities follow IEEE, stay in their token, and pass
// clamps. Relative error in the Frobenius norm, where sums do not cancel: 6e-3
// for bf16, 8e-4 for f16, 5e-6 for f32; 1.5e-2 if v is quantized. Per element,
// with m the 2-norm of all terms that are added, sqrt(sum (v_i down_i)^2 +
// down_bias^2 + residual^2), s the smallest subnormal of a type, e_i the error
// of v_i before it is rounded and s_c, and u the unit roundoff:
//   u_out * |out| + (2^-24 * (8 + 2 sqrt(I)) + 3 u_c) * max(|out|, m)
//     + 1.5 sqrt(sum (e_i down_i)^2) + s_out / 2
// Where v is quantized, u_c is 0, and e_i what its error makes of its code and
// scale: near a boundary that is the next code.
//
// Cost: 6 T H I operations (4 T H I without gate); scratch for T H elements of
// c and I elements for up to 1024 tokens, from the context, which does not grow
// in steady state.

#ifndef TILEWORK_KERNELS_MLP_MLP_H_
#define TILEWORK_KERNELS_MLP_MLP_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// Of how many tokens a call is made; a hint. The host has one algorithm for
// all.
enum class MlpMode : uint8_t { kAuto = 0, kPrefill = 1, kDecode = 2 };

// f32, bf16 or f16 each, gate_proj_weights_tensor and up_proj_weights_tensor of
// one type, any strides, absent unless said otherwise. "As hidden" means the
// shape of hidden_tensor. Weights stored as [I, H] or [H, I] are Transpose()d;
// a fused gate and up weight is given as two views of it. Quantized weights
// bring their scales, which the schema calls gate_w_scale, up_w_scale and
// down_w_scale; their types may differ.
struct MlpArgs {
  ConstTensor hidden_tensor;  // [B, S, H] or [S, H], required; or codes
  // Of codes: [T] or [B, S], MX [.., ceil(H/32)] e8m0, BLOCK128 [..,
  // ceil(H/128)], NONE [1] or absent; not of STATIC types.
  ConstTensor hidden_scale = {};
  MatrixOperand gate_proj_weights_tensor = {};  // [H, I]; not with
                                                // skip_gate_proj
  MatrixOperand up_proj_weights_tensor;         // [H, I], required
  MatrixOperand down_proj_weights_tensor;       // [I, H], required
  // gamma of RMS_NORM and LAYER_NORM, [H] or [1, H]
  ConstTensor normalization_weights_tensor = {};
  ConstTensor normalization_bias_tensor = {};  // as gamma; of LAYER_NORM
  ConstTensor gate_proj_bias_tensor = {};      // [I] or [1, I]
  ConstTensor up_proj_bias_tensor = {};        // [I] or [1, I]
  ConstTensor down_proj_bias_tensor = {};      // [H] or [1, H]
  ConstTensor fused_add_tensor = {};           // as hidden
  // As hidden: h; may be hidden_tensor or fused_add_tensor.
  Tensor fused_add_out = {};
  ConstTensor gate_up_in_scale = {};  // [1] f32; of STATIC
  ConstTensor down_in_scale = {};     // [1] f32; of STATIC
  ConstTensor residual = {};          // as hidden; may be out
  Tensor out;  // as hidden, required; overlaps no other tensor

  ActFnType activation_fn = ActFnType::kSiLU;
  NormType normalization_type = NormType::kNoNorm;  // NO_NORM for codes
  float eps = 1e-6f;
  float gamma_offset = 0;                     // 0 or 1
  std::optional<int64_t> hidden_actual = {};  // 1 to H; default H
  bool store_fused_add_result = false;        // needs fused_add_out
  bool skip_gate_proj = false;
  std::optional<float> gate_clamp_upper_limit = {};
  std::optional<float> gate_clamp_lower_limit = {};
  std::optional<float> up_clamp_upper_limit = {};
  std::optional<float> up_clamp_lower_limit = {};
  float hidden_act_bias = 0;
  // In place of the factor inside sigma of SiLU and Swish.
  std::optional<float> hidden_act_scale_factor = {};
  QuantizationType quantization_type = QuantizationType::kNone;
  ActQuant act_quant = ActQuant::kAuto;
  float quant_clipping_bound = 0;  // of ROW; <= 1e-6 is off
  MxScaleMode scale_mode = MxScaleMode::kFloor;
  std::optional<DType> output_dtype = {};  // if given, that of out
  F32Mode f32_mode = F32Mode::kIeee;
  MlpMode mode = MlpMode::kAuto;
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
