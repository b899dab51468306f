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
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/schema/host_call.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/qkv/qkv.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/qkv/qkv_host.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
// After foreach_target.h.
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/simd/moments-inl.h"
#include "tilework/common/simd/norm-inl.h"
#include "tilework/common/simd/rotate-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A norm of the Q (0) or K (1) heads.
struct HeadNorm {
  NormType type = NormType::kNoNorm;
  const float* gamma = nullptr;  // null: the factor 1
  const float* beta = nullptr;   // null: 0
  float gamma_offset = 0;
  float eps = 0;

  HWY_INLINE void Apply(int64_t d, float* HWY_RESTRICT head) const {
    if (type == NormType::kRmsNorm) {
      ScaleRow(head, RmsFactor(head, d, d, eps), gamma, gamma_offset, d, head);
    } else if (type == NormType::kLayerNorm) {
      ReadAhead none;
      const Moments moments = MomentsOf(head, d, none);
      const float rstd = ReciprocalDeviation(moments.variance, eps);
      ForEachVector(d, [&](auto df, int64_t i, size_t count) HWY_ATTR {
        const auto scale = gamma == nullptr ? hn::Set(df, 1.0f)
                                            : LoadUpTo(df, gamma + i, count);
        const auto shift =
            beta == nullptr ? hn::Zero(df) : LoadUpTo(df, beta + i, count);
        StoreUpTo(LayerNormed(df, LoadUpTo(df, head + i, count), moments.mean,
                              rstd, scale, shift),
                  df, head + i, count);
      });
    }
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

// A cache that heads are written to, or none.
struct CacheTarget {
  Tensor
      tensor;  // [blocks, Hkv, positions, D], or with pairs of positions last
  const float* reciprocals = nullptr;  // of scales, [Hkv, D]; for codes
  float low, high;

  // The place of position `at` of a block, without its pairs.
  Tensor Head(int64_t block, int64_t head, int64_t at) const {
    const Tensor heads = tensor.Select(0, block).Select(0, head);
    return tensor.rank() == 4 ? heads.Select(0, at)
                              : heads.Select(0, at / 2).Select(1, at % 2);
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
  Tensor output;          // [B, S, N, D]
  CacheTarget caches[2];  // of K and V
  const int64_t* slots;   // of each token, or null
  int64_t slots_in_block;
  float* squares;  // of each token's heads, [T, N], or null
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

// Elements [offset, offset + size) of a head to `to`, [D]; `first` is the first
// of the cache's scales.
HWY_INLINE void StoreInCache(const CacheTarget& cache, const Tensor& to,
                             int64_t first, int64_t offset, int64_t size,
                             float* HWY_RESTRICT values) {
  if (cache.reciprocals == nullptr) {
    VisitFloat(to.dtype(), [&](auto type) HWY_ATTR {
      StoreRow(values, to.stride(0), size, to.At<decltype(type)>(offset));
    });
    return;
  }
  MultiplyRow(cache.reciprocals + first, 1, size, values);
  ClampRow(cache.low, cache.high, size, values);
  const Fp8RowEncoder encoder(DType::kF32, to.dtype());
  ReadAhead none;
  encoder.Encode(values, 1, size, kNoClip, 1.0f,
                 {static_cast<uint8_t*>(to.data()) + offset * to.stride(0),
                  to.stride(0), /*stream=*/false},
                 none);
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
  if (is_query || args.slots == nullptr) {
    StorePart(values, size, args.output, b, s, head, offset);
    return;
  }
  const int64_t slot = args.slots[b * args.tokens + s];
  if (slot < 0) return;
  const int64_t kv_head = head - heads.q;
  const int64_t of_kind = kv_head % heads.kv;
  const CacheTarget& cache = args.caches[kv_head / heads.kv];
  StoreInCache(cache,
               cache.Head(slot / args.slots_in_block, of_kind,
                          slot % args.slots_in_block),
               of_kind * heads.d + offset, offset, size, values);
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
      if (args.squares != nullptr) {
        args.squares[(tile.row + r) * args.heads.total() + head] =
            SumOfSquares(row + c, size);
      }
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

HeadNorm MakeHeadNorm(NormType type, const ConstTensor& gamma,
                      const ConstTensor& beta, float gamma_offset, float eps,
                      ScratchScope& scratch) {
  return {.type = type,
          .gamma = ContiguousVector(gamma, scratch),
          .beta = ContiguousVector(beta, scratch),
          .gamma_offset = gamma_offset,
          .eps = eps};
}

void SetHeadNorms(const QkvArgs& args, HeadArgs& heads, ScratchScope& scratch) {
  const float offset = args.gamma_offset;
  if (const auto& norm = args.qk_norm_pre_rope; norm.has_value()) {
    heads.pre_rope[0] =
        MakeHeadNorm(norm->q_norm, args.qk_norm_pre_rope_q_gamma,
                     args.qk_norm_pre_rope_q_beta, offset, norm->eps, scratch);
    heads.pre_rope[1] =
        MakeHeadNorm(norm->k_norm, args.qk_norm_pre_rope_k_gamma,
                     args.qk_norm_pre_rope_k_beta, offset, norm->eps, scratch);
  }
  if (const auto& norm = args.qk_norm_post_rope; norm.has_value()) {
    heads.post_rope[0] =
        MakeHeadNorm(norm->q_norm, args.qk_norm_post_rope_q_gamma,
                     args.qk_norm_post_rope_q_beta, offset, norm->eps, scratch);
    heads.post_rope[1] =
        MakeHeadNorm(norm->k_norm, args.qk_norm_post_rope_k_gamma,
                     args.qk_norm_post_rope_k_beta, offset, norm->eps, scratch);
  }
}

// 1 / scale for each element of the heads of a cache, [Hkv, D].
const float* ReciprocalScales(const ConstTensor& scale, int64_t heads,
                              int64_t d, ScratchScope& scratch) {
  float* result = scratch.Allocate<float>(heads * d);
  for (int64_t h = 0; h < heads; ++h) {
    for (int64_t i = 0; i < d; ++i) {
      const float value = scale.NumElements() == 1 ? *scale.data<float>()
                          : scale.rank() == 1      ? *scale.At<float>(h)
                                                   : *scale.At<float>(h, i);
      result[h * d + i] = 1.0f / value;
    }
  }
  return result;
}

// The slots of all tokens; of those that share one, only the last has it.
const int64_t* MakeSlots(const QkvArgs& args, ScratchScope& scratch) {
  const int64_t tokens = args.input.dim(1);
  const int64_t count = args.input.dim(0) * tokens;
  int64_t* slots = scratch.Allocate<int64_t>(count);
  for (int64_t t = 0; t < count; ++t) {
    slots[t] = qkv_internal::SlotOf(args, t / tokens, t % tokens);
  }
  if (!qkv_internal::IsPaged(args)) return slots;
  const int64_t num_slots = args.v_cache.dim(0) * args.v_cache.dim(2);
  uint8_t* taken = scratch.Allocate<uint8_t>(num_slots);
  std::fill_n(taken, num_slots, uint8_t{0});
  for (int64_t t = count - 1; t >= 0; --t) {
    if (slots[t] < 0) continue;
    if (taken[slots[t]] != 0)
      slots[t] = -1;
    else
      taken[slots[t]] = 1;
  }
  return slots;
}

void SetCaches(const QkvArgs& args, HeadArgs& heads, ScratchScope& scratch) {
  if (!args.v_cache.present()) return;
  heads.caches[0].tensor = args.k_cache;
  heads.caches[1].tensor = args.v_cache;
  heads.slots = MakeSlots(args, scratch);
  heads.slots_in_block = args.v_cache.dim(2);
  const qkv_internal::Limits limits = qkv_internal::CacheLimits(args);
  for (int i = 0; i < 2; ++i) {
    CacheTarget& cache = heads.caches[i];
    cache.low = limits.low;
    cache.high = limits.high;
    if (!IsFloat8(args.v_cache.dtype())) continue;
    cache.reciprocals =
        ReciprocalScales(i == 0 ? args.k_scale : args.v_scale, heads.heads.kv,
                         heads.heads.d, scratch);
  }
}

HeadArgs MakeHeadArgs(const QkvArgs& args, ScratchScope& scratch) {
  HeadArgs result = {};
  result.heads = qkv_internal::ResolveHeads(args);
  result.tokens = args.input.dim(1);
  result.bias = ContiguousVector(args.bias, scratch);
  SetHeadNorms(args, result, scratch);
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
  SetCaches(args, result, scratch);
  return result;
}

// The sum over heads [first, first + count) of each token, if it is wanted.
void StoreSquaredSums(const HeadArgs& args, int64_t tokens, int64_t first,
                      int64_t count, const Tensor& to) {
  if (!to.present()) return;
  for (int64_t t = 0; t < tokens; ++t) {
    const float* squares = args.squares + t * args.heads.total() + first;
    float sum = 0;
    for (int64_t h = 0; h < count; ++h) sum += squares[h];
    *to.At<float>(t / args.tokens, t % args.tokens) = sum;
  }
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
  const bool squares = args.q_squared_sum_out.present() ||
                       args.k_squared_sum_out.present() ||
                       args.v_squared_sum_out.present();
  const int64_t tokens = operand.a.dim(0);
  if (squares) {
    heads.squares = scratch.Allocate<float>(tokens * heads.heads.total());
  }
  const bool whole_heads = args.fused_rope || squares ||
                           args.qk_norm_pre_rope.has_value() ||
                           args.qk_norm_post_rope.has_value();
  Gemm(
      {.a = operand.a,
       .b = {weight},
       .a_block_scales = operand.block_scales,
       .column_multiple = whole_heads ? d : 1},
      [&](const GemmTile& tile) HWY_ATTR { StoreHeads(heads, tile); }, context);
  if (squares) {
    const qkv_internal::Heads& h = heads.heads;
    StoreSquaredSums(heads, tokens, 0, h.q, args.q_squared_sum_out);
    StoreSquaredSums(heads, tokens, h.q, h.kv, args.k_squared_sum_out);
    StoreSquaredSums(heads, tokens, h.q + h.kv, h.kv, args.v_squared_sum_out);
  }
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
