// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Loads and stores that convert between the storage types f32, bf16, f16 and
// f32 vectors. Bit for bit the conversions of common/dtype/dtype.h, on every
// target. Include after hwy/highway.h inside a foreach_target file.
//
//   const hn::ScalableTag<float> df;
//   auto v = LoadF32(df, bf16_pointer);          // Lanes(df) elements
//   auto t = LoadF32N(df, bf16_pointer, count);  // count < Lanes(df), zeros
//   StoreF32(v, df, f16_pointer);
//   StoreF32N(t, df, f16_pointer, count);

#if defined(TILEWORK_COMMON_SIMD_CONVERT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_CONVERT_INL_H_
#undef TILEWORK_COMMON_SIMD_CONVERT_INL_H_
#else
#define TILEWORK_COMMON_SIMD_CONVERT_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace convert_internal {

// Highway's own bf16 demotion flushes subnormals where it maps to one
// instruction, so the rounding is spelled out.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, DF>> RoundToBF16(DF df, VF v) {
  const hn::RebindToUnsigned<DF> du32;
  const hn::Rebind<uint16_t, DF> du16;
  const auto bits = hn::BitCast(du32, v);
  const auto lsb = hn::And(hn::ShiftRight<16>(bits), hn::Set(du32, 1u));
  const auto rounded = hn::ShiftRight<16>(
      hn::Add(bits, hn::Add(lsb, hn::Set(du32, 0x7FFFu))));
  const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du32, 0x40u));
  const auto is_nan = hn::RebindMask(du32, hn::IsNaN(v));
  (void)df;
  return hn::TruncateTo(du16, hn::IfThenElse(is_nan, quiet, rounded));
}

template <class DF, class VU16>
HWY_INLINE hn::Vec<DF> WidenBF16(DF df, VU16 bits) {
  const hn::RebindToUnsigned<DF> du32;
  return hn::BitCast(df, hn::ShiftLeft<16>(hn::PromoteTo(du32, bits)));
}

}  // namespace convert_internal

template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32(DF df, const float* HWY_RESTRICT from) {
  return hn::LoadU(df, from);
}
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32(DF df, const BFloat16* HWY_RESTRICT from) {
  const hn::Rebind<uint16_t, DF> du16;
  return convert_internal::WidenBF16(
      df, hn::LoadU(du16, reinterpret_cast<const uint16_t*>(from)));
}
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32(DF df, const Float16* HWY_RESTRICT from) {
  const hn::Rebind<hwy::float16_t, DF> df16;
  return hn::PromoteTo(
      df, hn::LoadU(df16, reinterpret_cast<const hwy::float16_t*>(from)));
}

// The first `count` < Lanes(df) elements, zeros in the other lanes; nothing
// past them is read.
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32N(DF df, const float* HWY_RESTRICT from,
                                size_t count) {
  return hn::LoadN(df, from, count);
}
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32N(DF df, const BFloat16* HWY_RESTRICT from,
                                size_t count) {
  const hn::Rebind<uint16_t, DF> du16;
  return convert_internal::WidenBF16(
      df, hn::LoadN(du16, reinterpret_cast<const uint16_t*>(from), count));
}
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32N(DF df, const Float16* HWY_RESTRICT from,
                                size_t count) {
  const hn::Rebind<uint16_t, DF> du16;
  const hn::Rebind<hwy::float16_t, DF> df16;
  const auto bits =
      hn::LoadN(du16, reinterpret_cast<const uint16_t*>(from), count);
  return hn::PromoteTo(df, hn::BitCast(df16, bits));
}

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32(VF v, DF df, float* HWY_RESTRICT to) {
  hn::StoreU(v, df, to);
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32(VF v, DF df, BFloat16* HWY_RESTRICT to) {
  const hn::Rebind<uint16_t, DF> du16;
  hn::StoreU(convert_internal::RoundToBF16(df, v), du16,
             reinterpret_cast<uint16_t*>(to));
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32(VF v, DF df, Float16* HWY_RESTRICT to) {
  const hn::Rebind<hwy::float16_t, DF> df16;
  (void)df;
  hn::StoreU(hn::DemoteTo(df16, v), df16,
             reinterpret_cast<hwy::float16_t*>(to));
}

// Stores the first `count` < Lanes(df) lanes; nothing past them is written.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32N(VF v, DF df, float* HWY_RESTRICT to, size_t count) {
  hn::StoreN(v, df, to, count);
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32N(VF v, DF df, BFloat16* HWY_RESTRICT to,
                          size_t count) {
  const hn::Rebind<uint16_t, DF> du16;
  hn::StoreN(convert_internal::RoundToBF16(df, v), du16,
             reinterpret_cast<uint16_t*>(to), count);
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32N(VF v, DF df, Float16* HWY_RESTRICT to,
                          size_t count) {
  const hn::Rebind<hwy::float16_t, DF> df16;
  const hn::Rebind<uint16_t, DF> du16;
  (void)df;
  hn::StoreN(hn::BitCast(du16, hn::DemoteTo(df16, v)), du16,
             reinterpret_cast<uint16_t*>(to), count);
}

// Rounds an f32 vector to T and widens it again.
template <typename T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF RoundTo(DF df, VF v) {
  if constexpr (sizeof(T) == 4) {
    return v;
  } else if constexpr (kDTypeOf<T> == DType::kBF16) {
    return convert_internal::WidenBF16(df,
                                       convert_internal::RoundToBF16(df, v));
  } else {
    const hn::Rebind<hwy::float16_t, DF> df16;
    return hn::PromoteTo(df, hn::DemoteTo(df16, v));
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_CONVERT_INL_H_
