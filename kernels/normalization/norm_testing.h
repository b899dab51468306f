// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the oracles and tests of the normalizations share.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_TESTING_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_TESTING_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// input + residual, rounded as a sum in f32 and then to the type of residual;
// input if there is no residual.
inline std::vector<double> HiddenOracle(const ConstTensor& input,
                                        const ConstTensor& residual) {
  std::vector<double> h = ToDoubles(input);
  if (!residual.present()) return h;
  const std::vector<double> added = ToDoubles(residual);
  for (size_t i = 0; i < h.size(); ++i) {
    const double sum = RoundToDType(h[i] + added[i], DType::kF32);
    h[i] = RoundToDType(sum, residual.dtype());
  }
  return h;
}

// All elements, or `size` times `absent`.
inline std::vector<double> DoublesOr(const ConstTensor& tensor, int64_t size,
                                     double absent) {
  if (tensor.present()) return ToDoubles(tensor);
  return std::vector<double>(static_cast<size_t>(size), absent);
}

// relative * |exact| and half the smallest subnormal of `dtype`.
inline std::vector<double> RelativeBound(const std::vector<double>& exact,
                                         double relative, DType dtype) {
  std::vector<double> bound;
  for (const double value : exact) {
    bound.push_back(relative * std::abs(value) + SmallestSubnormal(dtype) / 2);
  }
  return bound;
}

// The bound of sums that are rounded to the type of `sum`: relative to their
// magnitudes, and the rounding.
inline std::vector<double> SumBound(const std::vector<double>& exact,
                                    const std::vector<double>& magnitude,
                                    double relative, const ConstTensor& sum) {
  std::vector<double> bound =
      RelativeBound(exact, UnitRoundoff(sum.dtype()), sum.dtype());
  for (size_t i = 0; i < bound.size(); ++i) bound[i] += relative * magnitude[i];
  return bound;
}

inline Dims WithoutLast(const Dims& shape) {
  Dims leading;
  for (int i = 0; i + 1 < shape.size(); ++i) leading.push_back(shape[i]);
  return leading;
}

// [H], or [1, H] for layouts that are not the plain one.
inline Dims VectorShape(const Dims& shape, Layout layout) {
  const int64_t size = shape[shape.size() - 1];
  return layout == Layout::kContiguous ? Dims({size}) : Dims({1, size});
}

// Numbers between 0.5 and 2 for benchmarks: zeros are not typical.
inline Buffer OrdinaryNumbers(DType dtype, const Dims& shape) {
  Buffer result(dtype, shape);
  const int64_t size = shape.Product();
  VisitFloat(dtype, [&](auto type) {
    using T = decltype(type);
    T* data = result.data<T>();
    for (int64_t i = 0; i < size; ++i) {
      data[i] = T(0.5f + static_cast<float>(i * 37 % 256) / 171.0f);
    }
  });
  return result;
}

// The type of a tensor that a test makes and may leave out (kNone).
inline DType TypeOrF32(DType dtype) {
  return dtype == DType::kNone ? DType::kF32 : dtype;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_TESTING_H_
