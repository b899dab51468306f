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

// e^-(x w). Max error: 2^-21 of the result, however long the product is, if it
// is within [-87, 87]; anything beyond. NaN may give a number.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF ExpOfMinusProduct(DF df, VF x, VF w) {
  const hn::RebindToSigned<DF> di32;
  // -x w = n ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, n times the first of
  // which is exact. The sum with 1.5 * 2^23 is rounded to an integer, which its
  // last bits are.
  const VF magic = hn::Set(df, 0x1.8p23f);
  const VF sum = hn::MulAdd(hn::Mul(x, w), hn::Set(df, -1.44269504f), magic);
  const VF n = hn::Sub(sum, magic);
  VF r = hn::NegMulSub(x, w, hn::Mul(n, hn::Set(df, 0.693359375f)));
  r = hn::NegMulAdd(n, hn::Set(df, -2.12194440e-4f), r);
  // Minimax for (e^r - 1) / r: off by less than 2^-23.
  VF p = hn::Set(df, 0.00829008687f);
  p = hn::MulAdd(p, r, hn::Set(df, 0.0418991633f));
  p = hn::MulAdd(p, r, hn::Set(df, 0.166676462f));
  p = hn::MulAdd(p, r, hn::Set(df, 0.499991417f));
  p = hn::MulAdd(p, r, hn::Set(df, 0.999999702f));
  p = hn::MulAdd(p, r, hn::Set(df, 1.0f));
  const auto exponent = hn::ShiftLeft<23>(hn::BitCast(di32, sum));
  return hn::BitCast(df, hn::Add(hn::BitCast(di32, p), exponent));
}

// x / (1 + e^-(factor x)), for a finite factor. Max error: 2^-20 * max(|f|,
// 2^-5). f(-inf) is 0 and f(inf) is inf if factor > 0.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF SigmoidGated(DF df, VF factor, VF x) {
  // Beyond it the exponential or the result is less than rounding.
  constexpr float kFar = 87.0f;
  const VF t = hn::Mul(factor, x);
  const VF exp = hn::IfThenZeroElse(hn::Gt(t, hn::Set(df, kFar)),
                                    ExpOfMinusProduct(df, factor, x));
  const VF result = hn::Div(x, hn::Add(exp, hn::Set(df, 1.0f)));
  return hn::IfThenZeroElse(hn::Lt(t, hn::Set(df, -kFar)), result);
}

// x / 2 * (1 + erf(x / sqrt 2)). Max error: 2^-20 * max(|f|, 2^-5). f(-inf) is
// 0.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Gelu(DF df, VF x) {
  // max(x, 0) - a P(a), where a = |x| and P is the probability that a normal
  // variate exceeds a: e^(-a^2 / 2) times a smooth function, minimax with the
  // weight that it has in the result. It is a polynomial of a - 1.25, since
  // one of a would cancel.
  const VF a = hn::Abs(x);
  const VF z = hn::Sub(a, hn::Set(df, 1.25f));
  VF p = hn::Set(df, -1.49789201e-07f);
  p = hn::MulAdd(p, z, hn::Set(df, 2.12178065e-06f));
  p = hn::MulAdd(p, z, hn::Set(df, -1.32419482e-05f));
  p = hn::MulAdd(p, z, hn::Set(df, 5.29589997e-05f));
  p = hn::MulAdd(p, z, hn::Set(df, -0.000178765666f));
  p = hn::MulAdd(p, z, hn::Set(df, 0.000599568943f));
  p = hn::MulAdd(p, z, hn::Set(df, -0.00197366974f));
  p = hn::MulAdd(p, z, hn::Set(df, 0.0061043608f));
  p = hn::MulAdd(p, z, hn::Set(df, -0.0175327379f));
  p = hn::MulAdd(p, z, hn::Set(df, 0.0463226773f));
  p = hn::MulAdd(p, z, hn::Set(df, -0.11049147f));
  p = hn::MulAdd(p, z, hn::Set(df, 0.230760321f));
  const VF half = hn::Mul(a, hn::Set(df, 0.5f));
  const VF exp = ExpOfMinusProduct(df, a, half);
  const VF tail = hn::IfThenZeroElse(hn::Gt(a, hn::Set(df, 6.0f)),
                                     hn::Mul(hn::Mul(a, exp), p));
  // Comparing so, NaN stays NaN.
  const VF positive = hn::IfThenZeroElse(hn::Lt(x, hn::Zero(df)), x);
  return hn::Sub(positive, tail);
}

// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))). Max error: 2^-20 *
// max(|f|, 2^-5). f(-inf) is 0.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF GeluTanh(DF df, VF x) {
  // (1 + tanh(u)) / 2 = sigma(2 u); the factor is 2 u / x.
  const VF factor = hn::MulAdd(hn::Mul(x, x), hn::Set(df, 0.0713548163f),
                               hn::Set(df, 1.59576912f));
  return SigmoidGated(df, factor, x);
}

// Max error: 2^-20 * max(|f|, 2^-5); |f| <= 1.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Tanh(DF df, VF x) {
  const VF one = hn::Set(df, 1.0f);
  // A minimax quotient, up to where it is 1 but for less than 2^-20.
  const VF s = hn::Mul(x, x);
  VF p = hn::Set(df, 1.18130129e-05f);
  p = hn::MulAdd(p, s, hn::Set(df, 0.00298578269f));
  p = hn::MulAdd(p, s, hn::Set(df, 0.129577413f));
  p = hn::MulAdd(p, s, hn::Set(df, 0.999999881f));
  VF q = hn::Set(df, 2.58420897e-07f);
  q = hn::MulAdd(q, s, hn::Set(df, 0.000243631192f));
  q = hn::MulAdd(q, s, hn::Set(df, 0.0239568967f));
  q = hn::MulAdd(q, s, hn::Set(df, 0.462909937f));
  q = hn::MulAdd(q, s, one);
  const VF near = hn::Div(hn::Mul(x, p), q);
  // Comparing so, NaN stays NaN.
  return hn::IfThenElse(hn::Gt(hn::Abs(x), hn::Set(df, 7.63f)),
                        hn::CopySign(one, x), near);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_MATH_INL_H_
