// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Functions on numbers that CUDA declares everywhere. Those that round are
// exact; approximations err as much as the hardware may, by a number of units
// in the last place that depends on the argument.

#ifndef TILEWORK_TESTING_EMULATOR_DEVICE_MATH_H_
#define TILEWORK_TESTING_EMULATOR_DEVICE_MATH_H_

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tilework/testing/emulator/rng.h"

namespace tilework::emulator {

// `exact`, a function of `x`, off by up to `ulps`.
inline float Approximate(float exact, float x, uint32_t ulps) {
  if (!std::isnormal(exact)) return exact;
  const auto bits = std::bit_cast<int32_t>(exact);
  const uint64_t choice = Mix(std::bit_cast<uint32_t>(x)) % (2 * ulps + 1);
  const int32_t off = static_cast<int32_t>(choice) - static_cast<int32_t>(ulps);
  const auto result = std::bit_cast<float>(bits + off);
  return std::isnormal(result) ? result : exact;
}

// cvt: saturates; 0 for a NaN.
template <typename To, typename From>
To ConvertToInteger(From rounded) {
  using Limits = std::numeric_limits<To>;
  if (rounded != rounded) return 0;
  if (rounded <= static_cast<From>(Limits::min())) return Limits::min();
  // The largest rounds up to a power of two.
  if (rounded >= static_cast<From>(Limits::max())) return Limits::max();
  return static_cast<To>(rounded);
}

}  // namespace tilework::emulator

// The compiler contracts nothing in device code: an operator rounds once.
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fsqrt_rn(float a) { return std::sqrt(a); }
inline float __frsqrt_rn(float a) {
  return static_cast<float>(1.0 / std::sqrt(static_cast<double>(a)));
}
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __fma_rn(double a, double b, double c) {
  return std::fma(a, b, c);
}

inline float rsqrtf(float a) {
  return tilework::emulator::Approximate(__frsqrt_rn(a), a, 2);
}
inline float __expf(float a) {
  return tilework::emulator::Approximate(
      std::exp(a), a, 2 + static_cast<uint32_t>(std::min(std::fabs(a), 89.0f)));
}
inline float __logf(float a) {
  return tilework::emulator::Approximate(std::log(a), a, 3);
}
inline float __log2f(float a) {
  return tilework::emulator::Approximate(std::log2(a), a, 2);
}
inline float __fdividef(float a, float b) {
  return tilework::emulator::Approximate(a / b, a, 2);
}
inline float __saturatef(float a) {
  return a > 0.0f ? std::min(a, 1.0f) : 0.0f;
}

inline unsigned __float_as_uint(float a) { return std::bit_cast<unsigned>(a); }
inline int __float_as_int(float a) { return std::bit_cast<int>(a); }
inline float __uint_as_float(unsigned a) { return std::bit_cast<float>(a); }
inline float __int_as_float(int a) { return std::bit_cast<float>(a); }
inline long long __double_as_longlong(double a) {
  return std::bit_cast<long long>(a);
}
inline double __longlong_as_double(long long a) {
  return std::bit_cast<double>(a);
}

inline int __float2int_rn(float a) {
  return tilework::emulator::ConvertToInteger<int>(std::nearbyint(a));
}
inline int __float2int_rz(float a) {
  return tilework::emulator::ConvertToInteger<int>(std::trunc(a));
}
inline int __float2int_rd(float a) {
  return tilework::emulator::ConvertToInteger<int>(std::floor(a));
}
inline int __float2int_ru(float a) {
  return tilework::emulator::ConvertToInteger<int>(std::ceil(a));
}
inline unsigned __float2uint_rn(float a) {
  return tilework::emulator::ConvertToInteger<unsigned>(std::nearbyint(a));
}
inline unsigned __float2uint_rz(float a) {
  return tilework::emulator::ConvertToInteger<unsigned>(std::trunc(a));
}
inline long long __float2ll_rn(float a) {
  return tilework::emulator::ConvertToInteger<long long>(std::nearbyint(a));
}
inline float __int2float_rn(int a) { return static_cast<float>(a); }
inline float __uint2float_rn(unsigned a) { return static_cast<float>(a); }
inline float __ll2float_rn(long long a) { return static_cast<float>(a); }

inline int __popc(unsigned a) { return std::popcount(a); }
inline int __popcll(unsigned long long a) { return std::popcount(a); }
inline int __clz(int a) { return std::countl_zero(static_cast<unsigned>(a)); }
inline int __clzll(long long a) {
  return std::countl_zero(static_cast<unsigned long long>(a));
}
inline int __ffs(int a) {
  return a == 0 ? 0 : std::countr_zero(static_cast<unsigned>(a)) + 1;
}
inline int __ffsll(long long a) {
  return a == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(a)) + 1;
}
inline unsigned __brev(unsigned a) {
  unsigned reversed = 0;
  for (int i = 0; i < 32; ++i) reversed |= (a >> i & 1) << (31 - i);
  return reversed;
}
// Bytes of b:a, chosen by the low three bits of each digit of `selector`; the
// fourth bit asks for the sign of that byte instead.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const uint64_t bytes = uint64_t{b} << 32 | a;
  unsigned result = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned digit = selector >> (4 * i) & 0xF;
    const auto byte = static_cast<uint8_t>(bytes >> (8 * (digit & 7)));
    const unsigned chosen = (digit & 8) == 0 ? byte : (byte >> 7) * 0xFFu;
    result |= chosen << (8 * i);
  }
  return result;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  const uint64_t both = uint64_t{high} << 32 | low;
  return static_cast<unsigned>(both << (shift & 31) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  const uint64_t both = uint64_t{high} << 32 | low;
  return static_cast<unsigned>(both >> (shift & 31));
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(uint64_t{a} * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a,
                                     unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>(Wide{a} * b >> 64);
}

#define TILEWORK_EMULATOR_MIN_MAX(T)                  \
  constexpr T min(T a, T b) { return b < a ? b : a; } \
  constexpr T max(T a, T b) { return a < b ? b : a; }
TILEWORK_EMULATOR_MIN_MAX(int)
TILEWORK_EMULATOR_MIN_MAX(unsigned)
TILEWORK_EMULATOR_MIN_MAX(long)
TILEWORK_EMULATOR_MIN_MAX(unsigned long)
TILEWORK_EMULATOR_MIN_MAX(long long)
TILEWORK_EMULATOR_MIN_MAX(unsigned long long)
#undef TILEWORK_EMULATOR_MIN_MAX
// Of a number and a NaN, the number.
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }

#endif  // TILEWORK_TESTING_EMULATOR_DEVICE_MATH_H_
