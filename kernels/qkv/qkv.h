// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Opens an attention layer: residual sum, norm, one product with the fused
// Q|K|V weight, bias, norm of the heads, rotary embedding; the heads go to
// `output`, or Q does and K and V go to the KV cache. (NKI: qkv_cte, qkv_tkg.)
//
//   h = (input + mlp_prev) + attention_prev     with fused_residual_add
//   a = RMS(h) or LN(h)                         with fused_norm_type
//   y[b, s, :] = a[b, s, :] * fused_qkv_weights + bias
//   each Q and K head: RMS or LN over D, gamma and beta    qk_norm_pre_rope
//                      rotated by cos, sin of (b, s)       fused_rope
//                      normalized again                    qk_norm_post_rope
//
// RMS(h)[i] = h[i] / sqrt(sum h^2 / hidden_actual + norm_eps) * (gamma[i] +
// gamma_offset); LN(h)[i] = (h[i] - mean) / sqrt(variance + norm_eps) *
// gamma[i] + layer_norm_bias[i]. A step runs only if it is asked for.
//
// Quantization. Numbers of a quantized weight are codes times qkv_w_scale.
// Before the product act_quant quantizes a too, from its f32 value, as
// static_quantization, row_quantization and quantize_mxfp8 do, to f8e4m3
// (f8e4m3_240 beside such a weight):
//   type       weight, its scale                         AUTO      input of
//   codes NONE       f32, bf16, f16                            NONE      [1] or
//   none STATIC     f8e4m3, f8e4m3_240, f8e5m2;               STATIC
//   qkv_in_scale
//              [3] for the columns of Q, K, V, or [1]
//   STATIC_MX  f8e4m3; as STATIC                         STATIC    qkv_in_scale
//   ROW        f8e4m3, f8e4m3_240, f8e5m2; [I]           NONE      [B, S]
//   ROW_MX     f8e4m3; [I]                               ROW       [B, S]
//   MX         f8e4m3, f8e5m2, f4e2m1; e8m0 [H/32, I]    MX        [B, S, H/32]
//   BLOCK128   f8e4m3; [H/128, I/128]                    BLOCK128  [B, S,
//   H/128]
// with sizes rounded up. The last column is the shape of input_scale for an
// input that is codes already, which has no residual and no norm. act_quant
// NONE leaves a as it is, beside any weight.
//
// Symbols: B batch, S tokens, H hidden size, D head dimension, Hq query heads,
// Hkv key and value heads, I = (Hq + 2 Hkv) D columns: the Q heads, the K
// heads, the V heads; N heads in output: Hq if there are caches, else Hq + 2
// Hkv; R = rotary_dim; Bc >= B and Smax, the size of the caches.
//
// Numerics: f32 throughout. h is rounded to the type of fused_hidden_out (of
// input if that is absent), a to input's type (to bf16 for an f32 input beside
// a weight of bf16 or codes with f32_mode BF16), the heads once when they are
// stored. The same bits for any number of threads, for a token alone or among
// others, and for a packed or plain weight. Max error per element of y before
// the heads are treated and rounded, with m = sqrt(sum (a * weight)^2 +
// bias^2), u_c the unit roundoff of input's type if a is computed (else 0):
//   (2^-24 * (8 + 2 sqrt(H)) + 3 u_c) * max(|y|, m) + H * 2^-125 * max |weight|
// NaN and infinities follow IEEE and stay in their token.
//
// Cost: 2 B S H I operations; scratch of B S H elements of input's type where a
// is computed, from the context, which does not grow in steady state.

#ifndef TILEWORK_KERNELS_QKV_QKV_H_
#define TILEWORK_KERNELS_QKV_QKV_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// The shape of output.
enum class QkvOutputLayout : uint8_t {
  kBSD,   // [B, S, N * D]
  kNBSd,  // [N, B, S, D]
  kNBdS,  // [N, B, D, S]
};

// A norm over the D elements of each head: kRmsNorm, kLayerNorm or kNoNorm.
struct QkNormConfig {
  NormType q_norm = NormType::kRmsNorm;
  NormType k_norm = NormType::kRmsNorm;
  float eps = 1e-6f;
};

