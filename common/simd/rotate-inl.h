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
#include "tilework/common/simd/rotation.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/store_two-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

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

// `n` <= Lanes(df) adjacent pairs: their first and their second members.
template <class DF, typename T, class V = hn::Vec<DF>>
HWY_INLINE Members<V> LoadPairs(DF df, const T* from, size_t n) {
  const size_t lanes = hn::Lanes(df);
  if constexpr (kDTypeOf<T> == DType::kBF16) {
    if (n == lanes) {
      const hn::RebindToUnsigned<DF> du32;
      const auto pairs =
          hn::LoadU(du32, reinterpret_cast<const uint32_t*>(from));
      const auto upper = hn::Set(du32, 0xFFFF0000u);
      return {hn::BitCast(df, hn::ShiftLeft<16>(pairs)),
              hn::BitCast(df, hn::And(pairs, upper))};
    }
  }
  const V low = LoadUpTo(df, from, HWY_MIN(lanes, 2 * n));
  const V high =
      2 * n > lanes ? LoadUpTo(df, from + lanes, 2 * n - lanes) : hn::Zero(df);
  return {hn::ConcatEven(df, high, low), hn::ConcatOdd(df, high, low)};
}

// `n` pairs from pair i on of a head that has h.
template <bool kPairs, class DF, typename T, class V = hn::Vec<DF>>
HWY_INLINE Members<V> LoadMembers(DF df, const T* from, int64_t i, int64_t h,
                                  size_t n) {
  if constexpr (kPairs) {
    return LoadPairs(df, from + 2 * i, n);
  } else {
    return {LoadUpTo(df, from + i, n), LoadUpTo(df, from + h + i, n)};
  }
}
template <bool kPairs, class DF, typename T, class V = hn::Vec<DF>>
HWY_INLINE void StoreMembers(const Members<V>& pairs, DF df, T* to, int64_t i,
                             int64_t h, size_t n) {
  if constexpr (kPairs) {
    const size_t lanes = hn::Lanes(df);
    const V low = hn::InterleaveWholeLower(df, pairs.a, pairs.b);
    StoreUpTo(low, df, to + 2 * i, HWY_MIN(lanes, 2 * n));
    if (2 * n <= lanes) return;
    const V high = hn::InterleaveWholeUpper(df, pairs.a, pairs.b);
    StoreUpTo(high, df, to + 2 * i + lanes, 2 * n - lanes);
  } else {
    StoreUpTo(pairs.a, df, to + i, n);
    StoreUpTo(pairs.b, df, to + h + i, n);
  }
}

template <bool kStream, class DF, typename T, class V = hn::Vec<DF>>
HWY_INLINE void PutTwo(V low, V high, DF df, T* to) {
  if constexpr (kStream) {
    StreamTwo(low, high, df, to);
  } else {
    StoreTwo(low, high, df, to);
  }
}
// Two vectors of pairs, one after the other.
template <bool kPairs, bool kStream, class DF, typename T,
          class V = hn::Vec<DF>>
HWY_INLINE void PutMembers(const Members<V>& first, const Members<V>& second,
                           DF df, T* to, int64_t i, int64_t h) {
  if constexpr (kPairs) {
    PutTwo<kStream>(hn::InterleaveWholeLower(df, first.a, first.b),
                    hn::InterleaveWholeUpper(df, first.a, first.b), df,
                    to + 2 * i);
    PutTwo<kStream>(hn::InterleaveWholeLower(df, second.a, second.b),
                    hn::InterleaveWholeUpper(df, second.a, second.b), df,
                    to + 2 * (i + static_cast<int64_t>(hn::Lanes(df))));
  } else {
    PutTwo<kStream>(first.a, second.a, df, to + i);
    PutTwo<kStream>(first.b, second.b, df, to + h + i);
  }
}

// Where the values of a pair's members begin in a table row.
struct TableRow {
  const float* a;
  const float* b;
  bool pairs;  // they alternate

  TableRow(const Rotation& rotation, const float* row)
      : a(row), b(row), pairs(false) {
    if (rotation.table_width != rotation.rotary_dim) return;
    pairs = !rotation.contiguous_layout;
    b += rotation.rotary_dim / 2;
  }
};

template <class DF, class V = hn::Vec<DF>>
HWY_INLINE Members<V> LoadTable(DF df, const TableRow& row, int64_t i,
                                size_t n) {
  if (row.pairs) return LoadPairs(df, row.a + 2 * i, n);
  const V a = LoadUpTo(df, row.a + i, n);
  return {a, row.b == row.a ? a : LoadUpTo(df, row.b + i, n)};
}

// As they come.
struct PlainTables {
  TableRow cos, sin;
  bool inverse;

  template <class DF, class V = hn::Vec<DF>>
  HWY_INLINE Members<V> Rotate(DF df, int64_t i, size_t n,
                               const Members<V>& x) const {
    return RotateVectors(df, inverse, x, LoadTable(df, cos, i, n),
                         LoadTable(df, sin, i, n));
  }
};

// The pairs from pair i on that do not fill two vectors.
template <bool kFromPairs, bool kToPairs, class Tables, typename X, typename Y>
void RotateLastPairs(const Rotation& rotation, const Tables& tables, const X* x,
                     int64_t i, Y* y) {
  const hn::ScalableTag<float> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const int64_t h = rotation.rotary_dim / 2;
  for (; i < h; i += lanes) {
    const size_t n = static_cast<size_t>(HWY_MIN(lanes, h - i));
    const auto in = LoadMembers<kFromPairs>(df, x, i, h, n);
    StoreMembers<kToPairs>(tables.Rotate(df, i, n, in), df, y, i, h, n);
  }
}

