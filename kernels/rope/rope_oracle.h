// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_ROPE_ROPE_ORACLE_H_
#define TILEWORK_KERNELS_ROPE_ROPE_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct RopeReference {
  std::vector<double> x_out;      // not rounded
  std::vector<double> magnitude;  // sqrt(a^2 + b^2) max(|c|, |s|); 0: copied
};

inline RopeReference RopeOracle(const RopeArgs& args) {
  const ConstTensor& x = args.x_in;
  const int64_t d = x.dim(3);
  const int64_t r = args.rotary_dim.value_or(d);
  const int64_t h = r / 2;
  const int64_t o = args.rotary_offset;
  const bool per_member = args.cos.dim(-1) == r;
  RopeReference result;
  result.x_out = ToDoubles(x);
  result.magnitude.assign(result.x_out.size(), 0);
  size_t head = 0;  // first element of the head in x_out
  ForEachIndex({x.dim(0), x.dim(1), x.dim(2)}, [&](const Dims& at) {
    const auto table = [&](const ConstTensor& t, int64_t column) {
      if (t.rank() == 2) return Read(t, {at[1], column});
      return Read(t, {t.dim(0) == 1 ? 0 : at[0], at[1], column});
    };
    for (int64_t i = 0; i < h; ++i) {
      const int64_t a_at = args.contiguous_layout ? i : 2 * i;
      const int64_t b_at = args.contiguous_layout ? h + i : 2 * i + 1;
      const int64_t a_column = per_member ? a_at : i;
      const int64_t b_column = per_member ? b_at : i;
      const double cos_a = table(args.cos, a_column);
      const double cos_b = table(args.cos, b_column);
      const double sin_a = table(args.sin, a_column);
      const double sin_b = table(args.sin, b_column);
      const size_t a_index = head + static_cast<size_t>(o + a_at);
      const size_t b_index = head + static_cast<size_t>(o + b_at);
      const double a = result.x_out[a_index];
      const double b = result.x_out[b_index];
      if (args.inverse) {
        result.x_out[a_index] = a * cos_a + b * sin_b;
        result.x_out[b_index] = b * cos_b - a * sin_a;
      } else {
        result.x_out[a_index] = a * cos_a - b * sin_a;
        result.x_out[b_index] = b * cos_b + a * sin_b;
      }
      const double magnitude = std::sqrt(a * a + b * b) *
                               std::max({std::abs(cos_a), std::abs(cos_b),
                                         std::abs(sin_a), std::abs(sin_b)});
      result.magnitude[a_index] = magnitude;
      result.magnitude[b_index] = magnitude;
    }
    head += static_cast<size_t>(d);
  });
  return result;
}

// The error bound of each element; copied ones are exact.
inline std::vector<double> RopeBounds(const RopeReference& reference,
                                      DType dtype) {
  std::vector<double> bounds;
  for (size_t i = 0; i < reference.x_out.size(); ++i) {
    const double m = reference.magnitude[i];
    const double rounding = UnitRoundoff(dtype) * std::abs(reference.x_out[i]) +
                            SmallestSubnormal(dtype) / 2;
    bounds.push_back(m == 0 ? 0 : rounding + kRopeTolerance * m);
  }
  return bounds;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_ORACLE_H_
