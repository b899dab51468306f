// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotary position embedding of one head, or of one pair of elements of many
// heads, of unit stride, also in place. With h = R / 2, each pair (a, b) of the
// R rotated elements becomes
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
  // Whether the pairs are written in the other layout.
  bool changes_layout = false;
};

// Of both members of one or more pairs, f32 values or vectors of them.
template <class V>
struct Members {
  V a, b;
};

namespace rotate_internal {

// The inverse exchanges the members' sines and negates them.
template <class DF, class V = hn::Vec<DF>>
HWY_INLINE Members<V> RotateVectors(DF df, bool inverse, Members<V> x,
                                    Members<V> cos, Members<V> sin) {
  const V flip = hn::Set(df, inverse ? -0.0f : 0.0f);
  const V sin_a = hn::Xor(inverse ? sin.b : sin.a, flip);
  const V sin_b = hn::Xor(inverse ? sin.a : sin.b, flip);
  return {hn::Sub(hn::Mul(x.a, cos.a), hn::Mul(x.b, sin_a)),
          hn::Add(hn::Mul(x.b, cos.b), hn::Mul(x.a, sin_b))};
}
HWY_INLINE Members<float> RotateScalars(bool inverse, Members<float> x,
                                        Members<float> cos,
                                        Members<float> sin) {
  const float sin_a = inverse ? -sin.b : sin.a;
  const float sin_b = inverse ? -sin.a : sin.b;
  return {x.a * cos.a - x.b * sin_a, x.b * cos.b + x.a * sin_b};
}

// Pairs [i, i + n) of RotateRows, n <= Lanes(df).
template <class DF, typename X, typename Y>
HWY_INLINE void RotateRowsAt(DF df, int64_t i, size_t n, bool inverse,
                             const Members<const float*>& cos,
                             const Members<const float*>& sin,
                             const Members<const X*>& x, const Members<Y*>& y) {
  using V = hn::Vec<DF>;
  const Members<V> result = RotateVectors(
      df, inverse, {LoadUpTo(df, x.a + i, n), LoadUpTo(df, x.b + i, n)},
      {LoadUpTo(df, cos.a + i, n), LoadUpTo(df, cos.b + i, n)},
      {LoadUpTo(df, sin.a + i, n), LoadUpTo(df, sin.b + i, n)});
  StoreUpTo(result.a, df, y.a + i, n);
  StoreUpTo(result.b, df, y.b + i, n);
}

}  // namespace rotate_internal

// Rotates `count` pairs whose members, cosines and sines lie in rows of their
// own. `y` may be `x`.
template <typename X, typename Y>
HWY_INLINE void RotateRows(int64_t count, bool inverse,
                           Members<const float*> cos, Members<const float*> sin,
                           Members<const X*> x, Members<Y*> y) {
  // Not by ForEachVector: with so many operands the compiler calls the body.
  const hn::ScalableTag<float> df;
  const size_t lanes = hn::Lanes(df);
  const int64_t step = static_cast<int64_t>(lanes);
  int64_t i = 0;
  for (; i + step <= count; i += step) {
    rotate_internal::RotateRowsAt(df, i, lanes, inverse, cos, sin, x, y);
  }
  if (i < count) {
    rotate_internal::RotateRowsAt(df, i, static_cast<size_t>(count - i),
                                  inverse, cos, sin, x, y);
  }
}

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

template <class DF, class V = hn::Vec<DF>>
HWY_INLINE Members<V> LoadTable(DF df, const TableRow& row, int64_t i) {
  Members<V> result;
  if (row.step == 2) {
    hn::LoadInterleaved2(df, row.a + 2 * i, result.a, result.b);
  } else {
    result.a = hn::LoadU(df, row.a + i);
    result.b = row.b == row.a ? result.a : hn::LoadU(df, row.b + i);
  }
  return result;
}

