// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/projection/operand_host.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/projection/epilogue-inl.h"
#include "tilework/common/projection/quantize-inl.h"
#include "tilework/common/simd/moments-inl.h"
#include "tilework/common/simd/norm-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// An OperandArgs with all tensors as [B, S, N, D].
struct OperandRows {
  ConstTensor x;
  ConstTensor add[2] = {};
  Tensor sum = {};
  NormType norm;
  const float* gamma;  // null: the factor 1
  const float* beta;   // null: 0
  float gamma_offset;
  float eps;
  int64_t hidden_actual = 0;

  int64_t num_rows() const { return x.dim(0) * x.dim(1); }
  int64_t size() const { return x.dim(2) * x.dim(3); }
  bool has_norm() const { return norm != NormType::kNoNorm; }
  bool has_sum() const { return add[0].present() || add[1].present(); }
  // Whether tokens are contiguous, and not summed with others.
  bool in_place() const {
    return !has_sum() && x.stride(3) == 1 && x.dim(2) == 1;
  }
};

// row[:] = x[t], all heads; or += it.
HWY_NOINLINE void LoadToken(const ConstTensor& x, int64_t t, bool add,
                            float* HWY_RESTRICT row) {
  const int64_t d = x.dim(3);
  VisitFloat(x.dtype(), [&](auto type) HWY_ATTR {
    using T = decltype(type);
    for (int64_t n = 0; n < x.dim(2); ++n) {
      const T* from = x.At<T>(t / x.dim(1), t % x.dim(1), n);
      if (add) {
        AddScaled(from, x.stride(3), 1.0f, d, row + n * d);
      } else {
        LoadRow(from, x.stride(3), d, row + n * d);
      }
    }
  });
}

// row = h of token t; stores it if asked to. X is x's type.
template <typename X>
HWY_INLINE void LoadSum(const OperandRows& rows, int64_t t, int64_t size,
                        float* HWY_RESTRICT row) {
  LoadToken(rows.x, t, /*add=*/false, row);
  bool added = false;
  for (const ConstTensor& add : rows.add) {
    if (!add.present()) continue;
    LoadToken(add, t, /*add=*/true, row);
    added = true;
  }
  if (!added) return;
  const Tensor& sum = rows.sum;
  if (!sum.present()) {
    RoundRow<X>(size, row);
    return;
  }
  VisitFloat(sum.dtype(), [&](auto type) HWY_ATTR {
    using T = decltype(type);
    RoundRow<T>(size, row);
    const int64_t d = sum.dim(3);
    for (int64_t n = 0; n < sum.dim(2); ++n) {
      StoreRow(row + n * d, sum.stride(3), d,
               sum.At<T>(t / sum.dim(1), t % sum.dim(1), n));
    }
  });
}

// out = norm(h), rounded to T. `out` may be h.
template <typename H, typename T>
HWY_INLINE void NormalizeToken(const OperandRows& rows, const H* h,
                               int64_t size, T* out) {
  if (rows.norm != NormType::kLayerNorm) {
    const float factor = rows.has_norm()
                             ? RmsFactor(h, size, rows.hidden_actual, rows.eps)
                             : 1.0f;
    return ScaleRow(h, factor, rows.gamma, rows.gamma_offset, size, out);
  }
  ReadAhead none;
  const Moments moments = MomentsOf(h, size, none);
  const float rstd = ReciprocalDeviation(moments.variance, rows.eps);
  const float* gamma = rows.gamma;
  const float* beta = rows.beta;
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto shift =
        beta == nullptr ? hn::Zero(df) : LoadUpTo(df, beta + i, count);
    StoreUpTo(LayerNormed(df, LoadUpTo(df, h + i, count), moments.mean, rstd,
                          LoadUpTo(df, gamma + i, count), shift),
              df, out + i, count);
  });
}

// Memory of one thread for one token.
struct TokenScratch {
  float* row;
  uint8_t* codes;
};

// out = a of token t, rounded to the type of `out`, [T, K]; x is of type X.
template <typename X>
HWY_NOINLINE void RoundToken(const OperandRows& rows, int64_t t, float* row,
                             const Tensor& out) {
  const ConstTensor& x = rows.x;
  const int64_t size = rows.size();
  VisitFloat(out.dtype(), [&](auto type) HWY_ATTR {
    using T = decltype(type);
    T* to = out.At<T>(t);
    if (!rows.in_place()) {
      LoadSum<X>(rows, t, size, row);
      NormalizeToken(rows, row, size, to);
      return;
    }
    const X* from = x.At<X>(t / x.dim(1), t % x.dim(1));
    if constexpr (std::is_same_v<X, T> || std::is_same_v<T, float>) {
      NormalizeToken(rows, from, size, to);
    } else {
      NormalizeToken(rows, from, size, row);
      StoreRow(row, 1, size, to);
    }
  });
}

