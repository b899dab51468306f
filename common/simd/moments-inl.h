// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Sums over rows of unit stride, mean and variance among them, while what
// follows is read ahead. The order of additions is that of SumOfMapped(), so
// every SIMD target gives the same bits. Include after hwy/highway.h inside a
// foreach_target file.

#if defined(TILEWORK_COMMON_SIMD_MOMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_MOMENTS_INL_H_
#undef TILEWORK_COMMON_SIMD_MOMENTS_INL_H_
#else
#define TILEWORK_COMMON_SIMD_MOMENTS_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace moments_internal {

using rows_internal::kNumSums;
using rows_internal::kSumLanes;
using rows_internal::SumTag;
using SumVector = hn::Vec<SumTag>;

// Elements between two requests to read ahead.
inline constexpr int64_t kChunk = 256;

// Loads elements [i, i + count) of any row.
struct LoadInOrder {
  SumTag df;
  int64_t i;
  size_t count;
  template <typename T>
  HWY_INLINE SumVector operator()(const T* row) const {
    return LoadUpTo(df, row + i, count);
  }
};
// Loads every other element of bf16 rows, from i + kOdd on: these are the
// halves of the 32 bits that lie there, so that two loads cost three
// instructions.
template <bool kOdd>
struct LoadEveryOther {
  SumTag df;
  int64_t i;
  HWY_INLINE SumVector operator()(const BFloat16* row) const {
    const hn::RebindToUnsigned<SumTag> du32;
    const auto pairs =
        hn::LoadU(du32, reinterpret_cast<const uint32_t*>(row + i));
    return hn::BitCast(df, kOdd ? hn::And(pairs, hn::Set(du32, 0xFFFF0000u))
                                : hn::ShiftLeft<16>(pairs));
  }
};

// Unrolled by hand, as below: an index that varies would keep the sums in
// memory.
template <size_t kNum, size_t... m>
HWY_INLINE void AddTerms(const SumVector (&terms)[kNum],
                         SumVector (&sums)[kNum], std::index_sequence<m...>) {
  ((sums[m] = hn::Add(sums[m], terms[m])), ...);
}

// The sum of all lanes, in the order of SumOfMapped().
template <size_t... k>
HWY_INLINE float AddAll(const SumVector* sums, std::index_sequence<k...>) {
  return rows_internal::AddLanes(
      SumTag(), rows_internal::AddVectors(
                    sums, std::make_index_sequence<sizeof...(k) / 2>()));
}

// Moves the even elements before the odd ones.
inline void EvenThenOdd(float (&values)[kNumSums]) {
  float odd[kNumSums / 2];
  for (size_t i = 0; i < kNumSums / 2; ++i) {
    odd[i] = values[2 * i + 1];
    values[i] = values[2 * i];
  }
  std::copy(odd, odd + kNumSums / 2, values + kNumSums / 2);
}

// Sum vectors k of a row whose 64 partial sums are in order, or (kPairs) first
// the even ones and then the odd ones.
template <size_t kNum, bool kPairs, class Map, size_t... m, size_t... k>
HWY_INLINE std::array<float, kNum> Sums(int64_t size, ReadAhead& next,
                                        const Map& map,
                                        std::index_sequence<m...> terms_list,
                                        std::index_sequence<k...>) {
  constexpr size_t kVectors = sizeof...(k);
  const SumTag df;
  SumVector sums[kVectors][kNum];
  ((sums[k][0] = hn::Zero(df), sums[k][kNum - 1] = hn::Zero(df)), ...);
  SumVector terms[kNum];
  const auto add = [&](auto vector, int64_t i) HWY_ATTR {
    constexpr size_t kIndex = decltype(vector)::value;
    if constexpr (kPairs) {
      constexpr size_t kPair = kIndex % (kVectors / 2);
      const int64_t at = i + static_cast<int64_t>(2 * kPair * kSumLanes);
      map(LoadEveryOther<(kIndex >= kVectors / 2)>{df, at}, terms);
    } else {
      const int64_t at = i + static_cast<int64_t>(kIndex * kSumLanes);
      map(LoadInOrder{df, at, kSumLanes}, terms);
    }
    AddTerms(terms, sums[kIndex], terms_list);
  };
  constexpr int64_t kStep = kNumSums;
  int64_t i = 0;
  while (i + kStep <= size) {
    const int64_t last = std::min(size, i + kChunk);
    // A quarter of the next row if it is f32, half if it is bf16 or f16; the
    // rest when this row is written.
    next.AdvanceBytes(kChunk);
    for (; i + kStep <= last; i += kStep) {
      (add(std::integral_constant<size_t, k>(), i), ...);
    }
  }
  if (i < size) {
    HWY_ALIGN float rest[kNum][kNumSums] = {};
    for (size_t at = 0; i < size; at += kSumLanes, i += kSumLanes) {
      const size_t count = std::min(kSumLanes, static_cast<size_t>(size - i));
      map(LoadInOrder{df, i, count}, terms);
      const auto valid = hn::FirstN(df, count);
      (hn::Store(hn::IfThenElseZero(valid, terms[m]), df, rest[m] + at), ...);
    }
    if constexpr (kPairs) (EvenThenOdd(rest[m]), ...);
    const auto add_rest = [&](size_t at, SumVector(&to)[kNum]) HWY_ATTR {
      const SumVector last[] = {hn::Load(df, rest[m] + at)...};
      AddTerms(last, to, terms_list);
    };
    (add_rest(k * kSumLanes, sums[k]), ...);
  }
  const auto total = [&](auto term) HWY_ATTR {
    const SumVector of_term[] = {sums[k][decltype(term)::value]...};
    if constexpr (kPairs) {
      const auto half = std::make_index_sequence<kVectors / 2>();
      return AddAll(of_term, half) + AddAll(of_term + kVectors / 2, half);
    } else {
      return AddAll(of_term, std::make_index_sequence<kVectors>());
    }
  };
  return {total(std::integral_constant<size_t, m>())...};
}

}  // namespace moments_internal

