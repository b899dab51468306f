// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotary position embedding of one head of unit stride, also in place. With
// h = R / 2, each pair (a, b) of the R rotated elements becomes
//
//   forward:  y_a = a * cos_a - b * sin_a,  y_b = b * cos_b + a * sin_b
//   inverse:  y_a = a * cos_a + b * sin_b,  y_b = b * cos_b - a * sin_a
//
//   contiguous (half split): a = x[i],    b = x[h + i]
//   interleaved:             a = x[2i],   b = x[2i + 1]
//
// A table row of width h has one value per pair (cos_a = cos_b); one of width R
// has a value per member, in the columns of a and b.
//
// Products and sums are single f32 operations, so every SIMD target gives the
// same bits. Include after hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_SIMD_ROTATE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_ROTATE_INL_H_
#undef TILEWORK_COMMON_SIMD_ROTATE_INL_H_
#else
#define TILEWORK_COMMON_SIMD_ROTATE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Rotation {
  int64_t rotary_dim = 0;   // R, even
  int64_t table_width = 0;  // R / 2 or R
  bool contiguous_layout = true;
  bool inverse = false;
};

namespace rotate_internal {

// A 16-bit type's bits of f32 values, and the reverse.
template <typename T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, DF>> ToBits(DF df, VF v) {
  if constexpr (kDTypeOf<T> == DType::kBF16) {
    return convert_internal::RoundToBF16(df, v);
  } else {
    return convert_internal::RoundToF16(df, v);
  }
}
template <typename T, class DF>
HWY_INLINE hn::Vec<DF> FromBits(DF df, hn::Vec<hn::Rebind<uint16_t, DF>> bits) {
  if constexpr (kDTypeOf<T> == DType::kBF16) {
    return convert_internal::WidenBF16(df, bits);
  } else {
    return convert_internal::WidenF16(df, bits);
  }
}

// Lanes(df) adjacent pairs: the first members in `a`, the second ones in `b`.
template <class DF, typename T, class VF = hn::Vec<DF>>
HWY_INLINE void LoadPairs(DF df, const T* from, VF& a, VF& b) {
  if constexpr (sizeof(T) == sizeof(float)) {
    hn::LoadInterleaved2(df, from, a, b);
  } else {
    const hn::RebindToUnsigned<DF> du32;
    const hn::Repartition<uint16_t, DF> du16;
    const hn::Rebind<uint16_t, DF> du16_half;
    const auto pairs = hn::BitCast(
        du32, hn::LoadU(du16, reinterpret_cast<const uint16_t*>(from)));
    a = FromBits<T>(df, hn::TruncateTo(du16_half, pairs));
    b = FromBits<T>(df, hn::TruncateTo(du16_half, hn::ShiftRight<16>(pairs)));
  }
}
template <class DF, typename T, class VF = hn::Vec<DF>>
HWY_INLINE void StorePairs(VF a, VF b, DF df, T* to) {
  if constexpr (sizeof(T) == sizeof(float)) {
    hn::StoreInterleaved2(a, b, df, to);
  } else {
    const hn::RebindToUnsigned<DF> du32;
    const hn::Repartition<uint16_t, DF> du16;
    const auto pairs =
        hn::Or(hn::PromoteTo(du32, ToBits<T>(df, a)),
               hn::ShiftLeft<16>(hn::PromoteTo(du32, ToBits<T>(df, b))));
    hn::StoreU(hn::BitCast(du16, pairs), du16, reinterpret_cast<uint16_t*>(to));
  }
}

// Where the values of a pair's members begin in a table row, and how many
// columns lie between those of one pair and of the next.
struct TableRow {
  const float* a;
  const float* b;
  int64_t step;

