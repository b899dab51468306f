// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/matmul/matmul.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/matmul/matmul_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/projection/operand-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

// One matrix [M, K], or a batch [B, M, K].
void MatmulBatch(const MatmulArgs& args, const float* bias,
                 HostContext& context) {
  ScratchScope scratch(context.arena());
  const Operand operand = PrepareOperand({.x = args.a}, scratch, context);
  StoreArgs store = {.alpha = args.alpha,
                     .bias = bias,
                     .activation = args.activation,
                     .beta = args.beta,
                     .out = AsTokens(args.out)};
  if (args.residual.present() && args.beta != 0) {
    store.residual = AsTokens(args.residual);
  }
  Gemm(
      {.a = operand.a, .b = {args.b}},
      [&](const GemmTile& tile) HWY_ATTR { StoreTile(store, tile); }, context);
}

// Cuts off leading dimensions until at most one is left.
void MatmulLeading(const MatmulArgs& args, const float* bias,
                   HostContext& context) {
  if (args.a.rank() <= 3) {
    MatmulBatch(args, bias, context);
    return;
  }
  for (int64_t i = 0; i < args.a.dim(0); ++i) {
    MatmulArgs part = args;
    part.a = args.a.Select(0, i);
    part.out = args.out.Select(0, i);
    if (args.residual.present()) part.residual = args.residual.Select(0, i);
    MatmulLeading(part, bias, context);
  }
}

void MatmulHost(const MatmulArgs& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  const float* bias = ContiguousVector(args.bias, scratch);
  MatmulLeading(args, bias, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(MatmulHost);

absl::Status Matmul(const MatmulArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.out.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(MatmulHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