// Vectors of pairs from pair i on, at least one side of which is interleaved,
// then vectors of half the size. Returns the first pair that is left.
template <bool kFromPairs, bool kToPairs, class DF, typename X, typename Y>
HWY_INLINE int64_t RotateInterleavedVectors(DF df, int64_t i,
                                            const Rotation& rotation,
                                            const TableRow& cos,
                                            const TableRow& sin, const X* x,
                                            Y* y) {
  using VF = hn::Vec<DF>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const int64_t h = rotation.rotary_dim / 2;
  for (; i + lanes <= h; i += lanes) {
    Members<VF> in;
    if constexpr (kFromPairs) {
      LoadPairs(df, x + 2 * i, in.a, in.b);
    } else {
      in = {LoadF32(df, x + i), LoadF32(df, x + h + i)};
    }
    const Members<VF> out = RotateVectors(
        df, rotation.inverse, in, LoadTable(df, cos, i), LoadTable(df, sin, i));
    if constexpr (kToPairs) {
      StorePairs(out.a, out.b, df, y + 2 * i);
    } else {
      StoreF32(out.a, df, y + i);
      StoreF32(out.b, df, y + h + i);
    }
  }
  if constexpr (hn::MaxLanes(df) > 4) {
    return RotateInterleavedVectors<kFromPairs, kToPairs>(
        hn::Half<DF>(), i, rotation, cos, sin, x, y);
  }
  return i;
}

// Where at least one side is interleaved.
template <bool kFromPairs, bool kToPairs, typename X, typename Y>
HWY_INLINE void RotateInterleaved(const Rotation& rotation, const TableRow& cos,
                                  const TableRow& sin, const X* x, Y* y) {
  const int64_t h = rotation.rotary_dim / 2;
  int64_t i = RotateInterleavedVectors<kFromPairs, kToPairs>(
      hn::ScalableTag<float>(), 0, rotation, cos, sin, x, y);
  for (; i < h; ++i) {
    const int64_t from_a = kFromPairs ? 2 * i : i;
    const int64_t from_b = kFromPairs ? from_a + 1 : h + i;
    const int64_t to_a = kToPairs ? 2 * i : i;
    const int64_t to_b = kToPairs ? to_a + 1 : h + i;
    const int64_t column = i * cos.step;
    const Members<float> out = RotateScalars(
        rotation.inverse,
        {static_cast<float>(x[from_a]), static_cast<float>(x[from_b])},
        {cos.a[column], cos.b[column]}, {sin.a[column], sin.b[column]});
    y[to_a] = Y(out.a);
    y[to_b] = Y(out.b);
  }
}

}  // namespace rotate_internal

// Rotates the rotation.rotary_dim elements from `x` on into `y`, which may be
// `x` unless the layout changes. `cos` and `sin` are the table rows of the
// head's position, rotation.table_width values each. Rounds once, to Y.
template <typename X, typename Y>
HWY_INLINE void RotateHead(const Rotation& rotation, const float* cos,
                           const float* sin, const X* x, Y* y) {
  const int64_t h = rotation.rotary_dim / 2;
  const rotate_internal::TableRow cos_row(rotation, cos);
  const rotate_internal::TableRow sin_row(rotation, sin);
  const bool to_contiguous =
      rotation.contiguous_layout != rotation.changes_layout;
  if (!rotation.contiguous_layout) {
    if (to_contiguous) {
      rotate_internal::RotateInterleaved<true, false>(rotation, cos_row,
                                                      sin_row, x, y);
    } else {
      rotate_internal::RotateInterleaved<true, true>(rotation, cos_row, sin_row,
                                                     x, y);
    }
  } else if (!to_contiguous) {
    rotate_internal::RotateInterleaved<false, true>(rotation, cos_row, sin_row,
                                                    x, y);
  } else {
    RotateRows<X, Y>(h, rotation.inverse, {cos_row.a, cos_row.b},
                     {sin_row.a, sin_row.b}, {x, x + h}, {y, y + h});
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_ROTATE_INL_H_
