// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Elementary functions of f32 vectors, with the error bounds that
// simd_test.cc checks. Include after hwy/highway.h inside a foreach_target
// file.

#if defined(TILEWORK_COMMON_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_MATH_INL_H_
#undef TILEWORK_COMMON_SIMD_MATH_INL_H_
#else
#define TILEWORK_COMMON_SIMD_MATH_INL_H_
#endif

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// e^x. Max error: 2 ulp (1 ulp of the smallest normal number where the result
// is subnormal). e^-inf = 0, e^inf = inf, e^NaN = NaN; inf from 88.73 on.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Exp(DF df, VF x) {
  const hn::RebindToSigned<DF> di32;
  // Beyond these the result is 0 or inf all the same.
  const VF clamped =
      hn::Min(hn::Max(x, hn::Set(df, -105.0f)), hn::Set(df, 89.0f));
  // x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, n times the first of
  // which is exact.
  const VF n = hn::Round(hn::Mul(clamped, hn::Set(df, 1.44269504f)));
  VF r = hn::NegMulAdd(n, hn::Set(df, 0.693359375f), clamped);
  r = hn::NegMulAdd(n, hn::Set(df, -2.12194440e-4f), r);
  // The Taylor series: its remainder is below 0.1 ulp.
  VF p = hn::Set(df, 1.0f / 5040);
  p = hn::MulAdd(p, r, hn::Set(df, 1.0f / 720));
  p = hn::MulAdd(p, r, hn::Set(df, 1.0f / 120));
  p = hn::MulAdd(p, r, hn::Set(df, 1.0f / 24));
  p = hn::MulAdd(p, r, hn::Set(df, 1.0f / 6));
  p = hn::MulAdd(p, r, hn::Set(df, 0.5f));
  p = hn::MulAdd(hn::Mul(r, r), p, hn::Add(r, hn::Set(df, 1.0f)));
  // 2^n in two factors, since n may lie outside the range of exponents.
  const auto whole = hn::ConvertTo(di32, n);
  const auto half = hn::ShiftRight<1>(whole);
  const auto power = [&](auto e) HWY_ATTR {
    return hn::BitCast(df, hn::ShiftLeft<23>(hn::Add(e, hn::Set(di32, 127))));
  };
  const VF result =
      hn::Mul(hn::Mul(p, power(half)), power(hn::Sub(whole, half)));
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

// 1 / (1 + e^-x). Max error: 5 ulp, or 2^-126 where that is more (from -88.73
// down the result is 0).
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Sigmoid(DF df, VF x) {
  const VF one = hn::Set(df, 1.0f);
  return hn::Div(one, hn::Add(one, Exp(df, hn::Neg(x))));
}

// x / (1 + e^-x). Max error: 6 ulp, or 2^-121 where that is more (from -88.73
// down the result is -0). -inf gives NaN, as the formula does.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Silu(DF df, VF x) {
  const VF one = hn::Set(df, 1.0f);
  return hn::Div(x, hn::Add(one, Exp(df, hn::Neg(x))));
}

// x / (1 + e^(-factor x)). Max error: 2^-20 * max(|f|, 2^-5). -inf gives NaN.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF SigmoidGated(DF df, VF factor, VF x) {
  const VF one = hn::Set(df, 1.0f);
  return hn::Div(x, hn::Add(one, Exp(df, hn::Neg(hn::Mul(factor, x)))));
}

// Max error: 2^-20 * max(|f|, 2^-5).
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Tanh(DF df, VF x) {
  const VF one = hn::Set(df, 1.0f);
  const VF exp = Exp(df, hn::Add(x, x));
  const VF far = hn::Sub(one, hn::Div(hn::Set(df, 2.0f), hn::Add(exp, one)));
  // The Taylor series, where 1 - 2 / .. would cancel.
  const VF square = hn::Mul(x, x);
  VF p = hn::Set(df, 62.0f / 2835);
  p = hn::MulAdd(p, square, hn::Set(df, -17.0f / 315));
  p = hn::MulAdd(p, square, hn::Set(df, 2.0f / 15));
  p = hn::MulAdd(p, square, hn::Set(df, -1.0f / 3));
  const VF near = hn::MulAdd(hn::Mul(p, square), x, x);
  return hn::IfThenElse(hn::Lt(hn::Abs(x), hn::Set(df, 0.25f)), near, far);
}

// x / 2 * (1 + erf(x / sqrt 2)). Max error: 2^-20 * max(|f|, 2^-5). -inf gives
// NaN.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Gelu(DF df, VF x) {
  // erfc(z) = e^(-z^2) t P(t), t = 1 / (1 + 0.4 z), for z >= 0; P is fitted
  // with a relative error below 2^-22 up to z = 10.
  const VF z = hn::Mul(hn::Abs(x), hn::Set(df, 0.70710678f));
  const VF one = hn::Set(df, 1.0f);
  const VF t = hn::Div(one, hn::MulAdd(z, hn::Set(df, 0.4f), one));
  VF p = hn::Set(df, 0.0416128933f);
  p = hn::MulAdd(p, t, hn::Set(df, -0.142081827f));
  p = hn::MulAdd(p, t, hn::Set(df, 0.0876573473f));
  p = hn::MulAdd(p, t, hn::Set(df, 0.0837326273f));
  p = hn::MulAdd(p, t, hn::Set(df, 0.0827034116f));
  p = hn::MulAdd(p, t, hn::Set(df, 0.192127675f));
  p = hn::MulAdd(p, t, hn::Set(df, 0.202213958f));
  p = hn::MulAdd(p, t, hn::Set(df, 0.226397023f));
  p = hn::MulAdd(p, t, hn::Set(df, 0.225636959f));
  const VF half = hn::Mul(x, hn::Set(df, 0.5f));
  const VF erfc = hn::Mul(hn::Mul(p, t), Exp(df, hn::Neg(hn::Mul(half, x))));
  // x * erfc / 2 below 0, x - x * erfc / 2 above.
  const VF tail = hn::Mul(half, erfc);
  // Infinity times 0 would be NaN.
  const auto above = hn::Gt(x, hn::Set(df, 12.0f));
  const VF positive = hn::IfThenElse(above, x, hn::Sub(x, tail));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(df)), tail, positive);
}

// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))). Max error: 2^-20 *
// max(|f|, 2^-5). -inf gives NaN.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF GeluTanh(DF df, VF x) {
  // x * sigmoid(2 u), with 2 u = 2 sqrt(2 / pi) * (x + 0.044715 x^3).
  const VF square = hn::Mul(x, x);
  const VF factor = hn::MulAdd(square, hn::Set(df, 0.0713548162726f),
                               hn::Set(df, 1.59576912161f));
  return SigmoidGated(df, factor, x);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_MATH_INL_H_
