// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/qkv/qkv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/qkv/qkv_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/simd/norm-inl.h"
#include "tilework/common/simd/rotate-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

// A norm of the Q (0) or K (1) heads.
struct HeadNorm {
  bool enabled = false;
  const float* gamma = nullptr;  // null: the factor 1
  float gamma_offset = 0;
  float eps = 0;

  HeadNorm() = default;
  HeadNorm(NormType type, const ConstTensor& gamma_tensor, float offset,
           float epsilon, ScratchScope& scratch)
      : enabled(type != NormType::kNoNorm),
        gamma(ContiguousVector(gamma_tensor, scratch)),
        gamma_offset(offset),
        eps(epsilon) {}

  HWY_INLINE void Apply(int64_t d, float* HWY_RESTRICT head) const {
    if (!enabled) return;
    ScaleRow(head, RmsFactor(head, d, d, eps), gamma, gamma_offset, d, head);
  }
};

// cos or sin, one row a token.
struct RopeTable {
  const float* data = nullptr;
  int64_t batch_stride = 0;
  int64_t row_stride = 0;

  RopeTable() = default;
  // Contiguous f32 rows are used as they are, others are copied.
  RopeTable(const ConstTensor& table, ScratchScope& scratch) {
    const ConstTensor rows = AsTokens(table);
    if (rows.dtype() == DType::kF32 && rows.stride(2) == 1) {
      data = rows.data<float>();
      batch_stride = rows.stride(0);
      row_stride = rows.stride(1);
    } else {
      row_stride = rows.dim(2);
      batch_stride = rows.dim(1) * row_stride;
      float* copy = scratch.Allocate<float>(rows.NumElements());
      data = copy;
      for (int64_t i = 0; i < rows.dim(0) * rows.dim(1); ++i) {
        VisitFloat(rows.dtype(), [&](auto type) HWY_ATTR {
          LoadRow(TokenAt<decltype(type)>(rows, i, 0), rows.stride(2),
                  row_stride, copy + i * row_stride);
        });
      }
    }
    if (rows.dim(0) == 1) batch_stride = 0;
  }

  const float* Row(int64_t b, int64_t s) const {
    return data + b * batch_stride + s * row_stride;
  }
};

// All that happens to the product.
struct HeadArgs {
  qkv_internal::Heads heads;
  int64_t tokens;  // S
  ProductScales scales;
  const float* bias;
  HeadNorm pre_rope[2];
  HeadNorm post_rope[2];
  bool rope;
  Rotation rotation;
  int64_t rotary_offset;
  RopeTable cos, sin;
  Tensor output;         // [B, S, N, D]
  Tensor caches[2];      // K and V, [Bc, Hkv, Smax, D], or absent
  const int64_t* start;  // first slot of each batch
};

template <class View>
HWY_INLINE void StorePart(const float* HWY_RESTRICT from, int64_t size,
                          const View& to, int64_t i, int64_t j, int64_t k,
                          int64_t l) {
  VisitFloat(to.dtype(), [&](auto type) HWY_ATTR {
    StoreRow(from, to.stride(3), size,
             to.template At<decltype(type)>(i, j, k, l));
  });
}

// Norm, rotation and store of elements [offset, offset + size) of a head; all
// of it if the head is normalized or rotated.
HWY_INLINE void StoreHead(const HeadArgs& args, int64_t b, int64_t s,
                          int64_t head, int64_t offset, int64_t size,
                          float* HWY_RESTRICT values) {
  const qkv_internal::Heads& heads = args.heads;
  const bool is_query = head < heads.q;
  if (head < heads.q + heads.kv) {
    const int kind = is_query ? 0 : 1;
    args.pre_rope[kind].Apply(size, values);
    if (args.rope) {
      float* rotated = values + args.rotary_offset;
      RotateHead(args.rotation, args.cos.Row(b, s), args.sin.Row(b, s), rotated,
                 rotated);
    }
    args.post_rope[kind].Apply(size, values);
  }
  if (is_query || !args.caches[0].present()) {
    StorePart(values, size, args.output, b, s, head, offset);
    return;
  }
  const int64_t kv_head = head - heads.q;
  StorePart(values, size, args.caches[kv_head / heads.kv], b,
            kv_head % heads.kv, args.start[b] + s, offset);
}

