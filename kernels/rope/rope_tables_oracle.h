// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_ROPE_ROPE_TABLES_ORACLE_H_
#define TILEWORK_KERNELS_ROPE_ROPE_TABLES_ORACLE_H_

#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct RopeTablesReference {
  std::vector<double> inv_freq;  // [h], not rounded
  std::vector<double> cos, sin;  // [rows, W], not rounded
  // [rows, W]: by how much an f64 angle may be off, 0 for the given f32 one.
  std::vector<double> angle_error;
};

inline RopeTablesReference RopeTablesOracle(const RopeTablesArgs& args,
                                            int64_t rows) {
  RopeTablesReference result;
  const int64_t h = args.rotary_dim / 2;
  for (int64_t i = 0; i < h; ++i) {
    const double f = 1 / std::pow(args.base, static_cast<double>(2 * i) /
                                                 static_cast<double>(2 * h));
    double inv_freq = f;
    if (args.rope_type == RopeType::kLinear) inv_freq = f / args.factor;
    if (args.rope_type == RopeType::kLlama3) {
      const double turns = static_cast<double>(args.original_max_position) * f /
                           (2 * std::numbers::pi);
      const double g = (turns - args.low_freq_factor) /
                       (args.high_freq_factor - args.low_freq_factor);
      if (turns < args.low_freq_factor) {
        inv_freq = f / args.factor;
      } else if (turns <= args.high_freq_factor) {
        inv_freq = (1 - g) * f / args.factor + g * f;
      }
    }
    if (args.freq_factors.present()) inv_freq /= Read(args.freq_factors, {i});
    result.inv_freq.push_back(inv_freq);
  }
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t p = args.position_start + row;
    const int64_t width = args.duplicate ? 2 * h : h;
    for (int64_t column = 0; column < width; ++column) {
      const int64_t i = !args.duplicate          ? column
                        : args.contiguous_layout ? column % h
                                                 : column / 2;
      const double inv_freq = result.inv_freq[static_cast<size_t>(i)];
      double angle = static_cast<double>(p) * inv_freq;
      double angle_error = std::abs(angle) * 0x1p-51;
      if (args.precision == RopePrecision::kF32) {
        angle = static_cast<double>(static_cast<float>(p) *
                                    static_cast<float>(inv_freq));
        angle_error = 0;
      }
      result.cos.push_back(std::cos(angle));
      result.sin.push_back(std::sin(angle));
      result.angle_error.push_back(angle_error);
    }
  }
  return result;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_TABLES_ORACLE_H_
