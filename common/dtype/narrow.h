// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Storage types of the floating-point formats of 8 and 4 bits, with their
// exact conversions.
//
//   type            exponent/mantissa  largest  smallest  infinity  NaN codes
//   Float8E4M3      4 / 3              448      2^-9      -         7F
//   Float8E4M3_240  4 / 3              240      2^-9      78        79..7F
//   Float8E5M2      5 / 2              57344    2^-16     7C        7D..7F
//   Float4E2M1      2 / 1              6        0.5       -         -
//   E8M0            8 / 0              2^127    2^-127    -         FF
//
// (codes without the sign bit; "smallest" is the least positive number). E8M0
// is the scale of an MX block: a power of two without sign or zero.
//
// Widening to f32 is exact; a NaN becomes a quiet one with the sign and
// mantissa bits of its code. Narrowing rounds to nearest, ties to even, and
// saturates: what is beyond the largest number, infinity included, becomes the
// largest number, and a NaN the code 7F (in Float4E2M1, which has no NaN, 7,
// which is 6). All conversions are constexpr.
//
// Float4E2M1 is the value of one element. In memory two of them share a byte,
// a Float4E2M1Pair: element 2i in the lower four bits, element 2i + 1 in the
// upper ones.

#ifndef TILEWORK_COMMON_DTYPE_NARROW_H_
#define TILEWORK_COMMON_DTYPE_NARROW_H_

#include <bit>
#include <concepts>
#include <cstdint>

#include "tilework/common/dtype/dtype.h"

namespace tilework {

namespace dtype_internal {

// The bits of a format, without the sign: the largest number, and infinity or
// 0 if there is none. The other codes above the largest number are NaNs.
struct FormatE4M3 {
  static constexpr int kExponentBits = 4;
  static constexpr int kMantissaBits = 3;
  static constexpr uint8_t kMaxBits = 0x7E;
  static constexpr uint8_t kInfinityBits = 0;
};
struct FormatE4M3_240 {
  static constexpr int kExponentBits = 4;
  static constexpr int kMantissaBits = 3;
  static constexpr uint8_t kMaxBits = 0x77;
  static constexpr uint8_t kInfinityBits = 0x78;
};
struct FormatE5M2 {
  static constexpr int kExponentBits = 5;
  static constexpr int kMantissaBits = 2;
  static constexpr uint8_t kMaxBits = 0x7B;
  static constexpr uint8_t kInfinityBits = 0x7C;
};
struct FormatE2M1 {
  static constexpr int kExponentBits = 2;
  static constexpr int kMantissaBits = 1;
  static constexpr uint8_t kMaxBits = 0x7;
  static constexpr uint8_t kInfinityBits = 0;
};

// A sign, an exponent and a mantissa, in the lowest bits of a byte.
template <class Format>
struct Minifloat {
  static constexpr int kMantissaBits = Format::kMantissaBits;
  static constexpr int kBias = (1 << (Format::kExponentBits - 1)) - 1;
  static constexpr uint8_t kSignMask =
      1u << (Format::kExponentBits + kMantissaBits);
  static constexpr uint8_t kMagnitudeMask = kSignMask - 1;
  static constexpr uint8_t kMaxBits = Format::kMaxBits;
  static constexpr uint8_t kInfinityBits = Format::kInfinityBits;
  // What a NaN becomes.
  static constexpr uint8_t kNaNBits = kMagnitudeMask;
  // The exponent of the largest number, and the number.
  static constexpr int kMaxExponent = (kMaxBits >> kMantissaBits) - kBias;
  static constexpr float kMax = std::bit_cast<float>(
      (uint32_t{kMaxBits} << (23 - kMantissaBits)) + ((127u - kBias) << 23));
  // The smallest positive number, and the smallest with a full mantissa.
  static constexpr float kSmallest =
      std::bit_cast<float>((128u - kBias - kMantissaBits) << 23);
  static constexpr float kSmallestNormal =
      std::bit_cast<float>((128u - kBias) << 23);

