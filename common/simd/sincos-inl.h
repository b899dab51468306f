// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Cosines and sines of f32 angles of any size. Include after hwy/highway.h
// inside a foreach_target file.

#if defined(TILEWORK_COMMON_SIMD_SINCOS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_SINCOS_INL_H_
#undef TILEWORK_COMMON_SIMD_SINCOS_INL_H_
#else
#define TILEWORK_COMMON_SIMD_SINCOS_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace sincos_internal {

// Below this the reduction is exact enough: the multiple of pi / 2 has 27 bits.
inline constexpr double kLargestReduced = 2e8;

// cos and sin of |x| <= kLargestReduced, both with a relative error below
// 2^-32. Products and sums are rounded one by one, so that every target gives
// the same bits.
template <class DD, class VD = hn::Vec<DD>>
HWY_INLINE void CosSinReduced(DD dd, VD x, VD& cos, VD& sin) {
  const hn::RebindToUnsigned<DD> du64;
  // x = k pi/2 + r. Adding 1.5 * 2^52 rounds k to a whole number, whose two's
  // complement is then in the low bits of the sum.
  const VD shift = hn::Set(dd, 0x1.8p52);
  const VD shifted =
      hn::Add(hn::Mul(x, hn::Set(dd, 0x1.45f306dc9c883p-1)), shift);
  const VD k = hn::Sub(shifted, shift);
  // pi / 2 in parts of 26 bits, whose products with k are exact, as are the
  // first two differences.
  VD r = hn::Sub(x, hn::Mul(k, hn::Set(dd, 0x1.921fb5p0)));
  r = hn::Sub(r, hn::Mul(k, hn::Set(dd, 0x1.110b46p-26)));
  r = hn::Sub(r, hn::Mul(k, hn::Set(dd, 0x1.1a62633145c07p-54)));
  const VD r2 = hn::Mul(r, r);
  const auto step = [&](VD p, double c) HWY_ATTR {
    return hn::Add(hn::Mul(p, r2), hn::Set(dd, c));
  };
  // The Taylor series for |r| <= pi / 4.
  VD p = hn::Set(dd, -1.0 / 39916800);
  p = step(p, 1.0 / 362880);
  p = step(p, -1.0 / 5040);
  p = step(p, 1.0 / 120);
  p = step(p, -1.0 / 6);
  const VD sin_r = hn::Add(r, hn::Mul(r, hn::Mul(r2, p)));
  p = hn::Set(dd, -1.0 / 3628800);
  p = step(p, 1.0 / 40320);
  p = step(p, -1.0 / 720);
  p = step(p, 1.0 / 24);
  p = step(p, -0.5);
  const VD cos_r = step(p, 1.0);
  // k odd: exchanged. sin is negative in quadrants 2 and 3, cos in 1 and 2.
  const auto quadrant = hn::BitCast(du64, shifted);
  const auto one = hn::Set(du64, uint64_t{1});
  const auto odd = hn::RebindMask(dd, hn::Eq(hn::And(quadrant, one), one));
  const auto sign = [&](auto q) HWY_ATTR {
    return hn::BitCast(dd, hn::ShiftLeft<62>(hn::And(q, hn::Add(one, one))));
  };
  sin = hn::Xor(hn::IfThenElse(odd, cos_r, sin_r), sign(quadrant));
  cos =
      hn::Xor(hn::IfThenElse(odd, sin_r, cos_r), sign(hn::Add(quadrant, one)));
}

// `count` <= Lanes(dd) of the angles.
template <class DD>
HWY_INLINE void CosSinVector(DD dd, const float* angles, size_t count,
                             float* cos, float* sin) {
  const hn::Rebind<float, DD> df;
  const auto narrow = hn::LoadN(df, angles, count);
  const auto x = hn::PromoteTo(dd, narrow);
  auto c = hn::Zero(dd);
  auto s = hn::Zero(dd);
  CosSinReduced(dd, x, c, s);
  hn::StoreN(hn::DemoteTo(df, c), df, cos, count);
  hn::StoreN(hn::DemoteTo(df, s), df, sin, count);
  const auto largest = hn::Set(dd, kLargestReduced);
  if (HWY_LIKELY(hn::AllTrue(dd, hn::Le(hn::Abs(x), largest)))) return;
  // `angles` may have been overwritten.
  HWY_ALIGN double saved[hn::MaxLanes(dd)];
  hn::Store(x, dd, saved);
  for (size_t i = 0; i < count; ++i) {
    if (std::abs(saved[i]) <= kLargestReduced) continue;
    cos[i] = static_cast<float>(std::cos(saved[i]));
    sin[i] = static_cast<float>(std::sin(saved[i]));
  }
}

}  // namespace sincos_internal

// cos[i] and sin[i] of angles[i], which may be either of them. Max error: 0.51
// ulp; NaN for infinities and NaN. The same bits on every target.
HWY_INLINE void CosSinRow(const float* angles, int64_t size, float* cos,
                          float* sin) {
  const hn::ScalableTag<double> dd;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(dd));
  for (int64_t i = 0; i < size; i += lanes) {
    const size_t count = static_cast<size_t>(std::min(lanes, size - i));
    sincos_internal::CosSinVector(dd, angles + i, count, cos + i, sin + i);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_SINCOS_INL_H_
