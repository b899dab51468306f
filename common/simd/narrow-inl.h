// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Loads and stores that convert between the storage types of 8 and 4 bits and
// f32 vectors. Bit for bit the conversions of common/dtype/narrow.h, on every
// target. Include after hwy/highway.h inside a foreach_target file, and before
// rows-inl.h if its functions are to be used with these types.
//
//   const hn::ScalableTag<float> df;
//   auto v = LoadF32(df, f8_pointer);          // Lanes(df) elements
//   auto t = LoadF32N(df, f8_pointer, count);  // count < Lanes(df), zeros
//   StoreF32(v, df, f8_pointer);
//   StoreF32N(t, df, f8_pointer, count);
//
// Of Float4E2M1Pair there are half as many bytes as lanes; `count` is of
// elements, and with an odd count the upper half of the last byte is ignored by
// loads and 0 after stores.

#if defined(TILEWORK_COMMON_SIMD_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_NARROW_INL_H_
#undef TILEWORK_COMMON_SIMD_NARROW_INL_H_
#else
#define TILEWORK_COMMON_SIMD_NARROW_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/simd/convert-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace narrow_internal {

constexpr int32_t Bits(float value) { return std::bit_cast<int32_t>(value); }

// The code of each lane in format T, a Minifloat.
template <class T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> Encode(DF df, VF v) {
  const hn::RebindToSigned<DF> di32;
  constexpr int kShift = 23 - T::kMantissaBits;
  constexpr int32_t kSmallestNormal = Bits(T::kSmallestNormal);
  const auto bits = hn::BitCast(di32, v);
  const auto all = hn::And(bits, hn::Set(di32, 0x7FFFFFFF));
  const auto magnitude = hn::Min(all, hn::Set(di32, Bits(T::kMax)));
  // The power of two below it, where the distance of two codes changes.
  const auto power = hn::Max(hn::And(magnitude, hn::Set(di32, 0x7F800000)),
                             hn::Set(di32, kSmallestNormal));
  // That distance is an ulp of `base`: the sum rounds to a multiple of it.
  const auto base = hn::Add(power, hn::Set(di32, kShift << 23));
  const auto sum = hn::Add(hn::BitCast(df, magnitude), hn::BitCast(df, base));
  const auto multiple = hn::Sub(hn::BitCast(di32, sum), base);
  const auto exponent = hn::Sub(hn::ShiftRight<kShift>(power),
                                hn::Set(di32, kSmallestNormal >> kShift));
  const auto sign =
      hn::And(hn::ShiftRight<31 - std::bit_width(T::kMagnitudeMask)>(bits),
              hn::Set(di32, T::kSignMask));
  const auto code = hn::Or(hn::Add(multiple, exponent), sign);
  return hn::IfThenElse(hn::Gt(all, hn::Set(di32, 0x7F800000)),
                        hn::Set(di32, T::kNaNBits), code);
}

// The inverse.
template <class T, class DF, class VI32>
HWY_INLINE hn::Vec<DF> Decode(DF df, VI32 codes) {
  const hn::RebindToSigned<DF> di32;
  constexpr int kShift = 23 - T::kMantissaBits;
  const auto magnitude = hn::And(codes, hn::Set(di32, T::kMagnitudeMask));
  const auto sign = hn::ShiftLeft<31 - std::bit_width(T::kMagnitudeMask)>(
      hn::And(codes, hn::Set(di32, T::kSignMask)));
  const auto normal = hn::Add(hn::ShiftLeft<kShift>(magnitude),
                              hn::Set(di32, (127 - T::kBias) << 23));
  // A subnormal misses the 1 before the point that `normal` takes for granted:
  // here it has it, at the exponent of the smallest normal number.
  const auto with_one =
      hn::BitCast(df, hn::Add(normal, hn::Set(di32, 1 << 23)));
  const auto subnormal = hn::Sub(with_one, hn::Set(df, T::kSmallestNormal));
  auto result =
      hn::IfThenElse(hn::Lt(magnitude, hn::Set(di32, 1 << T::kMantissaBits)),
                     hn::BitCast(di32, subnormal), normal);
  if constexpr (T::kMaxBits < T::kMagnitudeMask) {
    auto special = hn::Set(di32, 0x7FC00000);
    if constexpr (T::kInfinityBits != 0) {
      special =
          hn::IfThenElse(hn::Eq(magnitude, hn::Set(di32, T::kInfinityBits)),
                         hn::Set(di32, 0x7F800000), special);
    }
    result = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di32, T::kMaxBits)),
                            hn::Or(normal, special), result);
  }
  return hn::BitCast(df, hn::Or(result, sign));
}

