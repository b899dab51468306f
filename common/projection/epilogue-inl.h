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

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/simd/math-inl.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// What the product of row t and column n is multiplied with: the scales of the
// operands, s_a[t] * s_b[n].
struct ProductScales {
  const float* rows = nullptr;  // s_a of each row, or null: row_scale
  float row_scale = 1;
  const float* cols = nullptr;  // s_b of each column, or null: col_scale
  float col_scale = 1;

  bool present() const {
    return rows != nullptr || cols != nullptr || row_scale != 1 ||
           col_scale != 1;
  }
  float OfRow(int64_t t) const { return rows == nullptr ? row_scale : rows[t]; }
};

// y = activation(clamp(alpha * (product * scales) + bias)) * multiplier
//     + beta * residual
// rounded once; or, for an out of 8 bits, cvt(y * out_factor).
struct StoreArgs {
  ProductScales scales = {};
  float alpha = 1;
  const float* bias = nullptr;      // one a column, or null
  const float* row_bias = nullptr;  // one a row, or null
  std::optional<float> clamp_lower = {};
  std::optional<float> clamp_upper = {};
  Activation activation = {};
  ConstTensor multiplier = {};  // [B, S, N] or absent
  ConstTensor residual = {};    // [B, S, N] or absent; may be out
  float beta = 1;
  Tensor out;  // [B, S, N]
  float out_factor = 1;
  // Row r of the product is row t = first_row + r of all of these, which is
  // token (t / S, t % S).
  int64_t first_row = 0;
};

// Calls f(g), where g(df, x) is the function: one choice for many vectors.
template <class F>
HWY_INLINE void VisitActivation(const Activation& activation, const F& f) {
  switch (activation.type) {
    case ActFnType::kNone:
      return f([](auto, auto x) HWY_ATTR { return x; });
    case ActFnType::kSiLU:
    case ActFnType::kSwish:
      return f([factor = activation.sigma_factor](auto df, auto x) HWY_ATTR {
        return SigmoidGated(df, hn::Set(df, factor), x);
      });
    case ActFnType::kGELU:
      return f([](auto df, auto x) HWY_ATTR { return Gelu(df, x); });
    case ActFnType::kGELUTanhApprox:
      return f([](auto df, auto x) HWY_ATTR { return GeluTanh(df, x); });
    case ActFnType::kReLU:
      // Comparing so, NaN stays NaN.
      return f([](auto df, auto x) HWY_ATTR {
        return hn::IfThenElse(hn::Lt(x, hn::Zero(df)), hn::Zero(df), x);
      });
    case ActFnType::kReLU2:
      return f([](auto df, auto x) HWY_ATTR {
        return hn::IfThenElse(hn::Lt(x, hn::Zero(df)), hn::Zero(df),
                              hn::Mul(x, x));
      });
    case ActFnType::kSigmoid:
      return f([](auto df, auto x) HWY_ATTR { return Sigmoid(df, x); });
    case ActFnType::kTanh:
      return f([](auto df, auto x) HWY_ATTR { return Tanh(df, x); });
  }
}

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Activate(DF df, const Activation& activation, VF x) {
  VF result = x;
  VisitActivation(activation, [&](auto g) HWY_ATTR { result = g(df, x); });
  return result;
}

// row[c] = activation(alpha * row[c] + bias[c]); bias may be null.
HWY_INLINE void BiasAndActivate(float alpha, const float* HWY_RESTRICT bias,
                                const Activation& activation, int64_t size,
                                float* HWY_RESTRICT row) {
  if (alpha == 1 && bias == nullptr && activation.type == ActFnType::kNone) {
    return;
  }
  VisitActivation(activation, [&](auto activate) HWY_ATTR {
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      auto v = hn::Mul(LoadUpTo(df, row + i, count), hn::Set(df, alpha));
      if (bias != nullptr) v = hn::Add(v, LoadUpTo(df, bias + i, count));
      StoreUpTo(activate(df, v), df, row + i, count);
    });
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

// The address of element (t / S, t % S, col) of `tokens`, [B, S, N] of codes.
HWY_INLINE uint8_t* CodeAt(const Tensor& tokens, int64_t t, int64_t col) {
  const int64_t s = tokens.dim(1);
  return static_cast<uint8_t*>(tokens.data()) + t / s * tokens.stride(0) +
         t % s * tokens.stride(1) + col * tokens.stride(2);
}

// row[c] += value.
HWY_INLINE void AddToRow(float value, int64_t size, float* HWY_RESTRICT row) {
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    StoreUpTo(hn::Add(LoadUpTo(df, row + i, count), hn::Set(df, value)), df,
              row + i, count);
  });
}

// Rounds a row to out's type and stores it.
HWY_INLINE void StoreOutRow(const StoreArgs& args, int64_t t, int64_t col,
                            int64_t size, const float* HWY_RESTRICT row) {
  const Tensor& out = args.out;
  if (IsFloat(out.dtype())) {
    VisitFloat(out.dtype(), [&](auto type) HWY_ATTR {
      StoreRow(row, out.stride(2), size, TokenAt<decltype(type)>(out, t, col));
    });
    return;
  }
  const Fp8RowEncoder encoder(DType::kF32, out.dtype());
  ReadAhead none;
  encoder.Encode(row, 1, size, kNoClip, args.out_factor,
                 {CodeAt(out, t, col), out.stride(2), /*stream=*/false}, none);
}