  uint8_t bits;

  Minifloat() = default;
  // Saturates.
  constexpr explicit Minifloat(float value) : bits(Saturate(value)) {}
  // Only the lowest bits that the format has are taken.
  static constexpr Minifloat FromBits(uint8_t bits) {
    Minifloat result(0.0f);
    result.bits = bits & (kSignMask | kMagnitudeMask);
    return result;
  }
  // Rounds without saturation: what would round to a number beyond the largest
  // becomes infinity, or NaN in a format without infinity.
  static constexpr Minifloat Overflowing(float value) {
    static_assert(kMaxBits < kMagnitudeMask, "needs an infinity or a NaN");
    const uint32_t magnitude = Magnitude(value);
    if (magnitude > kF32Infinity) return FromBits(kNaNBits);
    const uint32_t code = Round(magnitude);
    if (code <= kMaxBits) return FromBits(Sign(value) | code);
    if (kInfinityBits == 0) return FromBits(kNaNBits);
    return FromBits(Sign(value) | kInfinityBits);
  }

  constexpr explicit operator float() const {
    const uint32_t magnitude = bits & kMagnitudeMask;
    uint32_t result = (magnitude << kShift) + ((127u - kBias) << 23);
    if (magnitude < 1u << kMantissaBits) {  // zero or subnormal
      const float product = static_cast<float>(magnitude) * kSmallest;
      result = std::bit_cast<uint32_t>(product);
    } else if (magnitude > kMaxBits) {
      result |= magnitude == kInfinityBits ? kF32Infinity : kF32QuietNaN;
    }
    return std::bit_cast<float>(result |
                                ((bits & kSignMask) != 0 ? 0x80000000u : 0u));
  }

 private:
  static constexpr int kShift = 23 - kMantissaBits;
  static constexpr uint32_t kF32Infinity = 0x7F800000u;
  static constexpr uint32_t kF32QuietNaN = 0x7FC00000u;

  static constexpr uint32_t Magnitude(float value) {
    return std::bit_cast<uint32_t>(value) & 0x7FFFFFFFu;
  }
  static constexpr uint8_t Sign(float value) {
    return std::bit_cast<uint32_t>(value) >> 31 != 0 ? kSignMask : 0;
  }
  static constexpr uint8_t Saturate(float value) {
    const uint32_t magnitude = Magnitude(value);
    if (magnitude > kF32Infinity) return kNaNBits;
    if (magnitude >= std::bit_cast<uint32_t>(kMax)) {
      return Sign(value) | kMaxBits;
    }
    return static_cast<uint8_t>(Sign(value) | Round(magnitude));
  }
  // The code that a number with the bits `magnitude` rounds to if the exponent
  // had no limit above.
  static constexpr uint32_t Round(uint32_t magnitude) {
    if (magnitude < std::bit_cast<uint32_t>(kSmallestNormal)) {
      // An ulp of `base` is the smallest number: the sum rounds to it.
      constexpr uint32_t base = (128u - kBias - kMantissaBits + 23u) << 23;
      const float sum =
          std::bit_cast<float>(magnitude) + std::bit_cast<float>(base);
      return std::bit_cast<uint32_t>(sum) - base;
    }
    const uint32_t to_even =
        (1u << (kShift - 1)) - 1 + ((magnitude >> kShift) & 1u);
    return ((magnitude + to_even) >> kShift) -
           ((127u - kBias) << kMantissaBits);
  }
};

}  // namespace dtype_internal

using Float8E4M3 = dtype_internal::Minifloat<dtype_internal::FormatE4M3>;
using Float8E4M3_240 =
    dtype_internal::Minifloat<dtype_internal::FormatE4M3_240>;
using Float8E5M2 = dtype_internal::Minifloat<dtype_internal::FormatE5M2>;
using Float4E2M1 = dtype_internal::Minifloat<dtype_internal::FormatE2M1>;

// The formats of 8 bits with sign and mantissa.
template <typename T>
concept Float8 = std::same_as<T, Float8E4M3> ||
    std::same_as<T, Float8E4M3_240> || std::same_as<T, Float8E5M2>;

// Two Float4E2M1 as they lie in memory.
struct Float4E2M1Pair {
  uint8_t bits;