  TableRow(const Rotation& rotation, const float* row)
      : a(row), b(row), step(1) {
    if (rotation.table_width != rotation.rotary_dim) return;
    b += rotation.contiguous_layout ? rotation.rotary_dim / 2 : 1;
    step = rotation.contiguous_layout ? 1 : 2;
  }
};

template <typename X, typename Y>
HWY_INLINE void RotateContiguous(int64_t h, const TableRow& cos,
                                 const TableRow& sin, bool inverse, const X* x,
                                 Y* y) {
  // The inverse exchanges the members' sines and negates them.
  const float* sin_a = inverse ? sin.b : sin.a;
  const float* sin_b = inverse ? sin.a : sin.b;
  const float sign = inverse ? -0.0f : 0.0f;
  ForEachVector(h, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto a = LoadUpTo(df, x + i, count);
    const auto b = LoadUpTo(df, x + h + i, count);
    const auto flip = hn::Set(df, sign);
    const auto s_a = hn::Xor(LoadUpTo(df, sin_a + i, count), flip);
    const auto s_b = hn::Xor(LoadUpTo(df, sin_b + i, count), flip);
    const auto a_cos = hn::Mul(a, LoadUpTo(df, cos.a + i, count));
    const auto b_cos = hn::Mul(b, LoadUpTo(df, cos.b + i, count));
    StoreUpTo(hn::Sub(a_cos, hn::Mul(b, s_a)), df, y + i, count);
    StoreUpTo(hn::Add(b_cos, hn::Mul(a, s_b)), df, y + h + i, count);
  });
}

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void LoadTable(DF df, const TableRow& row, int64_t i, VF& a, VF& b) {
  if (row.step == 2) {
    hn::LoadInterleaved2(df, row.a + 2 * i, a, b);
  } else {
    a = b = hn::LoadU(df, row.a + i);
  }
}

template <typename X, typename Y>
HWY_INLINE void RotateInterleaved(int64_t h, const TableRow& cos,
                                  const TableRow& sin, bool inverse, const X* x,
                                  Y* y) {
  const hn::ScalableTag<float> df;
  using VF = hn::Vec<decltype(df)>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const VF flip = hn::Set(df, inverse ? -0.0f : 0.0f);
  int64_t i = 0;
  for (; i + lanes <= h; i += lanes) {
    VF a, b, c_a, c_b, s_a, s_b;
    LoadPairs(df, x + 2 * i, a, b);
    LoadTable(df, cos, i, c_a, c_b);
    LoadTable(df, sin, i, s_a, s_b);
    const VF forward_a = hn::Xor(inverse ? s_b : s_a, flip);
    const VF forward_b = hn::Xor(inverse ? s_a : s_b, flip);
    StorePairs(hn::Sub(hn::Mul(a, c_a), hn::Mul(b, forward_a)),
               hn::Add(hn::Mul(b, c_b), hn::Mul(a, forward_b)), df, y + 2 * i);
  }
  for (; i < h; ++i) {
    const float a = static_cast<float>(x[2 * i]);
    const float b = static_cast<float>(x[2 * i + 1]);
    const int64_t t = i * cos.step;
    const float s_a = inverse ? -sin.b[t] : sin.a[t];
    const float s_b = inverse ? -sin.a[t] : sin.b[t];
    y[2 * i] = Y(a * cos.a[t] - b * s_a);
    y[2 * i + 1] = Y(b * cos.b[t] + a * s_b);
  }
}

}  // namespace rotate_internal

// Rotates the rotation.rotary_dim elements from `x` on into `y`, which may be
// `x`. `cos` and `sin` are the table rows of the head's position,
// rotation.table_width values each. Rounds once, to Y.
template <typename X, typename Y>
HWY_INLINE void RotateHead(const Rotation& rotation, const float* cos,
                           const float* sin, const X* x, Y* y) {
  const int64_t h = rotation.rotary_dim / 2;
  const rotate_internal::TableRow cos_row(rotation, cos);
  const rotate_internal::TableRow sin_row(rotation, sin);
  if (rotation.contiguous_layout) {
    rotate_internal::RotateContiguous(h, cos_row, sin_row, rotation.inverse, x,
                                      y);
  } else {
    rotate_internal::RotateInterleaved(h, cos_row, sin_row, rotation.inverse, x,
                                       y);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_ROTATE_INL_H_
