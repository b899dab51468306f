// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Conversions between f32 and the formats of 8 and 4 bits, bit for bit those of
// common/dtype/narrow.h: to nearest, ties to even, saturating; a NaN becomes
// the code 7F (7 in f4e2m1).
//
// The type is an argument: a switch that all threads take alike costs less than
// kernels compiled for each type, if it is around a whole vector.

#ifndef TILEWORK_COMMON_DEVICE_FP8_H_
#define TILEWORK_COMMON_DEVICE_FP8_H_

#include <bit>
#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"

namespace tilework {

// cvt.rn.satfinite.e4m3x2.f32: the codes of two f32, that of `low` in the lower
// byte. A NaN gives some code of a NaN; the emulator's is not the one that
// narrow.h gives. (PTX: Data Movement and Conversion Instructions, cvt)
__device__ inline uint16_t CvtRnSatfiniteE4m3x2F32(float high, float low) {
#if defined(TILEWORK_EMULATED)
  const auto code = [](float value) -> uint32_t {
    return value != value ? 0xFFu : Float8E4M3(value).bits;
  };
  return static_cast<uint16_t>(code(high) << 8 | code(low));
#else
  uint16_t codes;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;"
      : "=h"(codes)
      : "f"(high), "f"(low));
  return codes;
#endif
}

// cvt.rn.satfinite.e5m2x2.f32: the same.
__device__ inline uint16_t CvtRnSatfiniteE5m2x2F32(float high, float low) {
#if defined(TILEWORK_EMULATED)
  const auto code = [](float value) -> uint32_t {
    return value != value ? 0xFFu : Float8E5M2(value).bits;
  };
  return static_cast<uint16_t>(code(high) << 8 | code(low));
#else
  uint16_t codes;
  asm("cvt.rn.satfinite.e5m2x2.f32 %0, %1, %2;"
      : "=h"(codes)
      : "f"(high), "f"(low));
  return codes;
#endif
}

// The codes of four f32, the first in the lowest byte.
template <Float8 F>
__device__ inline uint32_t EncodeFour(float a, float b, float c, float d) {
  constexpr uint32_t kEach = 0x01010101u;
  constexpr uint32_t kSigns = 0x80u * kEach;
  constexpr bool kE5M2 = F::kMantissaBits == 2;
  const uint32_t low =
      kE5M2 ? CvtRnSatfiniteE5m2x2F32(b, a) : CvtRnSatfiniteE4m3x2F32(b, a);
  const uint32_t high =
      kE5M2 ? CvtRnSatfiniteE5m2x2F32(d, c) : CvtRnSatfiniteE4m3x2F32(d, c);
  const uint32_t codes = high << 16 | low;
  // Four bytes at a time. Only a NaN gives a code above the largest number's:
  // adding carries it to the place of the sign.
  const uint32_t magnitudes = codes & ~kSigns;
  constexpr uint32_t kAboveMax =
      0x80u - (kE5M2 ? Float8E5M2::kMaxBits : Float8E4M3::kMaxBits) - 1u;
  const uint32_t is_nan = (magnitudes + kAboveMax * kEach) & kSigns;
  uint32_t result = codes;
  if constexpr (F::kMaxBits < Float8E4M3::kMaxBits) {
    // Of f8e4m3_240, the numbers up to its largest are those of f8e4m3.
    constexpr uint32_t kLargest = F::kMaxBits * kEach;
    const uint32_t is_above =
        (magnitudes + (0x80u - F::kMaxBits - 1u) * kEach) & kSigns;
    const uint32_t bits = is_above - (is_above >> 7);
    result = (codes & ~bits) | (kLargest & bits);
  }
  const uint32_t nan_bits = is_nan - (is_nan >> 7);
  return (result | nan_bits) & ~is_nan;
}

