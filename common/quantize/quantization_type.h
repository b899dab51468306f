// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_QUANTIZE_QUANTIZATION_TYPE_H_
#define TILEWORK_COMMON_QUANTIZE_QUANTIZATION_TYPE_H_

#include <cstdint>

namespace tilework {

// How activations and weights are quantized; each kernel says which of them it
// has.
enum class QuantizationType : uint8_t {
  kNone = 0,
  kStatic = 1,    // one given scale a tensor
  kRow = 2,       // a scale a row, from its largest magnitude
  kMx = 3,        // a power of two for each 32 elements
  kStaticMx = 4,  // as kStatic, for matrix products of MX blocks
  kRowMx = 5,     // as kRow, for these
  kBlock128 = 6,  // a scale for each 128 elements
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_QUANTIZE_QUANTIZATION_TYPE_H_
