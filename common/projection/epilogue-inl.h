// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What projections do with a tile of a product: bias, activation, residual,
// store. All work on rows of the tile in f32. Include after hwy/highway.h
// inside a foreach_target file; call from the epilogue of a Gemm, in a lambda
// with HWY_ATTR inside HWY_NAMESPACE.

#if defined(TILEWORK_COMMON_PROJECTION_EPILOGUE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_PROJECTION_EPILOGUE_INL_H_
#undef TILEWORK_COMMON_PROJECTION_EPILOGUE_INL_H_
#else
#define TILEWORK_COMMON_PROJECTION_EPILOGUE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/simd/math-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// out = activation(alpha * product + bias) + beta * residual, rounded once.
struct StoreArgs {
  float alpha = 1;
  const float* bias = nullptr;  // one a column, or null
  ActFnType activation = ActFnType::kNone;
  ConstTensor residual = {};  // [B, S, N] or absent; may be out
  float beta = 1;
  Tensor out;  // [B, S, N]
  // Row r of the product is row t = first_row + r of residual and out, which is
  // token (t / S, t % S).
  int64_t first_row = 0;
};

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Activate(DF df, ActFnType activation, VF x) {
  switch (activation) {
    case ActFnType::kNone:
      return x;
    case ActFnType::kSiLU:
      return Silu(df, x);
    case ActFnType::kReLU:
      // Comparing so, NaN stays NaN.
      return hn::IfThenElse(hn::Lt(x, hn::Zero(df)), hn::Zero(df), x);
  }
  return x;
}

// row[c] = activation(alpha * row[c] + bias[c]); bias may be null.
HWY_INLINE void BiasAndActivate(float alpha, const float* HWY_RESTRICT bias,
                                ActFnType activation, int64_t size,
                                float* HWY_RESTRICT row) {
  if (alpha == 1 && bias == nullptr && activation == ActFnType::kNone) return;
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    auto v = hn::Mul(LoadUpTo(df, row + i, count), hn::Set(df, alpha));
    if (bias != nullptr) v = hn::Add(v, LoadUpTo(df, bias + i, count));
    StoreUpTo(Activate(df, activation, v), df, row + i, count);
  });
}

// row[i] += scale * from[i * stride].
template <typename T>
HWY_INLINE void AddScaled(const T* HWY_RESTRICT from, int64_t stride,
                          float scale, int64_t size, float* HWY_RESTRICT row) {
  if (stride == 1) {
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      const auto v = hn::Mul(LoadUpTo(df, from + i, count), hn::Set(df, scale));
      StoreUpTo(hn::Add(LoadUpTo(df, row + i, count), v), df, row + i, count);
    });
    return;
  }
  for (int64_t i = 0; i < size; ++i) {
    row[i] += scale * static_cast<float>(from[i * stride]);
  }
}

// The address of element (t / S, t % S, col) of `tokens`, [B, S, N] of T.
template <typename T, class View>
HWY_INLINE auto* TokenAt(const View& tokens, int64_t t, int64_t col) {
  const int64_t s = tokens.dim(1);
  return tokens.template At<T>(t / s, t % s, col);
}

// Stores the first product's tile as StoreArgs says.
inline HWY_NOINLINE void StoreTile(const StoreArgs& args,
                                   const GemmTile& tile) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    const int64_t t = args.first_row + tile.row + r;
    float* row = tile.values[0] + r * tile.stride;
    BiasAndActivate(args.alpha,
                    args.bias == nullptr ? nullptr : args.bias + tile.col,
                    args.activation, tile.cols, row);
    if (args.residual.present()) {
      VisitFloat(args.residual.dtype(), [&](auto type) HWY_ATTR {
        AddScaled(TokenAt<decltype(type)>(args.residual, t, tile.col),
                  args.residual.stride(2), args.beta, tile.cols, row);
      });
    }
    VisitFloat(args.out.dtype(), [&](auto type) HWY_ATTR {
      StoreRow(row, args.out.stride(2), tile.cols,
               TokenAt<decltype(type)>(args.out, t, tile.col));
    });
  }
}

// `vector`, [N] or [1, N], as contiguous f32: itself, or a copy in `scratch`.
// Null if it is absent.
inline HWY_NOINLINE const float* ContiguousVector(const ConstTensor& vector,
                                                  ScratchScope& scratch) {
  if (!vector.present()) return nullptr;
  const int64_t stride = vector.stride(-1);
  if (vector.dtype() == DType::kF32 && stride == 1) return vector.data<float>();
  const int64_t size = vector.dim(-1);
  float* copy = scratch.Allocate<float>(size);
  VisitFloat(vector.dtype(), [&](auto type) HWY_ATTR {
    LoadRow(vector.data<decltype(type)>(), stride, size, copy);
  });
  return copy;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_PROJECTION_EPILOGUE_INL_H_
