// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// MX blocks (OCP Microscaling v1.0): up to 32 consecutive elements of type F
// (Float8E4M3, Float8E5M2 or Float4E2M1) that share a scale of type E8M0.
//
//   value = element * scale
//
// A block that has a NaN or an infinity gets the NaN scale and elements of code
// 0; its values are NaN.

#ifndef TILEWORK_COMMON_DTYPE_MX_H_
#define TILEWORK_COMMON_DTYPE_MX_H_

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tilework/common/dtype/narrow.h"

namespace tilework {

inline constexpr int64_t kMxBlockSize = 32;

template <typename F>
concept MxElement = std::same_as<F, Float8E4M3> ||
    std::same_as<F, Float8E5M2> || std::same_as<F, Float4E2M1>;

// How the scale follows from amax, the largest magnitude of the block. With
// 2^e the power of two of F's largest number, `max`:
enum class MxScaleMode : uint8_t {
  kFloor,  // amax / 2^e rounded down to a power of two; large elements saturate
  kCeil,   // the same rounded up
  kEven,   // amax rounded to F's mantissa (ties up) first, then kFloor
  kRceil,  // amax / max rounded up
};

namespace mx_internal {

// The exponent of the smallest power of two >= `value` >= 0, biased and >= 0.
constexpr int32_t CeilExponent(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const int32_t exponent = static_cast<int32_t>(bits >> 23);
  if (exponent > 0) return exponent + ((bits & 0x7FFFFFu) != 0 ? 1 : 0);
  return bits > 0x400000u ? 1 : 0;  // above 2^-127
}

}  // namespace mx_internal

// The scale of a block with the largest magnitude `amax`.
template <MxElement F>
constexpr E8M0 MxScale(float amax, MxScaleMode mode) {
  const uint32_t bits = std::bit_cast<uint32_t>(amax);
  if (bits >= 0x7F800000u) return E8M0::FromBits(E8M0::kNaNBits);
  const int32_t exponent = static_cast<int32_t>(bits >> 23);
  int32_t scale = 0;
  switch (mode) {
    case MxScaleMode::kFloor:
      scale = exponent - F::kMaxExponent;
      break;
    case MxScaleMode::kCeil:
      scale = exponent + ((bits & 0x7FFFFFu) != 0 ? 1 : 0) - F::kMaxExponent;
      break;
    case MxScaleMode::kEven: {
      const uint32_t half = 1u << (22 - F::kMantissaBits);
      scale = static_cast<int32_t>((bits + half) >> 23) - F::kMaxExponent;
      break;
    }
    case MxScaleMode::kRceil:
      scale = mx_internal::CeilExponent(amax * (1.0f / F::kMax));
      break;
  }
  // Never above 255 - kMaxExponent.
  return E8M0::FromBits(static_cast<uint8_t>(std::max(scale, 0)));
}

// 1 / scale, exactly; NaN for the NaN scale. The scale 2^127 gives a subnormal.
constexpr float MxReciprocal(E8M0 scale) {
  if (scale.bits == E8M0::kNaNBits) return static_cast<float>(scale);
  return static_cast<float>(E8M0::FromBits(254 - scale.bits));
}

template <MxElement F>
constexpr F MxEncode(float value, E8M0 scale) {
  if (scale.bits == E8M0::kNaNBits) return F::FromBits(0);
  return F(value * MxReciprocal(scale));
}

// Exact, except that it is infinity beyond the range of f32: rounding the
// result to a shorter type rounds once.
template <MxElement F>
constexpr float MxDecode(F element, E8M0 scale) {
  return static_cast<float>(element) * static_cast<float>(scale);
}

// The largest magnitude; infinity or NaN if the block has one.
constexpr float MxAmax(std::span<const float> block) {
  uint32_t amax = 0;
  for (const float value : block) {
    amax = std::max(amax, std::bit_cast<uint32_t>(value) & 0x7FFFFFFFu);
  }
  return std::bit_cast<float>(amax);
}

// Encodes a block to as many elements and returns their scale.
template <MxElement F>
constexpr E8M0 MxEncodeBlock(std::span<const float> block, MxScaleMode mode,
                             std::span<F> elements) {
  const E8M0 scale = MxScale<F>(MxAmax(block), mode);
  for (size_t i = 0; i < block.size(); ++i) {
    elements[i] = MxEncode<F>(block[i], scale);
  }
  return scale;
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DTYPE_MX_H_