// Codes of a byte each, as lanes of df.
template <class DF>
using Bytes = hn::Rebind<uint8_t, DF>;

template <class DF, class VI32>
HWY_INLINE hn::Vec<Bytes<DF>> ToBytes(DF df, VI32 codes) {
  const hn::RebindToUnsigned<DF> du32;
  (void)df;
  return hn::TruncateTo(Bytes<DF>(), hn::BitCast(du32, codes));
}
template <class DF, class VU8>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> FromBytes(DF df, VU8 bytes) {
  (void)df;
  return hn::PromoteTo(hn::RebindToSigned<DF>(), bytes);
}

// Codes of four bits: bytes for every second lane of df.
template <class DF>
using Pairs = hn::Rebind<uint8_t, hn::Half<DF>>;

template <class DF, class VI32>
HWY_INLINE hn::Vec<Pairs<DF>> ToPairs(DF df, VI32 codes) {
  const hn::Rebind<uint16_t, hn::Half<DF>> du16;
  const auto spread = hn::BitCast(du16, ToBytes(df, codes));
  return hn::TruncateTo(Pairs<DF>(), hn::Or(spread, hn::ShiftRight<4>(spread)));
}
template <class DF, class VU8>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> FromPairs(DF df, VU8 pairs) {
  const hn::Rebind<uint16_t, hn::Half<DF>> du16;
  const auto wide = hn::PromoteTo(du16, pairs);
  const auto spread = hn::And(hn::Or(wide, hn::ShiftLeft<4>(wide)),
                              hn::Set(du16, uint16_t{0x0F0F}));
  return FromBytes(df, hn::BitCast(Bytes<DF>(), spread));
}

template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> EncodeScale(DF df, VF v) {
  const hn::RebindToSigned<DF> di32;
  (void)df;
  return hn::And(hn::ShiftRight<23>(hn::BitCast(di32, v)), hn::Set(di32, 0xFF));
}
template <class DF, class VI32>
HWY_INLINE hn::Vec<DF> DecodeScale(DF df, VI32 codes) {
  const hn::RebindToSigned<DF> di32;
  // 2^-127 is a subnormal f32 with this bit, which also makes the NaN quiet.
  const auto has_top =
      hn::Or(hn::Eq(codes, hn::Zero(di32)), hn::Eq(codes, hn::Set(di32, 0xFF)));
  const auto top = hn::IfThenElseZero(has_top, hn::Set(di32, 0x00400000));
  return hn::BitCast(df, hn::Or(hn::ShiftLeft<23>(codes), top));
}

}  // namespace narrow_internal

template <class DF, Float8 T>
HWY_INLINE hn::Vec<DF> LoadF32(DF df, const T* HWY_RESTRICT from) {
  namespace internal = narrow_internal;
  const internal::Bytes<DF> du8;
  const auto bytes = hn::LoadU(du8, reinterpret_cast<const uint8_t*>(from));
  return internal::Decode<T>(df, internal::FromBytes(df, bytes));
}
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32(DF df, const E8M0* HWY_RESTRICT from) {
  namespace internal = narrow_internal;
  const internal::Bytes<DF> du8;
  const auto bytes = hn::LoadU(du8, reinterpret_cast<const uint8_t*>(from));
  return internal::DecodeScale(df, internal::FromBytes(df, bytes));
}
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32(DF df, const Float4E2M1Pair* HWY_RESTRICT from) {
  namespace internal = narrow_internal;
  const internal::Pairs<DF> du8;
  const auto pairs = hn::LoadU(du8, reinterpret_cast<const uint8_t*>(from));
  return internal::Decode<Float4E2M1>(df, internal::FromPairs(df, pairs));
}

