// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Reproducible random test data: the same numbers on every platform.

#ifndef TILEWORK_TESTING_RANDOM_H_
#define TILEWORK_TESTING_RANDOM_H_

#include <cmath>
#include <cstdint>
#include <numbers>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// SplitMix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Bits() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  // In [low, high).
  double Uniform(double low, double high) {
    return low + (high - low) * static_cast<double>(Bits() >> 11) * 0x1p-53;
  }
  // In [low, high].
  int64_t Integer(int64_t low, int64_t high) {
    return low +
           static_cast<int64_t>(Bits() % static_cast<uint64_t>(high - low + 1));
  }
  // Mean 0, variance 1.
  double Normal() {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform(0, 1)));
    return radius * std::cos(2.0 * std::numbers::pi * Uniform(0, 1));
  }

 private:
  uint64_t state_;
};

// Fills a floating-point tensor of any strides with scale * N(0, 1) + mean,
// rounded to its type.
void FillNormal(Random& random, const Tensor& tensor, double scale = 1.0,
                double mean = 0.0);

// Fills a floating-point tensor with U(low, high).
void FillUniform(Random& random, const Tensor& tensor, double low, double high);

// Fills a contiguous tensor by repeating its first `size` elements, of packed
// types whole bytes: large tensors need not be random.
void RepeatElements(const Tensor& tensor, int64_t size);

// A floating-point tensor of N(0, 1) for benchmarks: some thousands of numbers,
// repeated.
Buffer TypicalNumbers(DType dtype, const Dims& shape);

}  // namespace tilework

#endif  // TILEWORK_TESTING_RANDOM_H_
