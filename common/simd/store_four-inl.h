// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Conversion of rows to an 8-bit floating-point type, four f32 vectors at a
// time: they fill a vector. Bit for bit what StoreF32() gives. Include after
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
#include <type_traits>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/narrow-inl.h"
#include "tilework/common/simd/read_ahead.h"

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

// The upper halves of `first` and `second` in turn, rounded to odd: the last
// bit is set if anything was cut off. That keeps all that rounding to a type of
// far fewer bits has to know, at twice the lanes.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<Words<DF>> RoundToOdd(DF df, VF first, VF second) {
  const Words<DF> du16;
  const hn::RebindToUnsigned<DF> du32;
  (void)df;
  const auto a = hn::BitCast(du32, first);
  const auto b = hn::BitCast(du32, second);
  const auto lower = hn::Set(du32, 0xFFFFu);
  const auto kept = hn::Or(hn::ShiftRight<16>(a), hn::AndNot(lower, b));
  const auto cut = hn::Or(hn::And(a, lower), hn::ShiftLeft<16>(b));
  return hn::Or(hn::BitCast(du16, kept),
                hn::Min(hn::BitCast(du16, cut), hn::Set(du16, uint16_t{1})));
}

// The lower bytes of the words of `a` and then of `b`: all in order or, of
// each, the even ones before the odd ones.
template <bool kInTurn, class D, class V = hn::Vec<D>>
HWY_INLINE hn::Vec<hn::Repartition<uint8_t, D>> LowerBytes(D du16, V a, V b) {
  const hn::Repartition<uint8_t, D> du8;
  (void)du16;
  if constexpr (kInTurn) {
    return hn::OrderedTruncate2To(du8, a, b);
  } else {
    HWY_ALIGN static constexpr uint8_t kBytes[64] = {
        0,  4,  8,  12, 16, 20, 24, 28, 32, 36,  40,  44,  48,  52,  56,  60,
        2,  6,  10, 14, 18, 22, 26, 30, 34, 38,  42,  46,  50,  54,  58,  62,
        64, 68, 72, 76, 80, 84, 88, 92, 96, 100, 104, 108, 112, 116, 120, 124,
        66, 70, 74, 78, 82, 86, 90, 94, 98, 102, 106, 110, 114, 118, 122, 126};
    return hn::TwoTablesLookupLanes(
        du8, hn::BitCast(du8, a), hn::BitCast(du8, b),
        hn::IndicesFromVec(du8, hn::Load(du8, kBytes)));
  }
}

// The codes of numbers rounded to odd, in words. Right for all but those below
// the smallest normal number that are not 0. kInRange: none is NaN, or above
// the largest number but for an error of f32.
template <class T, bool kInRange, class D, class V = hn::Vec<D>>
HWY_INLINE V Encode(D du16, V odd, V magnitude) {
  constexpr int kShift = 7 - T::kMantissaBits;
  constexpr uint16_t kBias = (127 - T::kBias) << T::kMantissaBits;
  constexpr uint16_t kBelowHalf = (1 << (kShift - 1)) - 1;
  const auto clipped =
      kInRange ? magnitude
               : hn::Min(magnitude, hn::Set(du16, UpperHalf(T::kMax)));
  const auto lsb =
      hn::And(hn::ShiftRight<kShift>(clipped), hn::Set(du16, uint16_t{1}));
  const auto rounded = hn::ShiftRight<kShift>(
      hn::Add(clipped, hn::Add(lsb, hn::Set(du16, kBelowHalf))));
  // 0 stays 0.
  const auto number = hn::SaturatedSub(rounded, hn::Set(du16, kBias));
  const auto sign =
      hn::And(hn::ShiftRight<8>(odd), hn::Set(du16, uint16_t{T::kSignMask}));
  if constexpr (kInRange) return hn::Or(number, sign);
  const auto is_nan = hn::Gt(magnitude, hn::Set(du16, uint16_t{0x7F80}));
  return hn::IfThenElse(is_nan, hn::Set(du16, uint16_t{T::kNaNBits}),
                        hn::Or(number, sign));
}

}  // namespace store_four_internal

// Stores four vectors at a time as T: v0 and v1, and v2 and v3, one after the
// other or, with kInTurn, an element of each in turn.
//
//   FourStore<T, kInTurn, kInRange, DF> store;
//   store(v0, v1, v2, v3, to);  // any number of times
//   if (!store.right()) ... store all again by StoreF32() ...
//
// Numbers too small for T's normal ones are rare, and would cost the others
// time.
template <Float8 T, bool kInTurn, bool kInRange, class DF>
class FourStore {
 public:
  using VF = hn::Vec<DF>;

  HWY_INLINE FourStore() : least_(hn::Set(Words(), uint16_t{0xFFFF})) {}

