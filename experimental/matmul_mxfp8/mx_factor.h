// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A factor of a product of MX blocks: numbers that are quantized along the
// contraction, or codes with their scales.

#ifndef TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_FACTOR_H_
#define TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_FACTOR_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework::matmul_mxfp8_internal {

// Rounding of elements by chance: element (r, k) takes word
// r * row_stride + k * col_stride.
struct StochasticWords {
  PhiloxState state;
  int64_t row_stride;
  int64_t col_stride;
};

struct MxFactor {
  ConstTensor x;            // [R, K], blocks along K; f32, bf16, f16 or codes
  ConstTensor scales = {};  // of codes: e8m0 [R, ceil(K / 32)]
  DType code = DType::kF8E5M2;  // that numbers are quantized to
  MxScaleMode mode = MxScaleMode::kFloor;
  std::optional<StochasticWords> stochastic = {};

  // What PrepareOperand() takes: for codes of 8 bits, and for numbers that are
  // rounded to nearest.
  OperandArgs operand() const;
};

// The factor as codes of f8e4m3 instead of f4e2m1, which has fewer numbers, in
// `scratch`; any other as it is.
MxFactor WithoutF4(const MxFactor& factor, ScratchScope& scratch);

// The numbers that a factor with stochastic rounding is quantized to, bf16
// [R, K], in `scratch`.
ConstTensor StochasticValues(const MxFactor& factor, ScratchScope& scratch,
                             HostContext& context);

// The state that six words, [6] or [1, 6], hold.
PhiloxState ReadState(const ConstTensor& words);

inline constexpr DType kMxFactorTypes[] = {DType::kF32,    DType::kBF16,
                                           DType::kF16,    DType::kF8E4M3,
                                           DType::kF8E5M2, DType::kF4E2M1};

// Shows the type that numbers are quantized to, and how scales follow.
void DeclareCodeType(std::string_view name, const std::optional<DType>& dtype,
                     std::string_view absent, SchemaVisitor& v);
void DeclareScaleMode(const MxScaleMode& mode, SchemaVisitor& v);
// Shows the state of random numbers, which is needed if `needed`.
void DeclareState(const ConstTensor& state, bool needed,
                  std::string_view reason, SchemaVisitor& v);

}  // namespace tilework::matmul_mxfp8_internal

#endif  // TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_FACTOR_H_
