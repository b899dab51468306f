// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The left operand of a projection: what is done to the tokens before the
// product.

#ifndef TILEWORK_COMMON_PROJECTION_OPERAND_H_
#define TILEWORK_COMMON_PROJECTION_OPERAND_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// RMS: a[h] = x[h] / sqrt(sum x^2 / hidden_actual + eps) * (gamma[h] +
// gamma_offset), without the last factor for kRmsNormSkipGamma.
// Layer norm: a[h] = (x[h] - mean) / sqrt(variance + eps) * gamma[h] + beta[h].
struct NormArgs {
  NormType type = NormType::kNoNorm;
  // [H] or [1, H] f32, bf16 or f16; for kRmsNorm and kLayerNorm.
  ConstTensor gamma = {};
  ConstTensor beta = {};  // as gamma; for kLayerNorm, may be absent
  float eps = 1e-6f;
  float gamma_offset = 0;                     // 0 or 1; RMS alone
  std::optional<int64_t> hidden_actual = {};  // of a zero-padded H; default H
};

// How an activation of f32, bf16 or f16 is quantized before the product.
enum class ActQuant : uint8_t {
  kAuto = 0,  // as the kernel's table says for its quantization type
  kNone = 1,
  kStatic = 2,
  kRow = 3,
  kMx = 4,
  kBlock128 = 5,
};

struct QuantizeArgs {
  ActQuant type = ActQuant::kNone;               // not kAuto
  DType code = DType::kF8E4M3;                   // or kF8E4M3_240, kF8E5M2
  ConstTensor in_scale = {};                     // kStatic: [1] f32
  float clip = 0;                                // kRow: <= 1e-6 is off
  MxScaleMode scale_mode = MxScaleMode::kFloor;  // kMx
};

// The residual sum and the norm of every token:
//   h = (x + add[0]) + add[1], rounded to the type of `sum`, else of x
//   a = norm(h), quantized, or rounded to `compute`
// A step runs if its arguments are given. An x of 8 bits is used as it is: it
// has no sum and no norm, and is not quantized.
struct OperandArgs {
  ConstTensor x;            // [T, H], [B, S, H] or [B, S, N, D], any strides
  ConstTensor add[2] = {};  // as x
  Tensor sum = {};          // as x; may be x or one of `add`
  NormArgs norm = {};
  QuantizeArgs quantize = {};
  // Of an x of codes: kNone, kPerTensor, kPerToken, kMx or kBlock128, and its
  // scales: [1]; [T] or [B, S]; [.., ceil(K / 32)] e8m0; [.., ceil(K / 128)].
  // kNone may have [1] or none.
  QuantScheme x_scheme = QuantScheme::kNone;
  ConstTensor x_scale = {};
  // The type that an unquantized a is rounded to; kNone: that of x, or bf16 for
  // an x of 8 bits, which has all its numbers.
  DType compute = DType::kNone;
};

// The left operand [T, K] of a product, and what the product of each row is to
// be multiplied with.
struct Operand {
  ConstTensor a;  // f32, bf16 or f16; codes, and numbers of MX blocks, as bf16
  const float* row_scales = nullptr;  // [T], or null
  float scale = 1;
  ConstTensor block_scales = {};  // [T, ceil(K / 128)] f32, for Gemm; or absent
};

// The operand: a view of x if there is nothing to do, else in `scratch`. For
// checked arguments.
Operand PrepareOperand(const OperandArgs& args, ScratchScope& scratch,
                       HostContext& context);

// A kernel's members that are its NormArgs, some with their names.
struct NormMembers {
  std::string_view type_name;
  const NormType& type;
  std::string_view gamma_name;
  const ConstTensor& gamma;
  // Why gamma is not given: "fused_norm_type is not RMS_NORM".
  std::string_view no_gamma;
  // Where the kernel has a layer norm; else null.
  std::string_view beta_name = {};
  const ConstTensor* beta = nullptr;
  std::string_view no_beta = {};  // "fused_norm_type is not LAYER_NORM"
  std::string_view eps_name;
  const float& eps;
  const float& gamma_offset;
  const std::optional<int64_t>& hidden_actual;
};

// Shows them to `v`, which knows H.
void DeclareNorm(const NormMembers& norm, SchemaVisitor& v);

// `tokens` ([T, H], [B, S, H] or [B, S, N, D]) as [B, S, N, D].
Tensor AsHeads(const Tensor& tokens);
ConstTensor AsHeads(const ConstTensor& tokens);
// `tokens` ([T, H] or [B, S, H]) as [B, S, H].
Tensor AsTokens(const Tensor& tokens);
ConstTensor AsTokens(const ConstTensor& tokens);

// [B, S, N, D] as a matrix [B * S, N * D] without a copy; absent if the strides
// do not allow it.
ConstTensor AsMatrix(const ConstTensor& heads);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_OPERAND_H_
