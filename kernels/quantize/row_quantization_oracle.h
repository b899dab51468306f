// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_ROW_QUANTIZATION_ORACLE_H_
#define TILEWORK_KERNELS_QUANTIZE_ROW_QUANTIZATION_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct RowQuantizationReference {
  std::vector<uint8_t> codes;
  std::vector<float> scales;
};

// The largest number of an 8-bit type.
inline float Max8(DType dtype) {
  if (dtype == DType::kF8E4M3) return 448;
  return dtype == DType::kF8E4M3_240 ? 240 : 57344;
}

// Exact.
inline RowQuantizationReference RowQuantizationOracle(
    const RowQuantizationArgs& args) {
  std::vector<float> c = ToFloats(args.hidden_state);
  if (c.empty()) return {};
  if (args.lower_bound > 1e-6f) {
    for (float& x : c) {
      if (x > args.lower_bound) x = args.lower_bound;
      if (x < -args.lower_bound) x = -args.lower_bound;
    }
  }
  const auto unit = [&](size_t i) {
    return UnitOf(i, args.hidden_state.shape(), args.granularity,
                  args.group_size);
  };
  std::vector<float> amax(unit(c.size() - 1) + 1, 0.0f);
  for (size_t i = 0; i < c.size(); ++i) {
    float& largest = amax[unit(i)];
    if (std::isnan(c[i]) || std::abs(c[i]) > largest) largest = std::abs(c[i]);
  }
  RowQuantizationReference result;
  for (const float largest : amax) {
    float ds = largest / Max8(args.quantized.dtype());
    if (ds < args.min_dequant_scale) ds = args.min_dequant_scale;
    if (args.pow2_scale && ds > 0 && std::isfinite(ds)) {
      // The smallest normal f32 is 2^-126.
      float power = 0x1p-126f;
      while (power < ds) power = power * 2;
      ds = power;
    }
    result.scales.push_back(ds);
  }
  for (size_t i = 0; i < c.size(); ++i) {
    const float qs = 1 / result.scales[unit(i)];
    const float product = c[i] * qs;
    result.codes.push_back(Encode8(product, args.quantized.dtype()));
  }
  return result;
}

inline std::vector<ExpectedTensor> RowQuantizationExpected(
    const RowQuantizationArgs& args) {
  const RowQuantizationReference reference = RowQuantizationOracle(args);
  std::vector<double> scales;
  std::vector<uint8_t> exponents;
  for (const float scale : reference.scales) {
    scales.push_back(static_cast<double>(scale));
    exponents.push_back(E8M0(scale).bits);
  }
  const ConstTensor& scale = args.dequant_scale;
  return {ExpectedCodes("quantized", args.quantized, reference.codes),
          scale.dtype() == DType::kE8M0
              ? ExpectedCodes("dequant_scale", scale, exponents)
              : ExpectedValues("dequant_scale", scale, scales)};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_ROW_QUANTIZATION_ORACLE_H_
