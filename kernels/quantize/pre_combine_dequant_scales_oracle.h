// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_ORACLE_H_
#define TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_ORACLE_H_

#include <vector>

#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// Exact.
inline std::vector<double> PreCombineDequantScalesOracle(
    const PreCombineDequantScalesArgs& args) {
  std::vector<double> combined;
  for (const float input : ToFloats(args.input_dequant_scale)) {
    for (const float weight : ToFloats(args.weight_dequant_scale)) {
      const float product = weight * input;
      combined.push_back(static_cast<double>(product));
    }
  }
  return combined;
}

inline std::vector<ExpectedTensor> PreCombineDequantScalesExpected(
    const PreCombineDequantScalesArgs& args) {
  return {ExpectedValues("combined", args.combined,
                         PreCombineDequantScalesOracle(args))};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_ORACLE_H_
