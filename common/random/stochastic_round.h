// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rounding to a format of 8 bits by chance, so that the mean is exact.

#ifndef TILEWORK_COMMON_RANDOM_STOCHASTIC_ROUND_H_
#define TILEWORK_COMMON_RANDOM_STOCHASTIC_ROUND_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "tilework/common/dtype/narrow.h"

namespace tilework {

// x rounded away from zero if `word`, of 32 random bits, is below 2^32 times
// the distance to the number of F toward zero, as a share of the gap between
// F's numbers there; else toward zero. Numbers of F stay. Saturates, infinities
// too; NaN stays.
template <Float8 F>
F StochasticRound(float x, uint32_t word) {
  if (std::isnan(x)) return F(x);
  const double magnitude =
      std::min(std::abs(static_cast<double>(x)), static_cast<double>(F::kMax));
  const int least = std::ilogb(F::kSmallestNormal);
  const int exponent =
      magnitude == 0 ? least : std::max(std::ilogb(magnitude), least);
  const double gap = std::ldexp(1.0, exponent - F::kMantissaBits);
  const double below = std::floor(magnitude / gap) * gap;
  const auto chance = static_cast<uint64_t>((magnitude - below) / gap * 0x1p32);
  const double rounded = word < chance ? below + gap : below;
  return F(static_cast<float>(std::copysign(rounded, x)));
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_RANDOM_STOCHASTIC_ROUND_H_
