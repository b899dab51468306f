// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Which elements of a tensor share a scale.

#ifndef TILEWORK_KERNELS_QUANTIZE_GRANULARITY_H_
#define TILEWORK_KERNELS_QUANTIZE_GRANULARITY_H_

#include <cstdint>

namespace tilework {

// Of a tensor [..., M, H], with G the group size. Groups and blocks at the ends
// may be shorter.
enum class QuantizationGranularity : uint8_t {
  kRow = 0,      // a row of H elements; scales [..., M, 1] or [..., M]
  kGroup = 1,    // G consecutive elements of a row; [..., M, ceil(H/G)]
  kBlock2d = 2,  // G x G elements; [..., ceil(M/G), ceil(H/G)]
  kTensor = 3,   // all elements; one scale
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_GRANULARITY_H_