// f32, bf16 or f16 each, any strides, absent unless said otherwise.
struct QkvArgs {
  ConstTensor input;                    // [B, S, H], required
  MatrixOperand fused_qkv_weights;      // [H, I], with qkv_w_scale; required
  ConstTensor qkv_in_scale = {};        // [1] f32: of STATIC
  ConstTensor input_scale = {};         // of an input of codes
  ConstTensor bias = {};                // [I] or [1, I]
  ConstTensor mlp_prev = {};            // [B, S, H]
  ConstTensor attention_prev = {};      // [B, S, H]
  Tensor fused_hidden_out = {};         // [B, S, H]: h; may be input
  ConstTensor gamma_norm_weights = {};  // [H] or [1, H]
  ConstTensor layer_norm_bias = {};     // [H] or [1, H]
  // [B, S, W], [1, S, W] or [S, W]; W = R / 2, one value a pair, or W = R, one
  // value an element.
  ConstTensor cos_cache = {};
  ConstTensor sin_cache = {};
  // [D] or [1, D]; an absent gamma is the factor 1, an absent beta 0. Betas are
  // for LAYER_NORM alone.
  ConstTensor qk_norm_pre_rope_q_gamma = {};
  ConstTensor qk_norm_pre_rope_k_gamma = {};
  ConstTensor qk_norm_pre_rope_q_beta = {};
  ConstTensor qk_norm_pre_rope_k_beta = {};
  ConstTensor qk_norm_post_rope_q_gamma = {};
  ConstTensor qk_norm_post_rope_k_gamma = {};
  ConstTensor qk_norm_post_rope_q_beta = {};
  ConstTensor qk_norm_post_rope_k_beta = {};
  // By output_layout; required unless N = 0. Overlaps no other tensor.
  Tensor output = {};
  // Both or none, of one type, fp8 too; nothing but the tokens' slots changes.
  // Flat, [Bc, Hkv, Smax, D]: token s of batch b goes to slot cache_start[b] +
  // s. Paged, [NB, Hkv, bs, D], if slot_mapping is given: slot n is position n
  // % bs of block n / bs; with fp8_packed, k_cache is [NB, Hkv, bs / 2, D, 2],
  // whose pair a has positions 2 a and 2 a + 1.
  Tensor k_cache = {};
  Tensor v_cache = {};
  ConstTensor cache_start = {};  // [B], i32 or i64; absent: 0
  // [B, S] or [B * S], i32 or i64. A token with a slot below 0 is not stored;
  // of tokens with the same slot the last is.
  ConstTensor slot_mapping = {};
  // Of fp8 caches, whose codes are cvt(min(max(y * (1 / scale), fp8_min),
  // fp8_max)): f32 [1], [Hkv] or [Hkv, D].
  ConstTensor k_scale = {};
  ConstTensor v_scale = {};
  // f32 [B, S] or [B, S, 1]: sums of the squares of all columns of Q, K or V
  // before the heads are normalized and rotated.
  Tensor q_squared_sum_out = {};
  Tensor k_squared_sum_out = {};
  Tensor v_squared_sum_out = {};

  // The heads may be unknown if nothing needs them: kBSD, no caches, no norm of
  // the heads, no rotation.
  std::optional<int64_t> num_q_heads = {};
  std::optional<int64_t> num_kv_heads = {};
  std::optional<int64_t> d_head = {};  // default I / (Hq + 2 Hkv); with heads
  QkvOutputLayout output_layout = QkvOutputLayout::kBSD;
  std::optional<DType> output_dtype = {};  // that of output, if given
  QuantizationType quantization_type = QuantizationType::kNone;
  ActQuant act_quant = ActQuant::kAuto;
  MxScaleMode scale_mode = MxScaleMode::kFloor;  // of act_quant MX
  F32Mode f32_mode = F32Mode::kIeee;
  bool fused_residual_add = false;  // needs attention_prev
  NormType fused_norm_type = NormType::kNoNorm;
  float norm_eps = 1e-6f;
  std::optional<int64_t> hidden_actual = {};  // 1 to H; default H
  float gamma_offset = 0;                     // 0 or 1, for every given gamma
  bool fused_rope = false;                    // needs cos_cache and sin_cache
  // Pairs (i, i + R / 2) of the rotated elements, or (2 i, 2 i + 1).
  bool rope_contiguous_layout = true;
  std::optional<int64_t> rotary_dim = {};  // even, 2 to D; default D
  int64_t rotary_offset = 0;               // 0 to D - R
  std::optional<QkNormConfig> qk_norm_pre_rope = {};
  std::optional<QkNormConfig> qk_norm_post_rope = {};
  // Default: the largest number of the caches' type, and its negative.
  std::optional<float> fp8_max = {};
  std::optional<float> fp8_min = {};
  std::optional<bool> use_block_kv = {};   // whether slot_mapping is given
  std::optional<int64_t> block_size = {};  // bs
  bool fp8_packed = false;
};

// InvalidArgument, before anything is written, if the arguments do not fit or a
// token has no slot in the caches. B = 0 or S = 0 does nothing.
absl::Status Qkv(const QkvArgs& args, HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const QkvArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const QkvArgs& args);

namespace qkv_internal {

// Heads and their size, with defaults. If they are unknown, all columns are one
// Q head.
struct Heads {
  int64_t q, kv, d;

  int64_t total() const { return q + 2 * kv; }
};
Heads ResolveHeads(const QkvArgs& args);

// How the tokens become the left operand, and the weight with its scheme.
OperandArgs OperandOf(const QkvArgs& args);
MatrixOperand WeightOf(const QkvArgs& args);

// The slot of token (b, s), counted through all batches or blocks; negative if
// it is not stored. There are caches.
int64_t SlotOf(const QkvArgs& args, int64_t b, int64_t s);
bool IsPaged(const QkvArgs& args);

// Of scaled numbers before they become codes in a cache.
struct Limits {
  float low, high;
};
Limits CacheLimits(const QkvArgs& args);

}  // namespace qkv_internal
}  // namespace tilework

#endif  // TILEWORK_KERNELS_QKV_QKV_H_