// The first `count` < Lanes(df) elements, zeros in the other lanes; nothing
// past them is read.
template <class DF, Float8 T>
HWY_INLINE hn::Vec<DF> LoadF32N(DF df, const T* HWY_RESTRICT from,
                                size_t count) {
  namespace internal = narrow_internal;
  const internal::Bytes<DF> du8;
  const auto bytes =
      hn::LoadN(du8, reinterpret_cast<const uint8_t*>(from), count);
  return internal::Decode<T>(df, internal::FromBytes(df, bytes));
}
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32N(DF df, const E8M0* HWY_RESTRICT from,
                                size_t count) {
  namespace internal = narrow_internal;
  const internal::Bytes<DF> du8;
  const auto bytes =
      hn::LoadN(du8, reinterpret_cast<const uint8_t*>(from), count);
  const auto scales = internal::DecodeScale(df, internal::FromBytes(df, bytes));
  // Code 0 is not 0.
  return hn::IfThenElseZero(hn::FirstN(df, count), scales);
}
template <class DF>
HWY_INLINE hn::Vec<DF> LoadF32N(DF df, const Float4E2M1Pair* HWY_RESTRICT from,
                                size_t count) {
  namespace internal = narrow_internal;
  const internal::Pairs<DF> du8;
  const auto pairs =
      hn::LoadN(du8, reinterpret_cast<const uint8_t*>(from), (count + 1) / 2);
  const auto values =
      internal::Decode<Float4E2M1>(df, internal::FromPairs(df, pairs));
  return hn::IfThenElseZero(hn::FirstN(df, count), values);
}

template <class DF, Float8 T, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32(VF v, DF df, T* HWY_RESTRICT to) {
  namespace internal = narrow_internal;
  const internal::Bytes<DF> du8;
  hn::StoreU(internal::ToBytes(df, internal::Encode<T>(df, v)), du8,
             reinterpret_cast<uint8_t*>(to));
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32(VF v, DF df, E8M0* HWY_RESTRICT to) {
  namespace internal = narrow_internal;
  const internal::Bytes<DF> du8;
  hn::StoreU(internal::ToBytes(df, internal::EncodeScale(df, v)), du8,
             reinterpret_cast<uint8_t*>(to));
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32(VF v, DF df, Float4E2M1Pair* HWY_RESTRICT to) {
  namespace internal = narrow_internal;
  const internal::Pairs<DF> du8;
  hn::StoreU(internal::ToPairs(df, internal::Encode<Float4E2M1>(df, v)), du8,
             reinterpret_cast<uint8_t*>(to));
}

// Stores the first `count` < Lanes(df) lanes; nothing past them is written.
template <class DF, Float8 T, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32N(VF v, DF df, T* HWY_RESTRICT to, size_t count) {
  namespace internal = narrow_internal;
  const internal::Bytes<DF> du8;
  hn::StoreN(internal::ToBytes(df, internal::Encode<T>(df, v)), du8,
             reinterpret_cast<uint8_t*>(to), count);
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32N(VF v, DF df, E8M0* HWY_RESTRICT to, size_t count) {
  namespace internal = narrow_internal;
  const internal::Bytes<DF> du8;
  hn::StoreN(internal::ToBytes(df, internal::EncodeScale(df, v)), du8,
             reinterpret_cast<uint8_t*>(to), count);
}
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE void StoreF32N(VF v, DF df, Float4E2M1Pair* HWY_RESTRICT to,
                          size_t count) {
  namespace internal = narrow_internal;
  const internal::Pairs<DF> du8;
  const auto kept = hn::IfThenElseZero(hn::FirstN(df, count), v);
  hn::StoreN(internal::ToPairs(df, internal::Encode<Float4E2M1>(df, kept)), du8,
             reinterpret_cast<uint8_t*>(to), (count + 1) / 2);
}

// Rounds an f32 vector to T and widens it again.
template <Float8 T, class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF RoundTo(DF df, VF v) {
  return narrow_internal::Decode<T>(df, narrow_internal::Encode<T>(df, v));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_NARROW_INL_H_
