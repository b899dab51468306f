// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Whole rows: conversion with any stride, reductions of a fixed shape, and
// element-wise maps. Include after hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_SIMD_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_ROWS_INL_H_
#undef TILEWORK_COMMON_SIMD_ROWS_INL_H_
#else
#define TILEWORK_COMMON_SIMD_ROWS_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/convert-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Calls f(df, i, count) for pieces of [0, size): count = Lanes(df) but for the
// last piece, which may be shorter. A callee that loads and stores with
// LoadRow/StoreRow below need not tell them apart.
template <class F>
HWY_INLINE void ForEachVector(int64_t size, const F& f) {
  const hn::ScalableTag<float> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) f(df, i, static_cast<size_t>(lanes));
  if (i < size) f(df, i, static_cast<size_t>(size - i));
}

// Loads or stores `count` <= Lanes(df) elements.
template <class DF, typename T>
HWY_INLINE hn::Vec<DF> LoadUpTo(DF df, const T* HWY_RESTRICT from,
                                size_t count) {
  return count == hn::Lanes(df) ? LoadF32(df, from)
                                : LoadF32N(df, from, count);
}
template <class DF, typename T>
HWY_INLINE void StoreUpTo(hn::Vec<DF> v, DF df, T* HWY_RESTRICT to,
                          size_t count) {
  if (count == hn::Lanes(df)) {
    StoreF32(v, df, to);
  } else {
    StoreF32N(v, df, to, count);
  }
}

// to[i] = from[i * stride] widened to f32.
template <typename T>
HWY_INLINE void LoadRow(const T* HWY_RESTRICT from, int64_t stride,
                        int64_t size, float* HWY_RESTRICT to) {
  if (stride == 1) {
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      StoreUpTo(LoadUpTo(df, from + i, count), df, to + i, count);
    });
    return;
  }
  for (int64_t i = 0; i < size; ++i) {
    to[i] = static_cast<float>(from[i * stride]);
  }
}

// to[i * stride] = from[i] rounded to T.
template <typename T>
HWY_INLINE void StoreRow(const float* HWY_RESTRICT from, int64_t stride,
                         int64_t size, T* HWY_RESTRICT to) {
  if (stride == 1) {
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      StoreUpTo(LoadUpTo(df, from + i, count), df, to + i, count);
    });
    return;
  }
  for (int64_t i = 0; i < size; ++i) to[i * stride] = T(from[i]);
}

// row[i] = row[i] rounded to T.
template <typename T>
HWY_INLINE void RoundRow(int64_t size, float* HWY_RESTRICT row) {
  if constexpr (sizeof(T) == sizeof(float)) return;
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    StoreUpTo(RoundTo<T>(df, LoadUpTo(df, row + i, count)), df, row + i,
              count);
  });
}

// Sum of map(x[i]) (map from f32 vector to f32 vector, with map(0) = 0) in four
// vectors of partial sums, added pairwise at the end: the order depends on
// `size` and the vector length alone.
template <typename T, class Map>
HWY_INLINE float SumOfMapped(const T* HWY_RESTRICT x, int64_t size,
                             const Map& map) {
  const hn::ScalableTag<float> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  auto sum0 = hn::Zero(df);
  auto sum1 = hn::Zero(df);
  auto sum2 = hn::Zero(df);
  auto sum3 = hn::Zero(df);
  int64_t i = 0;
  for (; i + 4 * lanes <= size; i += 4 * lanes) {
    sum0 = hn::Add(sum0, map(LoadF32(df, x + i)));
    sum1 = hn::Add(sum1, map(LoadF32(df, x + i + lanes)));
    sum2 = hn::Add(sum2, map(LoadF32(df, x + i + 2 * lanes)));
    sum3 = hn::Add(sum3, map(LoadF32(df, x + i + 3 * lanes)));
  }
  for (; i < size; i += lanes) {
    const size_t count = static_cast<size_t>(HWY_MIN(lanes, size - i));
    sum0 = hn::Add(sum0, map(LoadUpTo(df, x + i, count)));
  }
  return hn::ReduceSum(df, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)));
}

// Sum of x[i]^2.
template <typename T>
HWY_INLINE float SumOfSquares(const T* HWY_RESTRICT x, int64_t size) {
  return SumOfMapped(x, size, [](auto v) HWY_ATTR { return hn::Mul(v, v); });
}

// Largest x[i]; -inf if size is 0. A NaN gives an unspecified result.
HWY_INLINE float MaxOf(const float* HWY_RESTRICT x, int64_t size) {
  const hn::ScalableTag<float> df;
  const auto lowest = hn::Neg(hn::Inf(df));
  auto max = lowest;
  ForEachVector(size, [&](auto d, int64_t i, size_t count) HWY_ATTR {
    const auto v = LoadUpTo(d, x + i, count);
    max = hn::Max(max, hn::IfThenElse(hn::FirstN(d, count), v, lowest));
  });
  return hn::ReduceMax(df, max);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_ROWS_INL_H_