// The same quantized, as bf16. `scales` are those of the token.
template <typename X>
HWY_NOINLINE void QuantizeToken(const OperandRows& rows,
                                const RowQuantizer& quantizer, int64_t t,
                                const TokenScratch& scratch, float* scales,
                                BFloat16* out) {
  const ConstTensor& x = rows.x;
  const int64_t size = rows.size();
  const void* from = scratch.row;
  if (!rows.in_place()) {
    LoadSum<X>(rows, t, size, scratch.row);
    if (rows.has_norm()) {
      NormalizeToken(rows, scratch.row, size, scratch.row);
    }
  } else {
    const X* token = x.At<X>(t / x.dim(1), t % x.dim(1));
    if (rows.has_norm()) {
      NormalizeToken(rows, token, size, scratch.row);
    } else {
      from = token;
    }
  }
  quantizer.Run(from, scratch.codes, scales, out);
}

// Calls f(t, scratch) for all tokens, with `size` elements of scratch each.
template <class F>
void ForTokens(int64_t num_rows, int64_t size, ScratchScope& scratch,
               HostContext& context, const F& f) {
  const int64_t row_floats = (size + 15) / 16 * 16;
  const int64_t code_bytes = RowQuantizer::ScratchBytes(size);
  float* row = scratch.Allocate<float>(context.num_threads() * row_floats);
  uint8_t* codes =
      scratch.Allocate<uint8_t>(context.num_threads() * code_bytes);
  // Few rows are not worth a fork.
  constexpr int64_t kElementsPerTask = 1 << 16;
  const int64_t rows_per_task =
      std::max<int64_t>(1, kElementsPerTask / std::max<int64_t>(1, size));
  const int64_t num_tasks = (num_rows + rows_per_task - 1) / rows_per_task;
  context.pool().ParallelFor(num_tasks, [&](int64_t task, int thread) HWY_ATTR {
    const int64_t first = task * rows_per_task;
    const int64_t end = std::min(num_rows, first + rows_per_task);
    for (int64_t t = first; t < end; ++t) {
      f(t,
        TokenScratch{row + thread * row_floats, codes + thread * code_bytes});
    }
  });
}

// The codes of token t as a contiguous row: itself, or a copy in `scratch`.
HWY_NOINLINE const uint8_t* ContiguousCodes(const ConstTensor& x, int64_t t,
                                            uint8_t* scratch) {
  const int64_t d = x.dim(3);
  const auto* from = static_cast<const uint8_t*>(x.data());
  int64_t offset = t / x.dim(1) * x.stride(0) + t % x.dim(1) * x.stride(1);
  if (x.stride(3) == 1 && x.dim(2) == 1) {
    return from + offset / PackFactor(x.dtype());
  }
  uint8_t* to = scratch;
  for (int64_t n = 0; n < x.dim(2); ++n, offset += x.stride(2), to += d) {
    if (x.stride(3) == 1) {
      hwy::CopyBytes(from + offset, to, static_cast<size_t>(d));
      continue;
    }
    for (int64_t i = 0; i < d; ++i) to[i] = from[offset + i * x.stride(3)];
  }
  return scratch;
}

// `scales` as contiguous rows, one for each token: themselves, or a copy.
const float* ContiguousScales(const ConstTensor& scales,
                              ScratchScope& scratch) {
  if (scales.IsContiguous()) return scales.data<float>();
  const Tensor copy = scratch.AllocateTensor(DType::kF32, scales.shape());
  Copy(scales, copy);
  return copy.data<float>();
}

