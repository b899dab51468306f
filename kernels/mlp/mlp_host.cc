// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/mlp/mlp_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Biases of the first products; null if absent.
struct GateUp {
  ActFnType activation;
  const float* gate_bias;
  const float* up_bias;
};

template <class DF>
HWY_INLINE hn::Vec<DF> LoadBiased(DF df, const float* HWY_RESTRICT row,
                                  const float* HWY_RESTRICT bias, int64_t i,
                                  size_t count) {
  const auto v = LoadUpTo(df, row + i, count);
  return bias == nullptr ? v : hn::Add(v, LoadUpTo(df, bias + i, count));
}

// v = activation(gate) * up, rounded to T, for the tile's part of `v`, [T, I].
// One product: v = activation(up).
template <typename T>
HWY_NOINLINE void StoreGated(const GateUp& args, bool gated,
                             const GemmTile& tile, const Tensor& v) {
  const auto shifted = [&](const float* bias) {
    return bias == nullptr ? nullptr : bias + tile.col;
  };
  const float* gate_bias = shifted(args.gate_bias);
  const float* up_bias = shifted(args.up_bias);
  for (int64_t r = 0; r < tile.rows; ++r) {
    T* to = v.At<T>(tile.row + r, tile.col);
    const float* first = tile.values[0] + r * tile.stride;
    if (!gated) {
      ForEachVector(tile.cols, [&](auto df, int64_t i, size_t count) HWY_ATTR {
        const auto u = LoadBiased(df, first, up_bias, i, count);
        StoreUpTo(Activate(df, args.activation, u), df, to + i, count);
      });
      continue;
    }
    const float* second = tile.values[1] + r * tile.stride;
    ForEachVector(tile.cols, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      const auto g = LoadBiased(df, first, gate_bias, i, count);
      const auto u = LoadBiased(df, second, up_bias, i, count);
      StoreUpTo(hn::Mul(Activate(df, args.activation, g), u), df, to + i,
                count);
    });
  }
}

void ProjectGateUp(const MlpArgs& args, const GateUp& gate_up,
                   const ConstTensor& a, const Tensor& v,
                   HostContext& context) {
  GemmArgs gemm = {.a = a};
  const bool gated = !args.skip_gate_proj;
  if (gated) gemm.b[0] = args.gate_proj_weights_tensor;
  gemm.b[gated ? 1 : 0] = args.up_proj_weights_tensor;
  VisitFloat(v.dtype(), [&](auto type) HWY_ATTR {
    Gemm(
        gemm,
        [&](const GemmTile& tile)
            HWY_ATTR { StoreGated<decltype(type)>(gate_up, gated, tile, v); },
        context);
  });
}

void MlpHost(const MlpArgs& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  const Operand operand =
      PrepareOperand({.x = args.hidden_tensor,
                      .add = {args.fused_add_tensor},
                      .sum = args.fused_add_out,
                      .norm = {.type = args.normalization_type,
                               .gamma = args.normalization_weights_tensor,
                               .eps = args.eps,
                               .gamma_offset = args.gamma_offset,
                               .hidden_actual = args.hidden_actual}},
                     scratch, context);
  const GateUp gate_up = {
      .activation = args.activation_fn,
      .gate_bias = ContiguousVector(args.gate_proj_bias_tensor, scratch),
      .up_bias = ContiguousVector(args.up_proj_bias_tensor, scratch)};
  StoreArgs store = {
      .bias = ContiguousVector(args.down_proj_bias_tensor, scratch),
      .out = AsTokens(args.out)};
  if (args.residual.present()) store.residual = AsTokens(args.residual);
  // v of many tokens would not stay in any cache; this many make good use of
  // the weights that are read for them.
  constexpr int64_t kMaxTokens = 1024;
  const ConstTensor& a = operand.a;
  const int64_t tokens = a.dim(0);
  const Tensor v = scratch.AllocateTensor(
      a.dtype(),
      {std::min(tokens, kMaxTokens), args.up_proj_weights_tensor.cols()});
  for (int64_t first = 0; first < tokens; first += kMaxTokens) {
    const int64_t count = std::min(kMaxTokens, tokens - first);
    const Tensor part = v.Slice(0, 0, count);
    ProjectGateUp(args, gate_up, a.Slice(0, first, count), part, context);
    store.first_row = first;
    Gemm(
        {.a = part, .b = {args.down_proj_weights_tensor}},
        [&](const GemmTile& tile) HWY_ATTR { StoreTile(store, tile); },
        context);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(MlpHost);

absl::Status Mlp(const MlpArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.out.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(MlpHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
