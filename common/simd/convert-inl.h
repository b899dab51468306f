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
  const auto rounded =
      hn::ShiftRight<16>(hn::Add(bits, hn::Add(lsb, hn::Set(du32, 0x7FFFu))));
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

// Where there is no instruction for it, Highway's own f16 conversion reads
// infinities and NaNs as numbers and drops the payload of NaNs.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2 && !defined(HWY_DISABLE_F16C)

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, DF>> RoundToF16(DF df, VF v) {
  const hn::Rebind<hwy::float16_t, DF> df16;
  const hn::Rebind<uint16_t, DF> du16;
  (void)df;
  return hn::BitCast(du16, hn::DemoteTo(df16, v));
}

template <class DF, class VU16>
HWY_INLINE hn::Vec<DF> WidenF16(DF df, VU16 bits) {
  const hn::Rebind<hwy::float16_t, DF> df16;
  return hn::PromoteTo(df, hn::BitCast(df16, bits));
}

#else

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::Rebind<uint16_t, DF>> RoundToF16(DF df, VF v) {
  const hn::RebindToSigned<DF> di32;
  const hn::Rebind<uint16_t, DF> du16;
  const hn::RebindToUnsigned<DF> du32;
  const auto magnitude = hn::BitCast(di32, hn::Abs(v));
  const auto sign =
      hn::And(hn::ShiftRight<16>(hn::BitCast(di32, v)), hn::Set(di32, 0x8000));
  const auto top = hn::ShiftRight<13>(magnitude);
  // The exponent's bias changes by 112; from 65520 on the result is infinity.
  const auto to_even =
      hn::Add(hn::And(top, hn::Set(di32, 1)), hn::Set(di32, 0xFFF));
  const auto normal =
      hn::Min(hn::ShiftRight<13>(hn::Add(
                  hn::Sub(magnitude, hn::Set(di32, 0x38000000)), to_even)),
              hn::Set(di32, 0x7C00));
  // Below 2^-14: an ulp of 1/2 is 2^-24, so that the sum rounds to it.
  const auto half = hn::Set(df, 0.5f);
  const auto subnormal = hn::Sub(hn::BitCast(di32, hn::Add(hn::Abs(v), half)),
                                 hn::BitCast(di32, half));
  const auto nan =
      hn::Or(hn::And(top, hn::Set(di32, 0x3FF)), hn::Set(di32, 0x7E00));
  auto result = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di32, 0x38800000)),
                               subnormal, normal);
  result =
      hn::IfThenElse(hn::Gt(magnitude, hn::Set(di32, 0x7F800000)), nan, result);
  return hn::TruncateTo(du16, hn::BitCast(du32, hn::Or(result, sign)));
}

template <class DF, class VU16>
HWY_INLINE hn::Vec<DF> WidenF16(DF df, VU16 bits) {
  const hn::RebindToSigned<DF> di32;
  const auto wide = hn::PromoteTo(di32, bits);
  const auto magnitude = hn::And(wide, hn::Set(di32, 0x7FFF));
  const auto sign = hn::ShiftLeft<16>(hn::And(wide, hn::Set(di32, 0x8000)));
  const auto rebias = hn::Set(di32, 112 << 23);
  const auto normal = hn::Add(hn::ShiftLeft<13>(magnitude), rebias);
  const auto subnormal = hn::BitCast(
      di32, hn::Mul(hn::ConvertTo(df, magnitude), hn::Set(df, 0x1p-24f)));
  const auto quiet = hn::IfThenElseZero(
      hn::Gt(magnitude, hn::Set(di32, 0x7C00)), hn::Set(di32, 0x400000));
  auto result = hn::IfThenElse(hn::Lt(magnitude, hn::Set(di32, 0x400)),
                               subnormal, normal);
  result = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di32, 0x7BFF)),
                          hn::Or(hn::Add(normal, rebias), quiet), result);
  return hn::BitCast(df, hn::Or(result, sign));
}

#endif  // HWY_TARGET

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
  const hn::Rebind<uint16_t, DF> du16;
  return convert_internal::WidenF16(
      df, hn::LoadU(du16, reinterpret_cast<const uint16_t*>(from)));
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
  return convert_internal::WidenF16(
      df, hn::LoadN(du16, reinterpret_cast<const uint16_t*>(from), count));
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
  const hn::Rebind<uint16_t, DF> du16;
  hn::StoreU(convert_internal::RoundToF16(df, v), du16,
             reinterpret_cast<uint16_t*>(to));
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
HWY_INLINE void StoreF32N(VF v, DF df, Float16* HWY_RESTRICT to, size_t count) {
  const hn::Rebind<uint16_t, DF> du16;
  hn::StoreN(convert_internal::RoundToF16(df, v), du16,
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
    static_assert(kDTypeOf<T> == DType::kF16);
    return convert_internal::WidenF16(df, convert_internal::RoundToF16(df, v));
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_CONVERT_INL_H_
