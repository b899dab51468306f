// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Scales of many MX blocks at once. Bit for bit those of common/dtype/mx.h, on
// every target. Include after hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_SIMD_MX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_MX_INL_H_
#undef TILEWORK_COMMON_SIMD_MX_INL_H_
#else
#define TILEWORK_COMMON_SIMD_MX_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The codes (E8M0) of the scales of blocks with the largest magnitudes `amax`.
template <MxElement F, class DF, class VF = hn::Vec<DF>>
HWY_INLINE hn::Vec<hn::RebindToSigned<DF>> MxScaleCodes(DF df, VF amax,
                                                        MxScaleMode mode) {
  const hn::RebindToSigned<DF> di32;
  const auto one = hn::Set(di32, 1);
  const auto bits = hn::BitCast(di32, amax);
  const auto exponent = hn::ShiftRight<23>(bits);
  const auto is_power = [&](auto v) HWY_ATTR {
    return hn::Eq(hn::And(v, hn::Set(di32, 0x7FFFFF)), hn::Zero(di32));
  };
  const auto max_exponent = hn::Set(di32, F::kMaxExponent);
  auto scale = hn::Sub(exponent, max_exponent);
  switch (mode) {
    case MxScaleMode::kFloor:
      break;
    case MxScaleMode::kCeil:
      scale = hn::Add(scale, hn::IfThenZeroElse(is_power(bits), one));
      break;
    case MxScaleMode::kEven: {
      const auto half = hn::Set(di32, 1 << (22 - F::kMantissaBits));
      scale = hn::Sub(hn::ShiftRight<23>(hn::Add(bits, half)), max_exponent);
      break;
    }
    case MxScaleMode::kRceil: {
      const auto quotient =
          hn::BitCast(di32, hn::Mul(amax, hn::Set(df, 1.0f / F::kMax)));
      const auto floor = hn::ShiftRight<23>(quotient);
      const auto normal =
          hn::Add(floor, hn::IfThenZeroElse(is_power(quotient), one));
      const auto subnormal =
          hn::IfThenElseZero(hn::Gt(quotient, hn::Set(di32, 0x400000)), one);
      scale = hn::IfThenElse(hn::Gt(floor, hn::Zero(di32)), normal, subnormal);
      break;
    }
  }
  return hn::IfThenElse(hn::Gt(bits, hn::Set(di32, 0x7F7FFFFF)),
                        hn::Set(di32, E8M0::kNaNBits),
                        hn::Max(scale, hn::Zero(di32)));
}

// 1 / scale, exactly, for codes of numbers.
template <class DF, class VI32>
HWY_INLINE hn::Vec<DF> MxReciprocals(DF df, VI32 scales) {
  const hn::RebindToSigned<DF> di32;
  // 2^-127 is a subnormal f32 with this bit.
  const auto top = hn::IfThenElseZero(hn::Eq(scales, hn::Set(di32, 254)),
                                      hn::Set(di32, 0x00400000));
  const auto exponent = hn::Sub(hn::Set(di32, 254), scales);
  return hn::BitCast(df, hn::Or(hn::ShiftLeft<23>(exponent), top));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_MX_INL_H_
