// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The one implementation of output_projection_cte and _tkg. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_INL_H_
#undef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_INL_H_
#else
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_INL_H_
#endif

#include "hwy/highway.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/output_projection/output_projection_declare.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

inline void ProjectOutput(const output_projection_internal::Projection& args,
                          HostContext& context) {
  ScratchScope scratch(context.arena());
  // A copy only where heads and tokens cannot be merged by strides, or are
  // quantized.
  const Operand operand = PrepareOperand(args.operand(), scratch, context);
  const MatrixOperand weight = args.weight_operand();
  StoreArgs store = {.scales = ScalesOfProduct(operand, weight, {}, scratch),
                     .bias = ContiguousVector(args.bias, scratch),
                     .out = AsTokens(args.out)};
  if (args.residual.present()) store.residual = AsTokens(args.residual);
  Gemm(
      {.a = operand.a, .b = {weight}, .a_block_scales = operand.block_scales},
      [&](const GemmTile& tile) HWY_ATTR { StoreTile(store, tile); }, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_INL_H_
