// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_EXPERIMENTAL_QUANTIZE_MXFP8_QUANTIZE_MXFP8_ORACLE_H_
#define TILEWORK_EXPERIMENTAL_QUANTIZE_MXFP8_QUANTIZE_MXFP8_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// Codes and scales of rows, row after row.
struct MxReference {
  std::vector<uint8_t> codes;
  std::vector<uint8_t> scales;
};

// A format of MX elements.
struct MxFormat {
  int max_exponent;
  int mantissa_bits;
  double max;
};
inline MxFormat MxFormatOf(DType dtype) {
  if (dtype == DType::kF8E4M3) return {8, 3, 448};
  if (dtype == DType::kF8E5M2) return {15, 2, 57344};
  return {2, 1, 6};
}

// log2 of the largest power of two <= value, and of the smallest >= value.
inline int FloorLog2(double value) { return std::ilogb(value); }
inline int CeilLog2(double value) {
  const int floor = std::ilogb(value);
  return std::ldexp(1.0, floor) < value ? floor + 1 : floor;
}

// The scale's code of a block whose largest magnitude, finite, is `amax`.
inline uint8_t MxScaleOracle(double amax, DType dtype, MxScaleMode mode) {
  const MxFormat format = MxFormatOf(dtype);
  if (amax == 0) return 0;
  int exponent = 0;
  switch (mode) {
    case MxScaleMode::kFloor:
      exponent = FloorLog2(amax) - format.max_exponent;
      break;
    case MxScaleMode::kCeil:
      exponent = CeilLog2(amax) - format.max_exponent;
      break;
    case MxScaleMode::kEven: {
      const double ulp =
          std::ldexp(1.0, FloorLog2(amax) - format.mantissa_bits);
      const double rounded = std::floor(amax / ulp + 0.5) * ulp;
      exponent = FloorLog2(rounded) - format.max_exponent;
      break;
    }
    case MxScaleMode::kRceil: {
      const float reciprocal = 1 / static_cast<float>(format.max);
      const float quotient = static_cast<float>(amax) * reciprocal;
      if (quotient == 0) return 0;
      exponent = CeilLog2(static_cast<double>(quotient));
      break;
    }
  }
  return static_cast<uint8_t>(std::clamp(exponent + 127, 0, 254));
}

inline uint8_t MxCode(double value, DType dtype) {
  const auto f32 = static_cast<float>(value);
  if (dtype == DType::kF8E4M3) return Float8E4M3(f32).bits;
  if (dtype == DType::kF8E5M2) return Float8E5M2(f32).bits;
  return Float4E2M1(f32).bits;
}

// Blocks along the rows of `size` elements of `x`.
inline MxReference MxRowsOracle(const std::vector<double>& x, size_t size,
                                DType dtype, MxScaleMode mode) {
  MxReference result;
  for (size_t row = 0; row < x.size(); row += size) {
    for (size_t begin = row; begin < row + size; begin += 32) {
      const size_t end = std::min(begin + 32, row + size);
      double amax = 0;
      bool finite = true;
      for (size_t i = begin; i < end; ++i) {
        finite &= std::isfinite(x[i]);
        amax = std::max(amax, std::abs(x[i]));
      }
      const uint8_t scale = finite ? MxScaleOracle(amax, dtype, mode) : 255;
      result.scales.push_back(scale);
      for (size_t i = begin; i < end; ++i) {
        const double quotient = std::ldexp(x[i], 127 - scale);
        result.codes.push_back(finite ? MxCode(quotient, dtype) : uint8_t{0});
      }
    }
  }
  return result;
}

// What data and scales should hold, exactly, as rows along the axis: those of
// axis -2 transposed.
inline MxReference QuantizeMxfp8Oracle(const QuantizeMxfp8Args& args) {
  const ConstTensor x =
      args.axis == -1 ? args.src_tensor : args.src_tensor.Transpose();
  return MxRowsOracle(ToDoubles(x), static_cast<size_t>(x.dim(-1)),
                      args.data.dtype(), args.scale_mode);
}
// The same of data_t and scales_t.
inline MxReference QuantizeMxfp8TransposedOracle(
    const QuantizeMxfp8Args& args) {
  const ConstTensor x = args.src_tensor.Transpose();
  return MxRowsOracle(ToDoubles(x), static_cast<size_t>(x.dim(-1)),
                      args.data.dtype(), args.scale_mode);
}

inline std::vector<ExpectedTensor> QuantizeMxfp8Expected(
    const QuantizeMxfp8Args& args) {
  const bool along_k = args.axis == -1;
  const MxReference reference = QuantizeMxfp8Oracle(args);
  std::vector<ExpectedTensor> expected = {
      ExpectedCodes("data", along_k ? args.data : args.data.Transpose(),
                    reference.codes),
      ExpectedCodes("scales", along_k ? args.scales : args.scales.Transpose(),
                    reference.scales)};
  if (args.data_t.present()) {
    const MxReference transposed = QuantizeMxfp8TransposedOracle(args);
    expected.push_back(ExpectedCodes("data_t", args.data_t, transposed.codes));
    expected.push_back(
        ExpectedCodes("scales_t", args.scales_t, transposed.scales));
  }
  return expected;
}

}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_QUANTIZE_MXFP8_QUANTIZE_MXFP8_ORACLE_H_
