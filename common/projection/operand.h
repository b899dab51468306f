// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The left operand of a projection: what is done to the tokens before the
// product. operand-inl.h does it.

#ifndef TILEWORK_COMMON_PROJECTION_OPERAND_H_
#define TILEWORK_COMMON_PROJECTION_OPERAND_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/projection/norm_type.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// RMS: a[h] = x[h] / sqrt(sum x^2 / hidden_actual + eps) * (gamma[h] +
// gamma_offset), without the last factor for kRmsNormSkipGamma.
struct NormArgs {
  NormType type = NormType::kNoNorm;
  ConstTensor gamma = {};  // [H] or [1, H] f32, bf16 or f16; for kRmsNorm alone
  float eps = 1e-6f;
  float gamma_offset = 0;                     // 0 or 1
  std::optional<int64_t> hidden_actual = {};  // of a zero-padded H; default H
};

// The residual sum and the norm of every token:
//   h = (x + add[0]) + add[1], rounded to the type of `sum`, else of x
//   a = norm(h), rounded to the type of x
// A step runs if its arguments are given.
struct OperandArgs {
  ConstTensor x;            // [T, H], [B, S, H] or [B, S, N, D], any strides
  ConstTensor add[2] = {};  // as x
  Tensor sum = {};          // as x; may be x or one of `add`
  NormArgs norm = {};
};

// A kernel's members that are its NormArgs, some with their names.
struct NormMembers {
  std::string_view type_name;
  const NormType& type;
  std::string_view gamma_name;
  const ConstTensor& gamma;
  // Why gamma is not given: "fused_norm_type is not RMS_NORM".
  std::string_view no_gamma;
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
