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

#include <array>
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

// Where LowAndHighBytes() finds its bytes: the lowest of each 32-bit lane of
// two vectors, and then the highest; the lanes in order or an element of each
// vector in turn.
template <bool kInTurn>
constexpr std::array<uint8_t, 64> LowAndHighIndices() {
  std::array<uint8_t, 64> indices = {};
  for (size_t i = 0; i < 32; ++i) {
    const size_t lane = kInTurn ? i / 2 + i % 2 * 16 : i;
    indices[i] = static_cast<uint8_t>(4 * lane);
    indices[i + 32] = static_cast<uint8_t>(4 * lane + 3);
  }
  return indices;
}

template <bool kInTurn, class DI, class VI = hn::Vec<DI>>
HWY_INLINE hn::Vec<hn::Repartition<uint8_t, DI>> LowAndHighBytes(DI di32, VI a,
                                                                 VI b) {
  const hn::Repartition<uint8_t, DI> du8;
  (void)di32;
  HWY_ALIGN static constexpr std::array<uint8_t, 64> kIndices =
      LowAndHighIndices<kInTurn>();
  return hn::TwoTablesLookupLanes(
      du8, hn::BitCast(du8, a), hn::BitCast(du8, b),
      hn::IndicesFromVec(du8, hn::Load(du8, kIndices.data())));
}

// Of each lane, the code without its sign in the lowest byte and the sign in
// the highest bit. Right unless v is NaN or rounds to more than T's largest
// number.
template <class T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> CodeAndSign(DF df, VF v) {
  const hn::RebindToSigned<DF> di32;
  constexpr int kShift = 23 - T::kMantissaBits;
  constexpr int32_t kSmallest = std::bit_cast<int32_t>(T::kSmallestNormal);
  // What makes the lowest byte of the sum below that of the code.
  constexpr int32_t kLow = -(kSmallest >> kShift) & 0xFF;
  const auto bits = hn::BitCast(di32, v);
  // The power of two below v, where the distance of two codes changes.
  const auto power = hn::Max(hn::And(bits, hn::Set(di32, 0x7F800000)),
                             hn::Set(di32, kSmallest));
  // That distance is an ulp of `base`: the sum rounds to a multiple of it.
  const auto base = hn::Add(power, hn::Set(di32, (kShift << 23) + kLow));
  const auto with_sign =
      hn::OrAnd(base, bits, hn::Set(di32, std::bit_cast<int32_t>(0x80000000u)));
  const auto sum = hn::Add(v, hn::BitCast(df, with_sign));
  return hn::Add(hn::BitCast(di32, sum), hn::ShiftRight<kShift>(power));
}

// The codes of four vectors, of which CodeAndSign() is right: v0 and v1, and v2
// and v3, one after the other or, with kInTurn, an element of each in turn.
template <class T, bool kInTurn, class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::Repartition<uint8_t, DF>> CodesOfFour(DF df, VF v0,
                                                             VF v1, VF v2,
                                                             VF v3) {
  const hn::RebindToSigned<DF> di32;
  const hn::Repartition<uint8_t, DF> du8;
  const auto low = LowAndHighBytes<kInTurn>(di32, CodeAndSign<T>(df, v0),
                                            CodeAndSign<T>(df, v1));
  const auto high = LowAndHighBytes<kInTurn>(di32, CodeAndSign<T>(df, v2),
                                             CodeAndSign<T>(df, v3));
  return hn::OrAnd(hn::ConcatLowerLower(du8, high, low),
                   hn::ConcatUpperUpper(du8, high, low),
                   hn::Set(du8, uint8_t{T::kSignMask}));
}

}  // namespace store_four_internal

template <class DF>
struct TwoVectors {
  hn::Vec<DF> first;
  hn::Vec<DF> second;
};

// Elements i to i + 2 Lanes(df) of a row as two vectors, for
// CodesOfFour().
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
// `stream`: past the caches; `to` is aligned to 64 bytes then. Reads ahead,
// kAheadBytes for each 256 elements.
inline constexpr int64_t kAheadBytes = 512;
template <bool kInRange, Float8 T, class DF, typename X, class Function>
HWY_INLINE void StoreByFours(DF df, const X* HWY_RESTRICT from, int64_t size,
                             const Function& f, bool stream, T* HWY_RESTRICT to,
                             ReadAhead& next) {
  constexpr bool kInTurn = std::is_same_v<X, BFloat16>;
  const hn::Repartition<uint8_t, DF> du8;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const auto most = hn::Set(df, T::kMax);
  const auto in_range = [&](auto v) HWY_ATTR {
    return kInRange ? v : hn::Min(hn::Max(v, hn::Neg(most)), most);
  };
  for (int64_t i = 0; i < size; i += 4 * lanes) {
    if (i % 256 == 0) next.AdvanceBytes(kAheadBytes);
    const auto a = LoadTwo(df, from + i);
    const auto b = LoadTwo(df, from + i + 2 * lanes);
    const auto v0 = f(a.first), v1 = f(a.second);
    const auto v2 = f(b.first), v3 = f(b.second);
    if constexpr (!kInRange) {
      const auto nan = hn::Or(hn::IsEitherNaN(v0, v1), hn::IsEitherNaN(v2, v3));
      if (HWY_UNLIKELY(!hn::AllFalse(df, nan))) {
        for (int64_t j = i; j < i + 4 * lanes; j += lanes) {
          StoreF32(f(LoadF32(df, from + j)), df, to + j);
        }
        continue;
      }
    }
    const auto codes = store_four_internal::CodesOfFour<T, kInTurn>(
        df, in_range(v0), in_range(v1), in_range(v2), in_range(v3));
    auto* bytes = reinterpret_cast<uint8_t*>(to + i);
    if (stream) {
      hn::Stream(codes, du8, bytes);
    } else {
      hn::StoreU(codes, du8, bytes);
    }
  }
}

#else

inline constexpr int64_t kAheadBytes = 512;
template <bool kInRange, Float8 T, class DF, typename X, class Function>
HWY_INLINE void StoreByFours(DF df, const X* HWY_RESTRICT from, int64_t size,
                             const Function& f, bool /*stream*/,
                             T* HWY_RESTRICT to, ReadAhead& next) {
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