  Float4E2M1Pair() = default;
  constexpr Float4E2M1Pair(Float4E2M1 first, Float4E2M1 second)
      : bits(static_cast<uint8_t>(first.bits | (second.bits << 4))) {}
  static constexpr Float4E2M1Pair FromBits(uint8_t bits) {
    return {Float4E2M1::FromBits(bits), Float4E2M1::FromBits(bits >> 4)};
  }
  constexpr Float4E2M1 first() const { return Float4E2M1::FromBits(bits); }
  constexpr Float4E2M1 second() const {
    return Float4E2M1::FromBits(bits >> 4);
  }
};

// Element i of packed ones.
constexpr Float4E2M1 GetPacked(const Float4E2M1Pair* pairs, int64_t i) {
  return i % 2 == 0 ? pairs[i / 2].first() : pairs[i / 2].second();
}
constexpr void SetPacked(Float4E2M1Pair* pairs, int64_t i, Float4E2M1 value) {
  Float4E2M1Pair& pair = pairs[i / 2];
  pair = i % 2 == 0 ? Float4E2M1Pair(value, pair.second())
                    : Float4E2M1Pair(pair.first(), value);
}

// 2^(bits - 127); 255 is NaN.
struct E8M0 {
  static constexpr uint8_t kNaNBits = 0xFF;

  uint8_t bits;

  E8M0() = default;
  // The exponent field of `value`: exact for the powers of two that there are,
  // otherwise the one below |value|, but 2^-127 if that is smaller. Infinity
  // and NaN give NaN.
  constexpr explicit E8M0(float value)
      : bits(static_cast<uint8_t>(std::bit_cast<uint32_t>(value) >> 23)) {}
  static constexpr E8M0 FromBits(uint8_t bits) {
    E8M0 result(0.0f);
    result.bits = bits;
    return result;
  }
  constexpr explicit operator float() const {
    // 2^-127 is a subnormal f32 with this bit, which also makes the NaN quiet.
    const uint32_t top = bits == 0 || bits == kNaNBits ? 0x00400000u : 0u;
    return std::bit_cast<float>((uint32_t{bits} << 23) | top);
  }
};

static_assert(sizeof(Float8E4M3) == 1 && sizeof(Float8E4M3_240) == 1 &&
              sizeof(Float8E5M2) == 1 && sizeof(Float4E2M1Pair) == 1 &&
              sizeof(E8M0) == 1);

namespace dtype_internal {
template <>
constexpr DType DTypeOf<Float8E4M3>() {
  return DType::kF8E4M3;
}
template <>
constexpr DType DTypeOf<Float8E4M3_240>() {
  return DType::kF8E4M3_240;
}
template <>
constexpr DType DTypeOf<Float8E5M2>() {
  return DType::kF8E5M2;
}
template <>
constexpr DType DTypeOf<E8M0>() {
  return DType::kE8M0;
}
template <>
constexpr DType DTypeOf<Float4E2M1Pair>() {
  return DType::kF4E2M1;
}
}  // namespace dtype_internal

// Calls `f` with a value-initialized T for the storage type T of `dtype`, which
// must satisfy IsFloat8(); other types are not called.
template <typename F>
void VisitFloat8(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF8E4M3:
      f(Float8E4M3{});
      break;
    case DType::kF8E4M3_240:
      f(Float8E4M3_240{});
      break;
    case DType::kF8E5M2:
      f(Float8E5M2{});
      break;
    default:
      break;
  }
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DTYPE_NARROW_H_
