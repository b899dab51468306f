// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_PROJECTION_ACTIVATION_TESTING_H_
#define TILEWORK_COMMON_PROJECTION_ACTIVATION_TESTING_H_

#include <cstdint>

#include "tilework/common/projection/activation.h"

namespace tilework {

inline constexpr ActFnType kAllActivations[] = {
    ActFnType::kNone,           ActFnType::kSiLU,    ActFnType::kGELU,
    ActFnType::kGELUTanhApprox, ActFnType::kSwish,   ActFnType::kReLU,
    ActFnType::kReLU2,          ActFnType::kSigmoid, ActFnType::kTanh};

// row[i] = activation(row[i]) on the best SIMD target, or the one under test.
void ActivateOnTarget(const Activation& activation, int64_t size, float* row);

// The error of y = activation(x) over the one that activation.h allows, with
// `reference` from ActivationOracle(); infinite if y should be another special
// value.
double ActivationErrorRatio(const Activation& activation, float x,
                            double reference, float y);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_ACTIVATION_TESTING_H_