// The operand of an x that is codes.
HWY_NOINLINE Operand ExpandTokens(const OperandArgs& args,
                                  ScratchScope& scratch, HostContext& context) {
  const ConstTensor x = AsHeads(args.x);
  const ConstTensor& scales = args.x_scale;
  const int64_t num_rows = x.dim(0) * x.dim(1);
  const int64_t size = x.dim(2) * x.dim(3);
  const bool is_mx = args.x_scheme == QuantScheme::kMx;
  const DType type =
      args.compute == DType::kNone || is_mx ? DType::kBF16 : args.compute;
  const Tensor out = scratch.AllocateTensor(type, {num_rows, size});
  Operand result = {.a = out};
  if (args.x_scheme == QuantScheme::kPerToken) {
    result.row_scales = ContiguousScales(scales, scratch);
  } else if (args.x_scheme == QuantScheme::kBlock128) {
    result.block_scales = ConstTensor(ContiguousScales(scales, scratch),
                                      DType::kF32, {num_rows, scales.dim(-1)});
  } else if (!is_mx && scales.present()) {
    result.scale = *scales.data<float>();
  }
  RowOffsets scale_rows;
  if (is_mx) scale_rows = RowOffsets(scales, scales.rank() - 1);
  ForTokens(num_rows, size, scratch, context,
            [&](int64_t t, const TokenScratch& token) HWY_ATTR {
              const uint8_t* codes = ContiguousCodes(x, t, token.codes);
              if (is_mx) {
                return ExpandBlocks(
                    x.dtype(), codes, scales.data<E8M0>() + scale_rows[t],
                    scales.stride(-1), size, out.At<BFloat16>(t));
              }
              VisitFloat(type, [&](auto to) HWY_ATTR {
                ExpandCodes(x.dtype(), codes, size, out.At<decltype(to)>(t));
              });
            });
  return result;
}

// The operand of tokens that are numbers, quantized.
HWY_NOINLINE Operand QuantizeTokens(const OperandRows& rows,
                                    const QuantizeArgs& args,
                                    ScratchScope& scratch,
                                    HostContext& context) {
  const int64_t num_rows = rows.num_rows();
  const int64_t size = rows.size();
  const bool direct = rows.in_place() && !rows.has_norm();
  const RowQuantizer quantizer(args, direct ? rows.x.dtype() : DType::kF32,
                               size);
  const Tensor out = scratch.AllocateTensor(DType::kBF16, {num_rows, size});
  const int64_t num_scales = quantizer.num_scales();
  float* scales = scratch.Allocate<float>(num_rows * num_scales);
  VisitFloat(rows.x.dtype(), [&](auto type) HWY_ATTR {
    ForTokens(num_rows, size, scratch, context,
              [&](int64_t t, const TokenScratch& token) HWY_ATTR {
                QuantizeToken<decltype(type)>(rows, quantizer, t, token,
                                              scales + t * num_scales,
                                              out.At<BFloat16>(t));
              });
  });
  Operand result = {.a = out};
  if (args.type == ActQuant::kStatic) {
    result.scale = *args.in_scale.data<float>();
  } else if (args.type == ActQuant::kRow) {
    result.row_scales = scales;
  } else if (args.type == ActQuant::kBlock128) {
    result.block_scales =
        ConstTensor(scales, DType::kF32, {num_rows, num_scales});
  }
  return result;
}

Operand Prepare(const OperandArgs& args, ScratchScope& scratch,
                HostContext& context) {
  if (!IsFloat(args.x.dtype())) return ExpandTokens(args, scratch, context);
  const NormArgs& norm = args.norm;
  OperandRows rows = {.x = AsHeads(args.x),
                      .norm = norm.type,
                      .gamma = ContiguousVector(norm.gamma, scratch),
                      .beta = ContiguousVector(norm.beta, scratch),
                      .gamma_offset = norm.gamma_offset,
                      .eps = norm.eps};
  for (int i = 0; i < 2; ++i) {
    if (args.add[i].present()) rows.add[i] = AsHeads(args.add[i]);
  }
  if (args.sum.present()) rows.sum = AsHeads(args.sum);
  const ConstTensor& x = rows.x;
  rows.hidden_actual = norm.hidden_actual.value_or(rows.size());
  if (args.quantize.type != ActQuant::kNone) {
    return QuantizeTokens(rows, args.quantize, scratch, context);
  }
  const DType type = args.compute == DType::kNone ? x.dtype() : args.compute;
  if (!rows.has_norm() && !rows.has_sum() && type == x.dtype()) {
    const ConstTensor matrix = AsMatrix(x);
    if (matrix.present()) return {.a = matrix};
  }
  const Tensor out =
      scratch.AllocateTensor(type, {rows.num_rows(), rows.size()});
  VisitFloat(x.dtype(), [&](auto x_type) HWY_ATTR {
    ForTokens(rows.num_rows(), rows.size(), scratch, context,
              [&](int64_t t, const TokenScratch& token) HWY_ATTR {
                RoundToken<decltype(x_type)>(rows, t, token.row, out);
              });
  });
  return {.a = out};
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
namespace {

HWY_EXPORT(Prepare);

}  // namespace

Operand PrepareOperand(const OperandArgs& args, ScratchScope& scratch,
                       HostContext& context) {
  return HWY_DYNAMIC_DISPATCH(Prepare)(args, scratch, context);
}

}  // namespace tilework
#endif  // HWY_ONCE
