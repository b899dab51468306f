// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Oracles of kernels that normalize and quantize: normalized rows with the
// error that an implementation in f32 may have, and what that means for codes
// and scales.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_ORACLE_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// Numbers with a bound of the error of each.
struct Approximate {
  std::vector<double> value;
  std::vector<double> error;
};

// Values rounded to `dtype`: those in between may go either way.
inline void RoundApproximate(DType dtype, Approximate& x) {
  for (size_t i = 0; i < x.value.size(); ++i) {
    x.value[i] = RoundToDType(x.value[i], dtype);
    x.error[i] += 2 * UnitRoundoff(dtype) * std::abs(x.value[i]) +
                  SmallestSubnormal(dtype);
  }
}

// RMS(h) * gamma of rows of `size` elements; an empty gamma stands for 1.
inline Approximate RmsOracle(const Approximate& h, size_t size, double divisor,
                             double eps, const std::vector<double>& gamma) {
  Approximate result;
  for (size_t begin = 0; begin < h.value.size(); begin += size) {
    double squares = 0;
    double squares_error = 0;
    for (size_t i = begin; i < begin + size; ++i) {
      squares += h.value[i] * h.value[i];
      squares_error += (2 * std::abs(h.value[i]) + h.error[i]) * h.error[i];
    }
    const double mean = squares / divisor + eps;
    const double r = 1 / std::sqrt(mean);
    const double r_error =
        4e-6 + (mean > 0 ? squares_error / divisor / mean : 0);
    for (size_t i = begin; i < begin + size; ++i) {
      const double weight = gamma.empty() ? 1 : gamma[i - begin];
      const double n = h.value[i] * r * weight;
      result.value.push_back(n);
      result.error.push_back(r_error * std::abs(n) +
                             h.error[i] * r * std::abs(weight));
    }
  }
  return result;
}

// h + residual, rounded to the type of `residual`.
inline void AddResidualOracle(const ConstTensor& residual, Approximate& h) {
  const std::vector<double> added = ToDoubles(residual);
  const bool exact = std::all_of(h.error.begin(), h.error.end(),
                                 [](double error) { return error == 0; });
  for (size_t i = 0; i < added.size(); ++i) {
    h.value[i] = RoundToDType(h.value[i] + added[i], DType::kF32);
  }
  if (exact) {
    for (double& value : h.value) value = RoundToDType(value, residual.dtype());
  } else {
    RoundApproximate(residual.dtype(), h);
  }
}

inline double LargestNumber(DType dtype) {
  switch (dtype) {
    case DType::kF8E4M3:
      return 448;
    case DType::kF8E4M3_240:
      return 240;
    case DType::kF8E5M2:
      return 57344;
    default:
      return 6;  // f4e2m1
  }
}

// Codes of units of `unit` elements of each row, with the scale of each unit:
// the largest magnitude over the type's largest number, but at least 1e-6, or
// `fixed_scale` if that is not 0.
struct QuantizedOracle {
  Approximate codes;   // before rounding; the errors include that
  Approximate scales;  // of units
};
inline QuantizedOracle QuantizeOracle(const Approximate& n, size_t size,
                                      size_t unit, double clip,
                                      double fixed_scale, DType dtype) {
  QuantizedOracle result;
  const double largest = LargestNumber(dtype);
  for (size_t row = 0; row < n.value.size(); row += size) {
    for (size_t begin = row; begin < row + size; begin += unit) {
      const size_t end = std::min(begin + unit, row + size);
      double amax = 0;
      double amax_error = 0;
      for (size_t i = begin; i < end; ++i) {
        amax = std::max(amax, std::min(std::abs(n.value[i]), clip));
        amax_error = std::max(amax_error, n.error[i]);
      }
      const double scale =
          fixed_scale != 0 ? fixed_scale : std::max(amax / largest, 1e-6);
      const double scale_error =
          fixed_scale != 0 ? 0 : amax_error / largest + 0x1p-22 * scale;
      result.scales.value.push_back(scale);
      result.scales.error.push_back(scale_error);
      for (size_t i = begin; i < end; ++i) {
        const double c = std::clamp(n.value[i], -clip, clip);
        const double exact = std::clamp(c / scale, -largest, largest);
        const double error =
            (n.error[i] + std::abs(c) * scale_error / scale) / scale +
            0x1p-21 * std::abs(exact);
        result.codes.value.push_back(exact);
        result.codes.error.push_back(
            error + UnitRoundoff(dtype) * (std::abs(exact) + error) +
            SmallestSubnormal(dtype) / 2);
      }
    }
  }
  return result;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_ORACLE_H_