  HWY_INLINE void operator()(VF v0, VF v1, VF v2, VF v3, T* HWY_RESTRICT to) {
    namespace internal = store_four_internal;
    const DF df;
    const Words du16;
    const hn::Repartition<uint8_t, DF> du8;
    const auto mask = hn::Set(du16, uint16_t{0x7FFF});
    const auto low = internal::RoundToOdd(df, v0, v1);
    const auto high = internal::RoundToOdd(df, v2, v3);
    const auto low_magnitude = hn::And(low, mask);
    const auto high_magnitude = hn::And(high, mask);
    Note(low_magnitude);
    Note(high_magnitude);
    const auto codes = internal::LowerBytes<kInTurn>(
        du16, internal::Encode<T, kInRange>(du16, low, low_magnitude),
        internal::Encode<T, kInRange>(du16, high, high_magnitude));
    hn::StoreU(codes, du8, reinterpret_cast<uint8_t*>(to));
  }

  // Whether all that was stored so far is right.
  HWY_INLINE bool right() const {
    constexpr uint16_t kSmallest =
        store_four_internal::UpperHalf(T::kSmallestNormal);
    const Words du16;
    return hn::AllTrue(du16,
                       hn::Ge(least_, hn::Set(du16, uint16_t{kSmallest - 1})));
  }

 private:
  using Words = store_four_internal::Words<DF>;

  HWY_INLINE void Note(hn::Vec<Words> magnitude) {
    const Words du16;
    // 0 becomes the largest.
    least_ = hn::Min(least_, hn::Sub(magnitude, hn::Set(du16, uint16_t{1})));
  }

  hn::Vec<Words> least_;
};

template <class DF>
struct TwoVectors {
  hn::Vec<DF> first;
  hn::Vec<DF> second;
};

// Elements i to i + 2 Lanes(df) of a row as two vectors, for FourStore.
template <class DF, typename X>
HWY_INLINE TwoVectors<DF> LoadTwo(DF df, const X* HWY_RESTRICT from) {
  return {LoadF32(df, from), LoadF32(df, from + hn::Lanes(df))};
}
// In turn: that takes no shuffle.
template <class DF>
HWY_INLINE TwoVectors<DF> LoadTwo(DF df, const BFloat16* HWY_RESTRICT from) {
  const hn::RebindToUnsigned<DF> du32;
  const auto pairs =
      hn::BitCast(du32, hn::LoadU(hn::Repartition<uint16_t, DF>(),
                                  reinterpret_cast<const uint16_t*>(from)));
  return {hn::BitCast(df, hn::ShiftLeft<16>(pairs)),
          hn::BitCast(df, hn::And(pairs, hn::Set(du32, 0xFFFF0000u)))};
}

// to[i] = f(from[i]) rounded to T, for i < `size`, a multiple of 4 Lanes(df); f
// maps the lanes of a vector, each by itself. It may be asked twice. kInRange:
// no f(from[i]) is NaN or, but for an error of f32, above T's largest number.
// Reads ahead, kAheadBytes for each 256 elements.
inline constexpr int64_t kAheadBytes = 512;
template <bool kInRange, Float8 T, class DF, typename X, class Function>
HWY_INLINE void StoreByFours(DF df, const X* HWY_RESTRICT from, int64_t size,
                             const Function& f, T* HWY_RESTRICT to,
                             ReadAhead& next) {
  constexpr bool kInTurn = std::is_same_v<X, BFloat16>;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const int64_t piece = 16 * lanes;
  // Pieces that are not tried by fours: the more, the more trials failed.
  int cautious = 0;
  int next_cautious = 1;
  for (int64_t begin = 0; begin < size; begin += piece) {
    const int64_t end = HWY_MIN(size, begin + piece);
    next.AdvanceBytes(kAheadBytes);
    if (HWY_LIKELY(cautious == 0)) {
      FourStore<T, kInTurn, kInRange, DF> store;
      for (int64_t i = begin; i < end; i += 4 * lanes) {
        const auto a = LoadTwo(df, from + i);
        const auto b = LoadTwo(df, from + i + 2 * lanes);
        store(f(a.first), f(a.second), f(b.first), f(b.second), to + i);
      }
      if (HWY_LIKELY(store.right())) {
        next_cautious = 1;
        continue;
      }
      cautious = next_cautious;
      next_cautious = HWY_MIN(2 * next_cautious, 32);
    } else {
      --cautious;
    }
    for (int64_t i = begin; i < end; i += lanes) {
      StoreF32(f(LoadF32(df, from + i)), df, to + i);
    }
  }
}

#else

inline constexpr int64_t kAheadBytes = 512;
template <bool kInRange, Float8 T, class DF, typename X, class Function>
HWY_INLINE void StoreByFours(DF df, const X* HWY_RESTRICT from, int64_t size,
                             const Function& f, T* HWY_RESTRICT to,
                             ReadAhead& next) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  for (int64_t i = 0; i < size; i += lanes) {
    if (i % 256 == 0) next.AdvanceBytes(kAheadBytes);
    StoreF32(f(LoadF32(df, from + i)), df, to + i);
  }
}

#endif  // HWY_TARGET

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_STORE_FOUR_INL_H_
