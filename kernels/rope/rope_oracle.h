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
  std::vector<bool> rotated;
};

namespace rope_oracle {

struct Pair {
  int64_t a, b;
};

// The members of pair i of h in a layout.
inline Pair PlacesOf(int64_t i, int64_t h, bool contiguous) {
  return contiguous ? Pair{i, h + i} : Pair{2 * i, 2 * i + 1};
}

struct PairAngles {
  double cos_a, cos_b, sin_a, sin_b;
};

// Of pair i of h for token s of batch b.
inline PairAngles AnglesOf(const RopeArgs& args, int64_t b, int64_t s,
                           int64_t i, int64_t h) {
  int64_t row = s;
  if (args.mode != RopeMode::kTable) {
    const ConstTensor& p = args.positions;
    row = static_cast<int64_t>(
        p.rank() == 1 ? Read(p, {s}) : Read(p, {p.dim(0) == 1 ? 0 : b, s}));
  }
  if (args.mode == RopeMode::kComputed) {
    const float angle =
        static_cast<float>(row) * static_cast<float>(Read(args.inv_freq, {i}));
    const double factor = static_cast<double>(args.attention_factor);
    const double cos = std::cos(static_cast<double>(angle)) * factor;
    const double sin = std::sin(static_cast<double>(angle)) * factor;
    return {cos, cos, sin, sin};
  }
  const auto table = [&](const ConstTensor& t, int64_t column) {
    if (t.rank() == 2) return Read(t, {row, column});
    return Read(t, {t.dim(0) == 1 ? 0 : b, row, column});
  };
  const Pair columns = args.cos.dim(-1) == h
                           ? Pair{i, i}
                           : PlacesOf(i, h, args.contiguous_layout);
  return {table(args.cos, columns.a), table(args.cos, columns.b),
          table(args.sin, columns.a), table(args.sin, columns.b)};
}

}  // namespace rope_oracle

inline RopeReference RopeOracle(const RopeArgs& args) {
  const ConstTensor& x = args.x_in;
  const int64_t d = x.dim(3);
  const int64_t h = args.rotary_dim.value_or(d) / 2;
  const bool contiguous_out =
      args.out_layout == RopeOutLayout::kSame
          ? args.contiguous_layout
          : args.out_layout == RopeOutLayout::kContiguous;
  const std::vector<double> in = ToDoubles(x);
  RopeReference result = {.x_out = in,
                          .magnitude = std::vector<double>(in.size()),
                          .rotated = std::vector<bool>(in.size())};
  int64_t head = 0;  // first element of the head in x_out
  ForEachIndex({x.dim(0), x.dim(1), x.dim(2)}, [&](const Dims& at) {
    const auto index = [&](int64_t place) {
      return static_cast<size_t>(head + args.rotary_offset + place);
    };
    for (int64_t i = 0; i < h; ++i) {
      const auto [a_in, b_in] =
          rope_oracle::PlacesOf(i, h, args.contiguous_layout);
      const auto [a_out, b_out] = rope_oracle::PlacesOf(i, h, contiguous_out);
      const auto [cos_a, cos_b, sin_a, sin_b] =
          rope_oracle::AnglesOf(args, at[0], at[1], i, h);
      const double a = in[index(a_in)];
      const double b = in[index(b_in)];
      if (args.inverse) {
        result.x_out[index(a_out)] = a * cos_a + b * sin_b;
        result.x_out[index(b_out)] = b * cos_b - a * sin_a;
      } else {
        result.x_out[index(a_out)] = a * cos_a - b * sin_a;
        result.x_out[index(b_out)] = b * cos_b + a * sin_b;
      }
      const double magnitude = std::sqrt(a * a + b * b) *
                               std::max({std::abs(cos_a), std::abs(cos_b),
                                         std::abs(sin_a), std::abs(sin_b)});
      for (const int64_t place : {a_out, b_out}) {
        result.magnitude[index(place)] = magnitude;
        result.rotated[index(place)] = true;
      }
    }
    head += d;
  });
  return result;
}

// The error bound of each element of x_out; ones copied to their own type are
// exact.
inline std::vector<double> RopeBounds(const RopeArgs& args,
                                      const RopeReference& reference) {
  const DType dtype = args.x_out.dtype();
  const double tolerance = args.mode == RopeMode::kComputed
                               ? kRopeComputedTolerance
                               : kRopeTolerance;
  std::vector<double> bounds;
  for (size_t i = 0; i < reference.x_out.size(); ++i) {
    const double rounding = UnitRoundoff(dtype) * std::abs(reference.x_out[i]) +
                            SmallestSubnormal(dtype) / 2;
    const bool exact = !reference.rotated[i] && dtype == args.x_in.dtype();
    bounds.push_back(exact ? 0 : rounding + tolerance * reference.magnitude[i]);
  }
  return bounds;
}

inline std::vector<ExpectedTensor> RopeExpected(const RopeArgs& args) {
  const RopeReference reference = RopeOracle(args);
  return {{"x_out", args.x_out, reference.x_out, RopeBounds(args, reference)}};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_ORACLE_H_