// The codes of kCount f32, four to a word. `format` satisfies IsFloat8().
template <int kCount>
__device__ inline void EncodeF8(DType format, const float (&x)[kCount],
                                uint32_t (&codes)[kCount / 4]) {
  static_assert(kCount % 4 == 0, "words are whole");
  const auto encode = [&](auto type) {
    TILEWORK_UNROLL
    for (int i = 0; i < kCount / 4; ++i) {
      codes[i] = EncodeFour<decltype(type)>(x[4 * i], x[4 * i + 1],
                                            x[4 * i + 2], x[4 * i + 3]);
    }
  };
  if (format == DType::kF8E4M3) {
    encode(Float8E4M3{});
  } else if (format == DType::kF8E4M3_240) {
    encode(Float8E4M3_240{});
  } else {
    encode(Float8E5M2{});
  }
}

// The code of one.
__device__ inline uint8_t EncodeF8(DType format, float x) {
  const float values[4] = {x, 0.0f, 0.0f, 0.0f};
  uint32_t codes[1];
  EncodeF8(format, values, codes);
  return static_cast<uint8_t>(codes[0]);
}

// The code of one in f4e2m1, which has no instruction before sm_100.
__device__ inline uint32_t EncodeF4(float x) {
  using F = Float4E2M1;
  constexpr uint32_t kSmallestNormal = std::bit_cast<uint32_t>(1.0f);
  // Adding it leaves multiples of 0.5.
  constexpr float kMagic = 0x1p22f;
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  // As integers, a NaN is larger than all.
  const uint32_t a = min(magnitude, std::bit_cast<uint32_t>(F::kMax));
  const uint32_t normal = ((a + 0x1FFFFFu + (a >> 22 & 1u)) >> 22) -
                          ((127u - F::kBias) << F::kMantissaBits);
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(a) + kMagic) -
      std::bit_cast<uint32_t>(kMagic);
  const uint32_t sign = magnitude > 0x7F800000u ? 0 : bits >> 28 & F::kSignMask;
  return sign | (a < kSmallestNormal ? subnormal : normal);
}

// The codes of eight, the first in the lowest bits.
__device__ inline uint32_t EncodeEightF4(const float (&x)[8]) {
  uint32_t codes = 0;
  TILEWORK_UNROLL
  for (int i = 0; i < 8; ++i) codes |= EncodeF4(x[i]) << (4 * i);
  return codes;
}

// The number of a code, in the lowest bits of `code`; F is Float4E2M1 or a
// Float8. Of a NaN, with the bits that narrow.h gives it.
template <class F>
__device__ inline float DecodeMinifloat(uint32_t code) {
  constexpr int kShift = 23 - F::kMantissaBits;
  const uint32_t magnitude = (code & F::kMagnitudeMask) << kShift;
  const uint32_t sign = (code & F::kSignMask) != 0 ? 0x80000000u : 0;
  // As bits of an f32 it is too small by a power of two, subnormals too.
  constexpr float kScale = std::bit_cast<float>((254u - F::kBias) << 23);
  uint32_t result =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) * kScale);
  if constexpr (F::kMaxBits < F::kMagnitudeMask) {
    if (magnitude > uint32_t{F::kMaxBits} << kShift) {
      const bool infinite = magnitude == uint32_t{F::kInfinityBits} << kShift;
      result |= infinite ? 0x7F800000u : 0x7FC00000u;
    }
  }
  return std::bit_cast<float>(result | sign);
}

// The numbers of kCount codes, four to a word. `format` satisfies IsFloat8().
template <int kCount>
__device__ inline void DecodeF8(DType format,
                                const uint32_t (&codes)[kCount / 4],
                                float (&x)[kCount]) {
  static_assert(kCount % 4 == 0, "words are whole");
  const auto decode = [&](auto type) {
    TILEWORK_UNROLL
    for (int i = 0; i < kCount; ++i) {
      x[i] = DecodeMinifloat<decltype(type)>(codes[i / 4] >> (i % 4 * 8));
    }
  };
  if (format == DType::kF8E4M3) {
    decode(Float8E4M3{});
  } else if (format == DType::kF8E4M3_240) {
    decode(Float8E4M3_240{});
  } else {
    decode(Float8E5M2{});
  }
}

// The number of one.
__device__ inline float DecodeF8(DType format, uint8_t code) {
  const uint32_t codes[1] = {code};
  float values[4];
  DecodeF8(format, codes, values);
  return values[0];
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_FP8_H_
