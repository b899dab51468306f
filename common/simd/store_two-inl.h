// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Stores of two f32 vectors at a time: of a 16-bit type they fill a vector,
// which takes fewer instructions than two halves and can go past the caches
// from registers. Bit for bit what StoreF32() gives. Include after
// hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_SIMD_STORE_TWO_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_STORE_TWO_INL_H_
#undef TILEWORK_COMMON_SIMD_STORE_TWO_INL_H_
#else
#define TILEWORK_COMMON_SIMD_STORE_TWO_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/convert-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace store_two_internal {

template <class DF>
using HalfWords = hn::Vec<hn::Repartition<uint16_t, DF>>;

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE HalfWords<DF> CombineBF16(DF df, VF low, VF high) {
  const hn::Repartition<uint16_t, DF> du16;
  return hn::Combine(du16, convert_internal::RoundToBF16(df, high),
                     convert_internal::RoundToBF16(df, low));
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_ZEN4

// The instruction takes subnormal numbers for zeros. It is used where no
// exponent is zero.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE HalfWords<DF> RoundTwo(DF df, VF low, VF high, BFloat16) {
  const hn::Repartition<hwy::bfloat16_t, DF> dbf16;
  const hn::Repartition<uint16_t, DF> du16;
  const hn::RebindToUnsigned<DF> du32;
  const auto exponent = hn::Set(du32, 0x7F800000u);
  const auto usual = hn::And(hn::TestBit(hn::BitCast(du32, low), exponent),
                             hn::TestBit(hn::BitCast(du32, high), exponent));
  if (HWY_UNLIKELY(!hn::AllTrue(du32, usual))) {
    return CombineBF16(df, low, high);
  }
  return hn::BitCast(du16, hn::OrderedDemote2To(dbf16, low, high));
}

#else

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE HalfWords<DF> RoundTwo(DF df, VF low, VF high, BFloat16) {
  const hn::Repartition<uint16_t, DF> du16;
  const hn::RebindToUnsigned<DF> du32;
  if (HWY_UNLIKELY(!hn::AllFalse(df, hn::IsEitherNaN(low, high)))) {
    return CombineBF16(df, low, high);
  }
  // In the upper half of each 32 bits.
  const auto round = [&](VF v) HWY_ATTR {
    const auto bits = hn::BitCast(du32, v);
    const auto lsb = hn::And(hn::ShiftRight<16>(bits), hn::Set(du32, 1u));
    return hn::BitCast(du16,
                       hn::Add(bits, hn::Add(lsb, hn::Set(du32, 0x7FFFu))));
  };
  return hn::ConcatOdd(du16, round(high), round(low));
}

#endif  // HWY_TARGET

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE HalfWords<DF> RoundTwo(DF df, VF low, VF high, Float16) {
  const hn::Repartition<uint16_t, DF> du16;
  return hn::Combine(du16, convert_internal::RoundToF16(df, high),
                     convert_internal::RoundToF16(df, low));
}

}  // namespace store_two_internal

// to[i], 2 Lanes(df) elements, = low and then high, rounded to T.
template <typename T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreTwo(VF low, VF high, DF df, T* HWY_RESTRICT to) {
  const hn::Repartition<uint16_t, DF> du16;
  hn::StoreU(store_two_internal::RoundTwo(df, low, high, T{}), du16,
             reinterpret_cast<uint16_t*>(to));
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreTwo(VF low, VF high, DF df, float* HWY_RESTRICT to) {
  hn::StoreU(low, df, to);
  hn::StoreU(high, df, to + hn::Lanes(df));
}

// The same past the caches; `to` is aligned to a vector. A task that calls it
// ends with hwy::FlushStream().
template <typename T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StreamTwo(VF low, VF high, DF df, T* HWY_RESTRICT to) {
  const hn::Repartition<uint16_t, DF> du16;
  hn::Stream(store_two_internal::RoundTwo(df, low, high, T{}), du16,
             reinterpret_cast<uint16_t*>(to));
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StreamTwo(VF low, VF high, DF df, float* HWY_RESTRICT to) {
  hn::Stream(low, df, to);
  hn::Stream(high, df, to + hn::Lanes(df));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_STORE_TWO_INL_H_
