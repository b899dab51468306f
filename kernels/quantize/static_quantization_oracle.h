// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_STATIC_QUANTIZATION_ORACLE_H_
#define TILEWORK_KERNELS_QUANTIZE_STATIC_QUANTIZATION_ORACLE_H_

#include <cstdint>
#include <vector>

#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/kernels/quantize/static_quantization.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// The codes, exactly.
inline std::vector<uint8_t> StaticQuantizationOracle(
    const StaticQuantizationArgs& args) {
  const float qs = args.quant_scale.present()
                       ? ToFloats(args.quant_scale)[0]
                       : 1.0f / ToFloats(args.input_dequant_scale)[0];
  std::vector<uint8_t> codes;
  for (const float x : ToFloats(args.hidden_state)) {
    const float product = x * qs;
    codes.push_back(Encode8(product, args.quantized.dtype()));
  }
  return codes;
}

inline std::vector<ExpectedTensor> StaticQuantizationExpected(
    const StaticQuantizationArgs& args) {
  return {ExpectedCodes("quantized", args.quantized,
                        StaticQuantizationOracle(args))};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_STATIC_QUANTIZATION_ORACLE_H_
