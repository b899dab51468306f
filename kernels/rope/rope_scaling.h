// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The frequencies and the factor of rope_tables' schemes, in f64.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_SCALING_H_
#define TILEWORK_KERNELS_ROPE_ROPE_SCALING_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <numbers>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_tables.h"

namespace tilework {

// What the frequency of a pair follows from: plain numbers, for host and
// device.
struct PairScaling {
  RopeType type;
  double rotary_dim;
  double base;    // as the type changes it
  double factor;  // F
  double original_length;
  double low_freq_factor;
  double high_freq_factor;
  // kYarn: the pairs between which the ramp rises.
  double ramp_begin = 0;
  double ramp_end = 0;

  // The power of `base` that pair i begins with.
  constexpr double Exponent(int64_t i) const {
    return -2.0 * static_cast<double>(i) / rotary_dim;
  }

  // The frequency of pair i, where `f` is its power of the base, and `divisor`
  // its factor of kLongrope.
  constexpr double Scaled(double f, int64_t i, double divisor) const {
    switch (type) {
      case RopeType::kDefault:
      case RopeType::kNtk:
      case RopeType::kDynamicNtk:
        return f;
      case RopeType::kLinear:
        return f / factor;
      case RopeType::kLlama3:
        return Llama3(f);
      case RopeType::kYarn: {
        const double ramp = std::clamp(
            (static_cast<double>(i) - ramp_begin) / (ramp_end - ramp_begin),
            0.0, 1.0);
        return f / factor * ramp + f * (1 - ramp);
      }
      case RopeType::kLongrope:
        return f / divisor;
    }
    return f;
  }

 private:
  constexpr double Llama3(double f) const {
    const double wavelength = 2 * std::numbers::pi / f;
    const double m0 = original_length;
    const double low = low_freq_factor;
    const double high = high_freq_factor;
    if (wavelength < m0 / high) return f;
    if (wavelength > m0 / low) return f / factor;
    const double g = (m0 / wavelength - low) / (high - low);
    return (1 - g) * f / factor + g * f;
  }
};

// The scheme of arguments that have passed Validate, and that must outlive it.
class RopeScaling {
 public:
  explicit RopeScaling(const RopeTablesArgs& args);

  const PairScaling& pairs() const { return pairs_; }
  // The divisors of kLongrope, for the length at hand; absent otherwise.
  ConstTensor Divisors() const;

  // Of pair i, 0..h - 1; of arguments in host memory.
  double InverseFrequency(int64_t i) const;
  // By which all cosines and sines are multiplied.
  double AttentionFactor() const;

 private:
  const RopeTablesArgs& args_;
  PairScaling pairs_;
};

// To f32 with the last bit set if anything is lost: a further rounding, to a
// narrower type, then gives what one rounding of `value` would.
constexpr float RoundToOdd(double value) {
  const auto magnitude = [](double x) { return x < 0 ? -x : x; };
  const float nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value) return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  if (magnitude(static_cast<double>(nearest)) > magnitude(value)) --bits;
  return std::bit_cast<float>(bits | 1u);
}

// Which of the three positions of a row pair i turns by.
constexpr int MropeAxis(const int64_t (&section)[3], bool interleaved,
                        int64_t i) {
  if (interleaved) {
    const int axis = static_cast<int>(i % 3);
    return i < 3 * section[axis] ? axis : 0;
  }
  if (i < section[0]) return 0;
  return i < section[0] + section[1] ? 1 : 2;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_SCALING_H_
