// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_FP8_DEQUANTIZE_ORACLE_H_
#define TILEWORK_KERNELS_QUANTIZE_FP8_DEQUANTIZE_ORACLE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/fp8_dequantize.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// Exact: rounded to the type of y.
inline std::vector<double> Fp8DequantizeOracle(const Fp8DequantizeArgs& args) {
  const std::vector<uint8_t> codes = Codes(args.quantized);
  const DType type = args.quantized.dtype();
  const auto h = static_cast<size_t>(args.y.dim(-1));
  std::vector<float> scales;
  if (!args.packed) scales = ToFloats(args.dequant_scale);
  std::vector<double> y;
  const auto size = static_cast<size_t>(args.y.NumElements());
  for (size_t i = 0; i < size; ++i) {
    uint8_t code = 0;
    float scale = 0;
    if (args.packed) {
      const size_t row = i / h * (h + 4);
      code = codes[row + i % h];
      // This machine is little-endian, as are all that the tests run on.
      std::memcpy(&scale, &codes[row + h], 4);
    } else {
      code = codes[i];
      scale =
          scales[UnitOf(i, args.y.shape(), args.granularity, args.group_size)];
    }
    const float product = Decode8(code, type) * scale;
    y.push_back(RoundToDType(static_cast<double>(product), args.y.dtype()));
  }
  return y;
}

inline std::vector<ExpectedTensor> Fp8DequantizeExpected(
    const Fp8DequantizeArgs& args) {
  return {ExpectedValues("y", args.y, Fp8DequantizeOracle(args))};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_FP8_DEQUANTIZE_ORACLE_H_
