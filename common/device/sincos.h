// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Cosines and sines of angles of any size, without the memory that a thread
// would need for those of CUDA's library.

#ifndef TILEWORK_COMMON_DEVICE_SINCOS_H_
#define TILEWORK_COMMON_DEVICE_SINCOS_H_

#include <bit>
#include <cstdint>

#include "tilework/common/device/cuda.h"

namespace tilework {

struct CosSinValues {
  double cos;
  double sin;
};

namespace sincos_internal {

// An angle of quarter * pi / 2 + rest, |rest| <= pi / 4.
struct ReducedAngle {
  uint32_t quarter;
  double rest;
};

// |x| <= 2e8: the multiple of pi / 2 has 27 bits. As on the host, operation by
// operation (common/simd/sincos-inl.h).
__device__ inline ReducedAngle ReduceSmall(double x) {
  // Adding it leaves whole numbers, whose two's complement is in the low bits.
  constexpr double kShift = 0x1.8p52;
  const double shifted = x * 0x1.45f306dc9c883p-1 + kShift;
  const double k = shifted - kShift;
  // Parts of 26 bits, whose products with k are exact, as are the first two
  // differences.
  double rest = x - k * 0x1.921fb5p0;
  rest = rest - k * 0x1.110b46p-26;
  rest = rest - k * 0x1.1a62633145c07p-54;
  return {static_cast<uint32_t>(std::bit_cast<uint64_t>(shifted)), rest};
}

// Bits [64 i, 64 i + 64) of 2 / pi after the point, i < 7; those before it are
// 0. A switch, because an array would lie in the thread's own memory.
__device__ inline uint64_t TwoOverPiWord(int i) {
  switch (i) {
    case 0:
      return 0xA2F9836E4E441529u;
    case 1:
      return 0xFC2757D1F534DDC0u;
    case 2:
      return 0xDB6295993C439041u;
    case 3:
      return 0xFE5163ABDEBBC561u;
    case 4:
      return 0xB7246E3A424DD2E0u;
    case 5:
      return 0x06492EEA09D1921Cu;
    case 6:
      return 0xFE1DEB1CB129A73Eu;
    default:
      return 0;
  }
}

// Bits [begin, begin + 64), -64 < begin < 384, of which bit 0 counts 1/2.
__device__ inline uint64_t TwoOverPi(int begin) {
  const int first = begin < 0 ? -1 : begin / 64;
  const int shift = begin - 64 * first;
  const uint64_t word = TwoOverPiWord(first);
  if (shift == 0) return word;
  return word << shift | TwoOverPiWord(first + 1) >> (64 - shift);
}

// The upper half of a product.
__device__ inline uint64_t HighProduct(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>(static_cast<unsigned __int128>(a) * b >> 64);
}

// 2e8 < |x| < 2^256: x * 2 / pi modulo 4 with 190 bits after the point, from
// the bits of 2 / pi that matter (after Payne and Hanek).
__device__ inline ReducedAngle ReduceLarge(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const uint64_t m = (bits & 0xFFFFFFFFFFFFFu) | uint64_t{1} << 52;
  // |x| = m * 2^exponent. Of the window of 2 / pi that m is multiplied by, the
  // first bit counts 2 and those before it count multiples of 4.
  const int exponent = static_cast<int>(bits >> 52 & 0x7FFu) - 1075;
  const int begin = exponent - 2;
  const uint64_t w0 = TwoOverPi(begin);
  const uint64_t w1 = TwoOverPi(begin + 64);
  const uint64_t w2 = TwoOverPi(begin + 128);
  // The low 192 bits of the product.
  const uint64_t p2 = m * w2;
  const uint64_t carried = HighProduct(m, w2);
  const uint64_t p1 = m * w1 + carried;
  const uint64_t p0 =
      m * w0 + HighProduct(m, w1) + static_cast<uint64_t>(p1 < carried);
  // To the nearest quarter; the rest is signed.
  uint32_t quarter = static_cast<uint32_t>(p0 >> 62);
  uint64_t high = p0 << 2 | p1 >> 62;
  uint64_t low = p1 << 2 | p2 >> 62;
  const bool negative = high >> 63 != 0;
  if (negative) {
    ++quarter;
    low = ~low;
    high = ~high;
  }
  // To 64 bits, the first of them set.
  const int zeros = std::countl_zero(high);
  const uint64_t top = zeros == 0    ? high
                       : zeros == 64 ? low
                                     : high << zeros | low >> (64 - zeros);
  const double scale =
      std::bit_cast<double>(static_cast<uint64_t>(1023 - 64 - zeros) << 52);
  double rest = static_cast<double>(top) * scale * 0x1.921fb54442d18p0;
  if (negative) rest = -rest;
  if (bits >> 63 == 0) return {quarter, rest};
  return {0u - quarter, -rest};
}

}  // namespace sincos_internal

// Both with a relative error below 2^-32; NaN for infinities, NaN and |x| >=
// 2^256. For |x| <= 2e8 the bits that the host's CosSinRow() rounds.
__device__ inline CosSinValues CosSin(double x) {
  const double magnitude = x < 0 ? -x : x;
  sincos_internal::ReducedAngle angle;
  if (magnitude <= 2e8) {
    angle = sincos_internal::ReduceSmall(x);
  } else if (magnitude < 0x1p256) {
    angle = sincos_internal::ReduceLarge(x);
  } else {
    const double nan = std::bit_cast<double>(uint64_t{0x7FF8} << 48);
    return {nan, nan};
  }
  const double r = angle.rest;
  const double r2 = r * r;
  // The Taylor series.
  double p = -1.0 / 39916800;
  p = p * r2 + 1.0 / 362880;
  p = p * r2 + -1.0 / 5040;
  p = p * r2 + 1.0 / 120;
  p = p * r2 + -1.0 / 6;
  const double sin_r = r + r * (r2 * p);
  p = -1.0 / 3628800;
  p = p * r2 + 1.0 / 40320;
  p = p * r2 + -1.0 / 720;
  p = p * r2 + 1.0 / 24;
  p = p * r2 + -0.5;
  const double cos_r = p * r2 + 1.0;
  const bool odd = (angle.quarter & 1u) != 0;
  const double cos = odd ? sin_r : cos_r;
  const double sin = odd ? cos_r : sin_r;
  // cos is negative in quarters 1 and 2, sin in 2 and 3.
  return {((angle.quarter + 1) & 2u) != 0 ? -cos : cos,
          (angle.quarter & 2u) != 0 ? -sin : sin};
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_SINCOS_H_
