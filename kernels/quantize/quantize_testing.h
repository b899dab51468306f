// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the oracles and tests of the quantization kernels share.

#ifndef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_TESTING_H_
#define TILEWORK_KERNELS_QUANTIZE_QUANTIZE_TESTING_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// All elements in row-major order; exact for floating-point types.
inline std::vector<float> ToFloats(const ConstTensor& tensor) {
  std::vector<float> result;
  ForEachIndex(tensor.shape(), [&](const Dims& index) {
    result.push_back(static_cast<float>(Read(tensor, index)));
  });
  return result;
}

// The code of an element of a one-byte type or of f4e2m1.
inline uint8_t Code(const ConstTensor& tensor, const Dims& index) {
  int64_t at = 0;
  for (int i = 0; i < index.size(); ++i) at += index[i] * tensor.stride(i);
  if (tensor.dtype() == DType::kF4E2M1) {
    return GetPacked(tensor.data<Float4E2M1Pair>(), at).bits;
  }
  return static_cast<const uint8_t*>(tensor.data())[at];
}

// All codes in row-major order.
inline std::vector<uint8_t> Codes(const ConstTensor& tensor) {
  std::vector<uint8_t> result;
  ForEachIndex(tensor.shape(), [&](const Dims& index) {
    result.push_back(Code(tensor, index));
  });
  return result;
}

// What an output should be, exactly.
inline ExpectedTensor ExpectedValues(std::string_view name,
                                     const ConstTensor& actual,
                                     const std::vector<double>& values) {
  return {name, actual, values, std::vector<double>(values.size())};
}

// The same, by codes; those of f4e2m1 as numbers.
inline ExpectedTensor ExpectedCodes(std::string_view name,
                                    const ConstTensor& actual,
                                    const std::vector<uint8_t>& codes) {
  const bool packed = actual.dtype() == DType::kF4E2M1;
  std::vector<double> values;
  for (const uint8_t code : codes) {
    values.push_back(packed ? static_cast<double>(static_cast<float>(
                                  Float4E2M1::FromBits(code)))
                            : code);
  }
  if (packed || !actual.present()) return ExpectedValues(name, actual, values);
  return ExpectedValues(
      name,
      ConstTensor(actual.data(), DType::kU8, actual.shape(), actual.strides()),
      values);
}

// Sets the code of an element.
inline void SetCode(const Tensor& tensor, const Dims& index, uint8_t code) {
  int64_t at = 0;
  for (int i = 0; i < index.size(); ++i) at += index[i] * tensor.stride(i);
  if (tensor.dtype() == DType::kF4E2M1) {
    SetPacked(tensor.data<Float4E2M1Pair>(), at, Float4E2M1::FromBits(code));
    return;
  }
  static_cast<uint8_t*>(tensor.data())[at] = code;
}

// The code of a value in an 8-bit format.
inline uint8_t Encode8(float value, DType dtype) {
  uint8_t code = 0;
  VisitFloat8(dtype, [&](auto type) { code = decltype(type)(value).bits; });
  return code;
}
inline float Decode8(uint8_t code, DType dtype) {
  float value = 0;
  VisitFloat8(dtype, [&](auto type) {
    value = static_cast<float>(decltype(type)::FromBits(code));
  });
  return value;
}

// The unit of element i (row-major) of a tensor [..., M, H].
inline size_t UnitOf(size_t i, const Dims& shape,
                     QuantizationGranularity granularity, int64_t group_size) {
  const auto h = static_cast<size_t>(shape[shape.size() - 1]);
  const auto m = shape.size() < 2
                     ? size_t{1}
                     : static_cast<size_t>(shape[shape.size() - 2]);
  const auto g = static_cast<size_t>(group_size);
  const size_t row = i / h;
  const size_t groups = (h + g - 1) / g;
  switch (granularity) {
    case QuantizationGranularity::kRow:
      return row;
    case QuantizationGranularity::kGroup:
      return row * groups + i % h / g;
    case QuantizationGranularity::kBlock2d:
      return (row / m * ((m + g - 1) / g) + row % m / g) * groups + i % h / g;
    case QuantizationGranularity::kTensor:
      return 0;
  }
  return 0;
}

// The shape of the scales of a tensor; those of ROW with a last dimension of 1
// if `keep_dim`.
inline Dims ScaleShape(Dims shape, QuantizationGranularity granularity,
                       int64_t group_size, bool keep_dim) {
  const int last = shape.size() - 1;
  const auto groups = [&](int64_t size) {
    return (size + group_size - 1) / group_size;
  };
  switch (granularity) {
    case QuantizationGranularity::kRow: {
      shape[last] = 1;
      if (keep_dim) return shape;
      Dims rows;
      for (int i = 0; i < last; ++i) rows.push_back(shape[i]);
      return rows;
    }
    case QuantizationGranularity::kGroup:
      shape[last] = groups(shape[last]);
      return shape;
    case QuantizationGranularity::kBlock2d:
      shape[last] = groups(shape[last]);
      shape[last - 1] = groups(shape[last - 1]);
      return shape;
    case QuantizationGranularity::kTensor:
      return {1};
  }
  return {};
}

// Numbers of all magnitudes between 2^low and 2^high, some of them zeros.
inline void FillMagnitudes(Random& random, const Tensor& tensor, double low,
                           double high) {
  ForEachIndex(tensor.shape(), [&](const Dims& index) {
    const double magnitude = std::exp2(random.Uniform(low, high));
    const int64_t kind = random.Integer(0, 16);
    Write(tensor, index,
          kind == 0 ? 0.0 : (kind % 2 == 0 ? magnitude : -magnitude));
  });
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_QUANTIZE_TESTING_H_
