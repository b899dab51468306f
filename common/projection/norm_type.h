// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_PROJECTION_NORM_TYPE_H_
#define TILEWORK_COMMON_PROJECTION_NORM_TYPE_H_

#include <cstdint>

namespace tilework {

// Values as in the documentation.
enum class NormType : uint8_t {
  kNoNorm = 0,
  kRmsNorm = 1,
  kLayerNorm = 2,
  kRmsNormSkipGamma = 3,  // gamma is already part of the weight
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_NORM_TYPE_H_
