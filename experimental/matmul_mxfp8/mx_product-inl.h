// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The product of two factors (mx_factor.h). Include after hwy/highway.h inside
// a foreach_target file.

#if defined(TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_PRODUCT_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_PRODUCT_INL_H_
#undef TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_PRODUCT_INL_H_
#else
#define TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_PRODUCT_INL_H_
#endif

#include "hwy/highway.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/mx_factor.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

// The numbers of a factor, bf16 [R, K].
inline ConstTensor FactorValues(const matmul_mxfp8_internal::MxFactor& factor,
                                ScratchScope& scratch, HostContext& context) {
  if (factor.stochastic.has_value()) {
    return matmul_mxfp8_internal::StochasticValues(factor, scratch, context);
  }
  const matmul_mxfp8_internal::MxFactor codes =
      matmul_mxfp8_internal::WithoutF4(factor, scratch);
  return PrepareOperand(codes.operand(), scratch, context).a;
}

// left [M, K] times right [N, K]; `store` says what becomes of it.
inline void MultiplyFactors(const matmul_mxfp8_internal::MxFactor& left,
                            const matmul_mxfp8_internal::MxFactor& right,
                            const StoreArgs& store, HostContext& context) {
  ScratchScope scratch(context.arena());
  const ConstTensor a = FactorValues(left, scratch, context);
  const ConstTensor b = FactorValues(right, scratch, context);
  Gemm(
      {.a = a, .b = {b.Transpose()}},
      [&](const GemmTile& tile) HWY_ATTR { StoreTile(store, tile); }, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_PRODUCT_INL_H_
