// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_QUANTIZE_MX_DEQUANTIZE_ORACLE_H_
#define TILEWORK_KERNELS_QUANTIZE_MX_DEQUANTIZE_ORACLE_H_

#include <cmath>
#include <cstdint>
#include <vector>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/mx_dequantize.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// Exact: rounded to the type of y.
inline std::vector<double> MxDequantizeOracle(const MxDequantizeArgs& args) {
  std::vector<double> y;
  const int along = args.data.rank() + args.axis;
  ForEachIndex(args.data.shape(), [&](const Dims& index) {
    Dims block = index;
    block[along] = index[along] / 32;
    const uint8_t scale = Code(args.scales, block);
    const double value = scale == 255
                             ? std::nan("")
                             : std::ldexp(Read(args.data, index), scale - 127);
    y.push_back(RoundToDType(value, args.y.dtype()));
  });
  return y;
}

inline std::vector<ExpectedTensor> MxDequantizeExpected(
    const MxDequantizeArgs& args) {
  return {ExpectedValues("y", args.y, MxDequantizeOracle(args))};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_MX_DEQUANTIZE_ORACLE_H_
