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
#include <utility>

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
  return count == hn::Lanes(df) ? LoadF32(df, from) : LoadF32N(df, from, count);
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
    StoreUpTo(RoundTo<T>(df, LoadUpTo(df, row + i, count)), df, row + i, count);
  });
}

namespace rows_internal {

// Partial sums of a row: element i goes to partial sum i mod 64, whatever the
// vector length is.
inline constexpr size_t kNumSums = 64;
using SumTag = hn::CappedTag<float, 16>;
inline constexpr size_t kSumLanes = hn::MaxLanes(SumTag());
using SumVectors = std::make_index_sequence<kNumSums / kSumLanes>;

// Adds the upper half of `sums` to the lower one until one vector is left.
template <class V, size_t... k>
HWY_INLINE V AddVectors(const V* sums, std::index_sequence<k...>) {
  constexpr size_t kHalf = sizeof...(k);
  const V halves[] = {hn::Add(sums[k], sums[kHalf + k])...};
  if constexpr (kHalf == 1) {
    return halves[0];
  } else {
    return AddVectors(halves, std::make_index_sequence<kHalf / 2>());
  }
}
// The same with the lanes of a vector.
template <class DF, class V = hn::Vec<DF>>
HWY_INLINE float AddLanes(DF df, V sums) {
  if constexpr (hn::MaxLanes(df) > 4) {
    const hn::Half<DF> half;
    return AddLanes(
        half, hn::Add(hn::LowerHalf(half, sums), hn::UpperHalf(half, sums)));
  } else {
    HWY_ALIGN float lanes[4];
    hn::Store(sums, df, lanes);
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
  }
}

template <typename T, class Map, size_t... k>
HWY_INLINE float SumOfMapped(const T* HWY_RESTRICT x, int64_t size,
                             const Map& map, std::index_sequence<k...>) {
  const SumTag df;
  hn::Vec<SumTag> sums[] = {((void)k, hn::Zero(df))...};
  int64_t i = 0;
  for (; i + static_cast<int64_t>(kNumSums) <= size; i += kNumSums) {
    ((sums[k] = hn::Add(sums[k], map(LoadF32(df, x + i + k * kSumLanes)))),
     ...);
  }
  if (i < size) {
    HWY_ALIGN float rest[kNumSums] = {};
    LoadRow(x + i, 1, size - i, rest);
    ((sums[k] = hn::Add(sums[k], map(hn::Load(df, rest + k * kSumLanes)))),
     ...);
  }
  return AddLanes(
      df, AddVectors(sums, std::make_index_sequence<sizeof...(k) / 2>()));
}

}  // namespace rows_internal

// Sum of map(x[i]) (map from f32 vector to f32 vector, with map(0) = 0) in 64
// partial sums, added pairwise at the end: the order depends on `size` alone,
// so every SIMD target gives the same bits if `map` does.
template <typename T, class Map>
HWY_INLINE float SumOfMapped(const T* HWY_RESTRICT x, int64_t size,
                             const Map& map) {
  return rows_internal::SumOfMapped(x, size, map, rows_internal::SumVectors());
}

// Sum of x[i]^2.
template <typename T>
HWY_INLINE float SumOfSquares(const T* HWY_RESTRICT x, int64_t size) {
  return SumOfMapped(x, size, [](auto v) HWY_ATTR { return hn::Mul(v, v); });
}

// The largest lane, none of which is NaN.
template <class DF>
HWY_INLINE float LargestLane(DF df, hn::Vec<DF> v) {
#if HWY_TARGET == HWY_EMU128
  // Highway 1.2.0's ReduceMax makes the lowest finite number of -inf there.
  float result = hn::GetLane(v);
  for (size_t i = 1; i < hn::Lanes(df); ++i) {
    result = HWY_MAX(result, hn::ExtractLane(v, i));
  }
  return result;
#else
  return hn::ReduceMax(df, v);
#endif
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
  return LargestLane(df, max);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_ROWS_INL_H_
