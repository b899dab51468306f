// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_ORACLE_H_
#define TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_ORACLE_H_

#include <vector>

#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"
#include "tilework/kernels/quantize/quantize_testing.h"

namespace tilework {

// Exact.
inline std::vector<float> PreCombineDequantScalesOracle(
    const PreCombineDequantScalesArgs& args) {
  std::vector<float> combined;
  for (const float input : ToFloats(args.input_dequant_scale)) {
    for (const float weight : ToFloats(args.weight_dequant_scale)) {
      combined.push_back(weight * input);
    }
  }
  return combined;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_ORACLE_H_
