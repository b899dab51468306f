// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/projection/activation_testing.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "tilework/common/projection/activation.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/projection/activation_testing.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/projection/epilogue-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

void ActivateImpl(const Activation& activation, int64_t size, float* row) {
  BiasAndActivate(1, nullptr, activation, size, row);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(ActivateImpl);

void ActivateOnTarget(const Activation& activation, int64_t size, float* row) {
  HWY_DYNAMIC_DISPATCH(ActivateImpl)(activation, size, row);
}

double ActivationErrorRatio(const Activation& activation, float x,
                            double reference, float y) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (std::isnan(x)) return std::isnan(y) ? 0 : kInfinity;
  if (std::isnan(y)) return kInfinity;
  // Infinity times 0 has the limit 0.
  if (std::isinf(x) && std::isnan(reference)) reference = 0;
  // The number that would come after the largest one stands for infinity.
  reference = std::clamp(reference, -0x1p128, 0x1p128);
  const double actual = std::clamp<double>(y, -0x1p128, 0x1p128);
  const double error = std::abs(actual - reference);
  const bool exact = activation.type == ActFnType::kNone ||
                     activation.type == ActFnType::kReLU;
  if (exact || std::isinf(x)) return error == 0 ? 0 : kInfinity;
  return error / (0x1p-20 * std::max(std::abs(reference), 0x1p-5));
}

}  // namespace tilework
#endif  // HWY_ONCE