template <bool kFromPairs, bool kToPairs, bool kStream, class Tables,
          typename X, typename Y>
HWY_INLINE void RotatePairs(const Rotation& rotation, const Tables& tables,
                            const X* x, Y* y) {
  const hn::ScalableTag<float> df;
  const size_t n = hn::Lanes(df);
  const int64_t lanes = static_cast<int64_t>(n);
  const int64_t h = rotation.rotary_dim / 2;
  int64_t i = 0;
  for (; i + 2 * lanes <= h; i += 2 * lanes) {
    const auto first = LoadMembers<kFromPairs>(df, x, i, h, n);
    const auto second = LoadMembers<kFromPairs>(df, x, i + lanes, h, n);
    PutMembers<kToPairs, kStream>(tables.Rotate(df, i, n, first),
                                  tables.Rotate(df, i + lanes, n, second), df,
                                  y, i, h);
  }
  if constexpr (!kStream) {
    if (i < h) RotateLastPairs<kFromPairs, kToPairs>(rotation, tables, x, i, y);
  }
}

template <bool kStream, class Tables, typename X, typename Y>
HWY_INLINE void RotateBy(const Rotation& rotation, const Tables& tables,
                         const X* x, Y* y) {
  const bool from_pairs = !rotation.contiguous_layout;
  const bool to_pairs = from_pairs != rotation.changes_layout;
  if (from_pairs && to_pairs) {
    RotatePairs<true, true, kStream>(rotation, tables, x, y);
  } else if (from_pairs) {
    RotatePairs<true, false, kStream>(rotation, tables, x, y);
  } else if (to_pairs) {
    RotatePairs<false, true, kStream>(rotation, tables, x, y);
  } else {
    RotatePairs<false, false, kStream>(rotation, tables, x, y);
  }
}

}  // namespace rotate_internal

// Whether RotateHead<true>() may write a head to `y`: its pairs fill two
// vectors at a time, and `y` begins a cache line.
template <typename Y>
HWY_INLINE bool CanStream(const Rotation& rotation, const Y* y) {
  const int64_t lanes =
      static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>()));
  return rotation.rotary_dim % (4 * lanes) == 0 &&
         reinterpret_cast<uintptr_t>(y) % 64 == 0;
}

// Cosines and sines of the pairs' members, a row of R / 2 values each, with
// which the inverse is a rotation like the others. Many heads share them.
struct PairTables {
  const float* cos_a;
  const float* cos_b;
  const float* sin_a;
  const float* sin_b;

  // Whether the rows of a table have to be rewritten for it.
  static bool Rewrites(const Rotation& rotation) {
    return rotation.inverse || (!rotation.contiguous_layout &&
                                rotation.table_width == rotation.rotary_dim);
  }

  template <class DF, class V = hn::Vec<DF>>
  HWY_INLINE Members<V> Rotate(DF df, int64_t i, size_t n,
                               const Members<V>& x) const {
    return {hn::Sub(hn::Mul(x.a, LoadUpTo(df, cos_a + i, n)),
                    hn::Mul(x.b, LoadUpTo(df, sin_a + i, n))),
            hn::Add(hn::Mul(x.b, LoadUpTo(df, cos_b + i, n)),
                    hn::Mul(x.a, LoadUpTo(df, sin_b + i, n)))};
  }
};

// Of table rows of rotation.table_width values each, themselves or rewritten in
// `scratch`, 2 * rotation.rotary_dim values.
inline PairTables PairTablesOf(const Rotation& rotation, const float* cos,
                               const float* sin, float* scratch) {
  const rotate_internal::TableRow cos_row(rotation, cos);
  const rotate_internal::TableRow sin_row(rotation, sin);
  if (!PairTables::Rewrites(rotation)) {
    return {cos_row.a, cos_row.b, sin_row.a, sin_row.b};
  }
  const int64_t h = rotation.rotary_dim / 2;
  ForEachVector(h, [&](auto df, int64_t i, size_t n) HWY_ATTR {
    const auto cosines = rotate_internal::LoadTable(df, cos_row, i, n);
    auto sines = rotate_internal::LoadTable(df, sin_row, i, n);
    if (rotation.inverse) sines = {hn::Neg(sines.b), hn::Neg(sines.a)};
    StoreUpTo(cosines.a, df, scratch + i, n);
    StoreUpTo(cosines.b, df, scratch + h + i, n);
    StoreUpTo(sines.a, df, scratch + 2 * h + i, n);
    StoreUpTo(sines.b, df, scratch + 3 * h + i, n);
  });
  return {scratch, scratch + h, scratch + 2 * h, scratch + 3 * h};
}

// Rotates the rotation.rotary_dim elements from `x` on into `y`, which may be
// `x` unless the layout changes. Rounds once, to Y. kStream: past the caches,
// if CanStream(); a task ends with hwy::FlushStream().
template <bool kStream = false, typename X, typename Y>
HWY_INLINE void RotateHead(const Rotation& rotation, const PairTables& tables,
                           const X* x, Y* y) {
  rotate_internal::RotateBy<kStream>(rotation, tables, x, y);
}
// By the table rows of the head's position, rotation.table_width values each.
template <typename X, typename Y>
HWY_INLINE void RotateHead(const Rotation& rotation, const float* cos,
                           const float* sin, const X* x, Y* y) {
  using rotate_internal::TableRow;
  const rotate_internal::PlainTables tables = {
      TableRow(rotation, cos), TableRow(rotation, sin), rotation.inverse};
  rotate_internal::RotateBy<false>(rotation, tables, x, y);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_ROTATE_INL_H_