// kNum (1 or 2) sums over rows of `size` elements at once, in the order of
// SumOfMapped(). map(at, terms) gives the terms of each sum from vectors
// at(row); at.df is their tag. kPairs: all rows are bf16.
template <size_t kNum, bool kPairs, class Map>
HWY_INLINE std::array<float, kNum> Sums(int64_t size, ReadAhead& next,
                                        const Map& map) {
  return moments_internal::Sums<kNum, kPairs>(size, next, map,
                                              std::make_index_sequence<kNum>(),
                                              rows_internal::SumVectors());
}

template <typename T>
inline constexpr bool kIsBF16 = kDTypeOf<T> == DType::kBF16;

// 1 / sqrt(variance + eps).
inline float ReciprocalDeviation(float variance, float eps) {
  return 1.0f / std::sqrt(variance + eps);
}

// RmsFactor(), reading ahead.
template <typename H>
HWY_INLINE float RmsFactorOf(const H* h, int64_t size, int64_t divisor,
                             float eps, ReadAhead& next) {
  const auto sums = Sums<1, kIsBF16<H>>(
      size, next, [&](const auto& at, auto& terms) HWY_ATTR {
        const auto v = at(h);
        terms[0] = hn::Mul(v, v);
      });
  return ReciprocalDeviation(sums[0] / static_cast<float>(divisor), eps);
}

struct Moments {
  float mean;
  float variance;  // mean square of the distances to the mean
};

// The moments by the distances to `center`, with an error in proportion to
// 1 + (mean - center)^2 / variance.
template <typename H>
HWY_INLINE Moments MomentsAbout(float center, const H* h, int64_t size,
                                ReadAhead& next) {
  const float n = static_cast<float>(size);
  const auto sums = Sums<2, kIsBF16<H>>(
      size, next, [&](const auto& at, auto& terms) HWY_ATTR {
        terms[0] = hn::Sub(at(h), hn::Set(at.df, center));
        terms[1] = hn::Mul(terms[0], terms[0]);
      });
  const float shift = sums[0] / n;
  const float square = sums[1] / n;
  Moments result = {center + shift, square - shift * shift};
  if (std::isfinite(result.variance)) {
    result.variance = std::max(result.variance, 0.0f);
  } else if (std::isfinite(shift)) {
    result.variance = square;  // The squares overflow.
  }
  // An infinite center makes all distances NaN.
  if (std::isinf(center)) result.mean = center;
  return result;
}

// The moments of a row. The mean of the first elements is mostly near enough to
// that of the row for one pass; if not, a second one starts from the first
// one's mean. So a row whose mean is 1000 times its deviation loses nothing.
template <typename H>
HWY_INLINE Moments MomentsOf(const H* h, int64_t size, ReadAhead& next) {
  const int64_t some = std::min<int64_t>(size, 64);
  const float sum = SumOfMapped(h, some, [](auto v) HWY_ATTR { return v; });
  const float center = sum / static_cast<float>(some);
  const Moments first = MomentsAbout(center, h, size, next);
  const float shift = first.mean - center;
  if (shift * shift <= 4 * first.variance) return first;
  return MomentsAbout(first.mean, h, size, next);
}

// The mean square of the distances to `center`.
template <typename H>
HWY_INLINE float VarianceAbout(float center, const H* h, int64_t size,
                               ReadAhead& next) {
  const auto sums = Sums<1, kIsBF16<H>>(
      size, next, [&](const auto& at, auto& terms) HWY_ATTR {
        const auto v = hn::Sub(at(h), hn::Set(at.df, center));
        terms[0] = hn::Mul(v, v);
      });
  return sums[0] / static_cast<float>(size);
}

// Normalizes a vector of a row: (v - mean) * rstd * gamma + beta.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF LayerNormed(DF df, VF v, float mean, float rstd, VF gamma,
                          VF beta) {
  const VF centered = hn::Sub(v, hn::Set(df, mean));
  return hn::Add(hn::Mul(hn::Mul(centered, hn::Set(df, rstd)), gamma), beta);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_MOMENTS_INL_H_