HWY_NOINLINE void StoreHeads(const HeadArgs& args, const GemmTile& tile) {
  const int64_t d = args.heads.d;
  for (int64_t r = 0; r < tile.rows; ++r) {
    const int64_t b = (tile.row + r) / args.tokens;
    const int64_t s = (tile.row + r) % args.tokens;
    float* row = tile.values[0] + r * tile.stride;
    ScaleProducts(args.scales, tile.row + r, tile.col, tile.cols, row);
    BiasAndActivate(1.0f, args.bias == nullptr ? nullptr : args.bias + tile.col,
                    ActFnType::kNone, tile.cols, row);
    for (int64_t c = 0; c < tile.cols;) {
      const int64_t head = (tile.col + c) / d;
      const int64_t offset = (tile.col + c) % d;
      const int64_t size = std::min(d - offset, tile.cols - c);
      StoreHead(args, b, s, head, offset, size, row + c);
      c += size;
    }
  }
}

// output as [B, S, N, D].
Tensor OutputHeads(const QkvArgs& args, int64_t d) {
  const Tensor& output = args.output;
  if (!output.present()) return output;
  switch (args.output_layout) {
    case QkvOutputLayout::kBSD:
      return output.Reshape(
          {output.dim(0), output.dim(1), output.dim(2) / d, d});
    case QkvOutputLayout::kNBSd:
      return output.Permute({1, 2, 0, 3});
    case QkvOutputLayout::kNBdS:
      return output.Permute({1, 3, 0, 2});
  }
  return output;
}

void SetHeadNorms(const QkvArgs& args,
                  const std::optional<QkNormConfig>& config,
                  const ConstTensor& q_gamma, const ConstTensor& k_gamma,
                  ScratchScope& scratch, HeadNorm (&norms)[2]) {
  if (!config.has_value()) return;
  norms[0] = HeadNorm(config->q_norm, q_gamma, args.gamma_offset, config->eps,
                      scratch);
  norms[1] = HeadNorm(config->k_norm, k_gamma, args.gamma_offset, config->eps,
                      scratch);
}

HeadArgs MakeHeadArgs(const QkvArgs& args, ScratchScope& scratch) {
  HeadArgs result = {};
  result.heads = qkv_internal::ResolveHeads(args);
  result.tokens = args.input.dim(1);
  result.bias = ContiguousVector(args.bias, scratch);
  SetHeadNorms(args, args.qk_norm_pre_rope, args.qk_norm_pre_rope_q_gamma,
               args.qk_norm_pre_rope_k_gamma, scratch, result.pre_rope);
  SetHeadNorms(args, args.qk_norm_post_rope, args.qk_norm_post_rope_q_gamma,
               args.qk_norm_post_rope_k_gamma, scratch, result.post_rope);
  result.rope = args.fused_rope;
  if (args.fused_rope) {
    result.rotation.rotary_dim = args.rotary_dim.value_or(result.heads.d);
    result.rotation.table_width = args.cos_cache.dim(-1);
    result.rotation.contiguous_layout = args.rope_contiguous_layout;
    result.rotary_offset = args.rotary_offset;
    result.cos = RopeTable(args.cos_cache, scratch);
    result.sin = RopeTable(args.sin_cache, scratch);
  }
  result.output = OutputHeads(args, result.heads.d);
  if (args.k_cache.present()) {
    result.caches[0] = args.k_cache;
    result.caches[1] = args.v_cache;
    int64_t* start = scratch.Allocate<int64_t>(args.input.dim(0));
    for (int64_t b = 0; b < args.input.dim(0); ++b) {
      start[b] = qkv_internal::CacheStart(args, b);
    }
    result.start = start;
  }
  return result;
}

void QkvHost(const QkvArgs& args, HostContext& context) {
  ScratchScope scratch(context.arena());
  const Operand operand =
      PrepareOperand(qkv_internal::OperandOf(args), scratch, context);
  const MatrixOperand weight = qkv_internal::WeightOf(args);
  HeadArgs heads = MakeHeadArgs(args, scratch);
  const int64_t d = heads.heads.d;
  heads.scales = ScalesOfProduct(
      operand, weight,
      {.k = heads.heads.q * d, .v = (heads.heads.q + heads.heads.kv) * d},
      scratch);
  const bool whole_heads = args.fused_rope ||
                           args.qk_norm_pre_rope.has_value() ||
                           args.qk_norm_post_rope.has_value();
  Gemm(
      {.a = operand.a,
       .b = {weight},
       .a_block_scales = operand.block_scales,
       .column_multiple = whole_heads ? d : 1},
      [&](const GemmTile& tile) HWY_ATTR { StoreHeads(heads, tile); }, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(QkvHost);

absl::Status Qkv(const QkvArgs& args, HostContext& context) {
  return CallOnHost(args, context, [&] {
    if (args.input.NumElements() == 0) return;
    HWY_DYNAMIC_DISPATCH(QkvHost)(args, context);
  });
}

}  // namespace tilework
#endif  // HWY_ONCE
