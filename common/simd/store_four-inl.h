// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Stores of four f32 vectors at a time as an 8-bit floating-point type: they
// fill a vector. Bit for bit what StoreF32() gives. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_SIMD_STORE_FOUR_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_STORE_FOUR_INL_H_
#undef TILEWORK_COMMON_SIMD_STORE_FOUR_INL_H_
#else
#define TILEWORK_COMMON_SIMD_STORE_FOUR_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/simd/narrow-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3

namespace store_four_internal {

// The upper half of an f32, as an integer.
constexpr uint16_t UpperHalf(float value) {
  return static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
}

template <class DF>
using Words = hn::Repartition<uint16_t, DF>;

// The upper halves of `low` and `high`, rounded to odd: the last bit is set if
// anything was cut off. That keeps all that rounding to a type of far fewer
// bits has to know, at twice the lanes.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<Words<DF>> RoundToOdd(DF df, VF low, VF high) {
  const Words<DF> du16;
  (void)df;
  const auto low_words = hn::BitCast(du16, low);
  const auto high_words = hn::BitCast(du16, high);
  const auto kept = hn::ConcatOdd(du16, high_words, low_words);
  const auto cut = hn::ConcatEven(du16, high_words, low_words);
  return hn::Or(kept, hn::Min(cut, hn::Set(du16, uint16_t{1})));
}

// Whether Encode() is right for all lanes: none is NaN or, but for 0, below the
// smallest normal number.
template <class T, class D, class V = hn::Vec<D>>
HWY_INLINE bool IsUsual(D du16, V magnitude) {
  constexpr uint16_t kSmallest = UpperHalf(T::kSmallestNormal);
  const auto one = hn::Set(du16, uint16_t{1});
  const auto is_subnormal =
      hn::Lt(hn::Sub(magnitude, one), hn::Set(du16, uint16_t{kSmallest - 1}));
  const auto is_nan = hn::Gt(magnitude, hn::Set(du16, uint16_t{0x7F80}));
  return hn::AllFalse(du16, hn::Or(is_subnormal, is_nan));
}

// The codes of numbers rounded to odd, in words.
template <class T, class D, class V = hn::Vec<D>>
HWY_INLINE V Encode(D du16, V odd, V magnitude) {
  constexpr int kShift = 7 - T::kMantissaBits;
  constexpr uint16_t kBias = (127 - T::kBias) << T::kMantissaBits;
  constexpr uint16_t kBelowHalf = (1 << (kShift - 1)) - 1;
  const auto clipped = hn::Min(magnitude, hn::Set(du16, UpperHalf(T::kMax)));
  const auto lsb =
      hn::And(hn::ShiftRight<kShift>(clipped), hn::Set(du16, uint16_t{1}));
  const auto rounded = hn::ShiftRight<kShift>(
      hn::Add(clipped, hn::Add(lsb, hn::Set(du16, kBelowHalf))));
  // 0 stays 0.
  const auto code = hn::SaturatedSub(rounded, hn::Set(du16, kBias));
  const auto sign =
      hn::And(hn::ShiftRight<8>(odd), hn::Set(du16, uint16_t{T::kSignMask}));
  return hn::Or(code, sign);
}

}  // namespace store_four_internal

// to[i], 4 Lanes(df) elements, = the vectors in order, rounded to T.
template <Float8 T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreFour(VF v0, VF v1, VF v2, VF v3, DF df,
                          T* HWY_RESTRICT to) {
  namespace internal = store_four_internal;
  const internal::Words<DF> du16;
  const hn::Repartition<uint8_t, DF> du8;
  const auto mask = hn::Set(du16, uint16_t{0x7FFF});
  const auto low = internal::RoundToOdd(df, v0, v1);
  const auto high = internal::RoundToOdd(df, v2, v3);
  const auto low_magnitude = hn::And(low, mask);
  const auto high_magnitude = hn::And(high, mask);
  if (HWY_UNLIKELY(!internal::IsUsual<T>(du16, low_magnitude) ||
                   !internal::IsUsual<T>(du16, high_magnitude))) {
    const size_t lanes = hn::Lanes(df);
    StoreF32(v0, df, to);
    StoreF32(v1, df, to + lanes);
    StoreF32(v2, df, to + 2 * lanes);
    StoreF32(v3, df, to + 3 * lanes);
    return;
  }
  const auto codes =
      hn::OrderedTruncate2To(du8, internal::Encode<T>(du16, low, low_magnitude),
                             internal::Encode<T>(du16, high, high_magnitude));
  hn::StoreU(codes, du8, reinterpret_cast<uint8_t*>(to));
}

#else

template <Float8 T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreFour(VF v0, VF v1, VF v2, VF v3, DF df,
                          T* HWY_RESTRICT to) {
  const size_t lanes = hn::Lanes(df);
  StoreF32(v0, df, to);
  StoreF32(v1, df, to + lanes);
  StoreF32(v2, df, to + 2 * lanes);
  StoreF32(v3, df, to + 3 * lanes);
}

#endif  // HWY_TARGET

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_STORE_FOUR_INL_H_