// row[c] *= s_a[t] * s_b[col + c], as one factor.
HWY_INLINE void ScaleProducts(const ProductScales& scales, int64_t t,
                              int64_t col, int64_t size,
                              float* HWY_RESTRICT row) {
  if (!scales.present()) return;
  const float of_row = scales.OfRow(t);
  if (scales.cols == nullptr) {
    const float factor = of_row * scales.col_scale;
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      StoreUpTo(hn::Mul(LoadUpTo(df, row + i, count), hn::Set(df, factor)), df,
                row + i, count);
    });
    return;
  }
  const float* HWY_RESTRICT cols = scales.cols + col;
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto factor =
        hn::Mul(LoadUpTo(df, cols + i, count), hn::Set(df, of_row));
    StoreUpTo(hn::Mul(LoadUpTo(df, row + i, count), factor), df, row + i,
              count);
  });
}

// row[c] = max(min(row[c], upper), lower); NaN stays.
HWY_INLINE void ClampRow(const std::optional<float>& lower,
                         const std::optional<float>& upper, int64_t size,
                         float* HWY_RESTRICT row) {
  if (!lower.has_value() && !upper.has_value()) return;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float low = lower.value_or(-kInfinity);
  const float high = upper.value_or(kInfinity);
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto v_low = hn::Set(df, low);
    const auto v_high = hn::Set(df, high);
    auto v = LoadUpTo(df, row + i, count);
    // Comparing so, NaN stays NaN.
    v = hn::IfThenElse(hn::Gt(v, v_high), v_high, v);
    v = hn::IfThenElse(hn::Lt(v, v_low), v_low, v);
    StoreUpTo(v, df, row + i, count);
  });
}

// row[i] *= from[i * stride].
template <typename T>
HWY_INLINE void MultiplyRow(const T* HWY_RESTRICT from, int64_t stride,
                            int64_t size, float* HWY_RESTRICT row) {
  if (stride == 1) {
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      const auto v = LoadUpTo(df, from + i, count);
      StoreUpTo(hn::Mul(LoadUpTo(df, row + i, count), v), df, row + i, count);
    });
    return;
  }
  for (int64_t i = 0; i < size; ++i) {
    row[i] *= static_cast<float>(from[i * stride]);
  }
}

// Stores the first product's tile as StoreArgs says.
inline HWY_NOINLINE void StoreTile(const StoreArgs& args,
                                   const GemmTile& tile) {
  const float* bias = args.bias == nullptr ? nullptr : args.bias + tile.col;
  const bool clamps =
      args.clamp_lower.has_value() || args.clamp_upper.has_value();
  for (int64_t r = 0; r < tile.rows; ++r) {
    const int64_t t = args.first_row + tile.row + r;
    float* row = tile.values[0] + r * tile.stride;
    ScaleProducts(args.scales, t, tile.col, tile.cols, row);
    if (args.row_bias != nullptr || clamps) {
      BiasAndActivate(args.alpha, bias, ActFnType::kNone, tile.cols, row);
      if (args.row_bias != nullptr) {
        AddToRow(args.row_bias[t], tile.cols, row);
      }
      ClampRow(args.clamp_lower, args.clamp_upper, tile.cols, row);
      BiasAndActivate(1, nullptr, args.activation, tile.cols, row);
    } else {
      BiasAndActivate(args.alpha, bias, args.activation, tile.cols, row);
    }
    if (args.multiplier.present()) {
      VisitFloat(args.multiplier.dtype(), [&](auto type) HWY_ATTR {
        MultiplyRow(TokenAt<decltype(type)>(args.multiplier, t, tile.col),
                    args.multiplier.stride(2), tile.cols, row);
      });
    }
    if (args.residual.present()) {
      VisitFloat(args.residual.dtype(), [&](auto type) HWY_ATTR {
        AddScaled(TokenAt<decltype(type)>(args.residual, t, tile.col),
                  args.residual.stride(2), args.beta, tile.cols, row);
      });
    }
    StoreOutRow(args, t, tile.col, tile.cols, row);
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

// The first columns of K and of V, for weights with a scale for each of the
// columns of Q, K and V.
struct SegmentColumns {
  int64_t k = 0, v = 0;
};

// What the products of `operand` with `weight`, whose scheme is known, are to
// be multiplied with; in `scratch` where need be.
inline HWY_NOINLINE ProductScales ScalesOfProduct(const Operand& operand,
                                                  const MatrixOperand& weight,
                                                  const SegmentColumns& columns,
                                                  ScratchScope& scratch) {
  ProductScales result = {.rows = operand.row_scales,
                          .row_scale = operand.scale};
  const ConstTensor scales = ScalesOf(weight);
  if (weight.scheme() == QuantScheme::kPerTensor) {
    result.col_scale = *scales.data<float>();
  } else if (weight.scheme() == QuantScheme::kPerChannel) {
    result.cols = ContiguousVector(scales, scratch);
  } else if (weight.scheme() == QuantScheme::kPerSegment) {
    float* cols = scratch.Allocate<float>(weight.cols());
    std::fill(cols, cols + columns.k, *scales.At<float>(0));
    std::fill(cols + columns.k, cols + columns.v, *scales.At<float>(1));
    std::fill(cols + columns.v, cols + weight.cols(), *scales.At<float>(2));
    result.cols = cols;
  }
  return result;
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_PROJECTION_EPILOGUE_INL_H_
