// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_KERNELS_ROPE_ROPE_TABLES_ORACLE_H_
#define TILEWORK_KERNELS_ROPE_ROPE_TABLES_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct RopeTablesReference {
  std::vector<double> inv_freq;  // [h], not rounded
  double attention_factor = 1;   // not rounded
  // [rows, W], not rounded; kF32: with the f32 angle and the f32 factor.
  std::vector<double> cos, sin;
  // [rows, W]: by how much an f64 angle may be off, 0 for the given f32 one.
  std::vector<double> angle_error;
};

namespace rope_tables_oracle {

inline double YarnFrequency(const RopeTablesArgs& args, double f, double i) {
  const double r = static_cast<double>(args.rotary_dim);
  const auto d = [&](double turns) {
    const double m0 = static_cast<double>(*args.original_max_position);
    return r * std::log(m0 / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(args.base));
  };
  double low = d(args.beta_fast);
  double high = d(args.beta_slow);
  if (args.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, r - 1);
  if (low == high) high += 0.001;
  const double ramp = std::min(std::max((i - low) / (high - low), 0.0), 1.0);
  return f / *args.factor * ramp + f * (1 - ramp);
}

inline double Llama3Frequency(const RopeTablesArgs& args, double f) {
  const double turns = static_cast<double>(*args.original_max_position) * f /
                       (2 * std::numbers::pi);
  const double g = (turns - args.low_freq_factor) /
                   (args.high_freq_factor - args.low_freq_factor);
  if (turns < args.low_freq_factor) return f / *args.factor;
  if (turns > args.high_freq_factor) return f;
  return (1 - g) * f / *args.factor + g * f;
}

inline double InverseFrequency(const RopeTablesArgs& args, int64_t i) {
  const double r = static_cast<double>(args.rotary_dim);
  const double exponent = static_cast<double>(2 * i) / r;
  const double f = 1 / std::pow(args.base, exponent);
  switch (args.rope_type) {
    case RopeType::kDefault:
      return f;
    case RopeType::kLinear:
      return f / *args.factor;
    case RopeType::kNtk:
      // (base * F^(R / (R - 2)))^-exponent
      return f * std::pow(*args.factor, -exponent * r / (r - 2));
    case RopeType::kDynamicNtk: {
      const double m = static_cast<double>(*args.max_position);
      const double n = std::max(static_cast<double>(args.seq_len), m);
      const double stretch = *args.factor * n / m - (*args.factor - 1);
      return f * std::pow(stretch, -exponent * r / (r - 2));
    }
    case RopeType::kLlama3:
      return Llama3Frequency(args, f);
    case RopeType::kYarn:
      return YarnFrequency(args, f, static_cast<double>(i));
    case RopeType::kLongrope:
      return f / Read(args.seq_len > *args.original_max_position
                          ? args.long_factor
                          : args.short_factor,
                      {i});
  }
  return 0;
}

inline double AttentionFactor(const RopeTablesArgs& args) {
  if (args.attention_factor.has_value()) return *args.attention_factor;
  if (args.rope_type == RopeType::kYarn && *args.factor > 1) {
    const double grown = std::log(*args.factor) / 10;
    if (args.mscale == 0 || args.mscale_all_dim == 0) return 1 + grown;
    return (1 + grown * args.mscale) / (1 + grown * args.mscale_all_dim);
  }
  if (args.rope_type == RopeType::kLongrope) {
    const double m0 = static_cast<double>(*args.original_max_position);
    const double factor = args.factor.has_value()
                              ? *args.factor
                              : static_cast<double>(*args.max_position) / m0;
    if (factor > 1) return std::sqrt(1 + std::log(factor) / std::log(m0));
  }
  return 1;
}

// The position of row `row` and pair i.
inline double PositionOf(const RopeTablesArgs& args, int64_t row, int64_t i) {
  if (!args.positions.present()) {
    return static_cast<double>(args.position_start + row);
  }
  if (!args.mrope_section.has_value()) return Read(args.positions, {row});
  const auto& [t, h, w] = *args.mrope_section;
  int64_t axis = 0;
  if (args.mrope_interleaved) {
    if (i % 3 == 1 && i < 3 * h) axis = 1;
    if (i % 3 == 2 && i < 3 * w) axis = 2;
  } else {
    if (i >= t) axis = 1;
    if (i >= t + h) axis = 2;
  }
  return Read(args.positions, {axis, row});
}

}  // namespace rope_tables_oracle

inline RopeTablesReference RopeTablesOracle(const RopeTablesArgs& args,
                                            int64_t rows) {
  RopeTablesReference result;
  const int64_t h = args.rotary_dim / 2;
  result.attention_factor = rope_tables_oracle::AttentionFactor(args);
  // Without a table, there may be any number of them.
  const bool has_pairs = rows > 0 || args.inv_freq.present();
  for (int64_t i = 0; has_pairs && i < h; ++i) {
    double inv_freq = rope_tables_oracle::InverseFrequency(args, i);
    if (args.freq_factors.present()) inv_freq /= Read(args.freq_factors, {i});
    result.inv_freq.push_back(inv_freq);
  }
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t width = args.duplicate ? 2 * h : h;
    for (int64_t column = 0; column < width; ++column) {
      const int64_t i = !args.duplicate          ? column
                        : args.contiguous_layout ? column % h
                                                 : column / 2;
      const double p = rope_tables_oracle::PositionOf(args, row, i);
      const double inv_freq = result.inv_freq[static_cast<size_t>(i)];
      double factor = result.attention_factor;
      double angle = p * inv_freq;
      double angle_error = std::abs(angle) * 0x1p-51 * factor;
      if (args.precision == RopePrecision::kF32) {
        factor = RoundToDType(factor, DType::kF32);
        angle = static_cast<double>(static_cast<float>(p) *
                                    static_cast<float>(inv_freq));
        angle_error = 0;
      }
      result.cos.push_back(factor * std::cos(angle));
      result.sin.push_back(factor * std::sin(angle));
      result.angle_error.push_back(angle_error);
    }
  }
  return result;
}

// One ulp of the type at each value.
inline std::vector<double> UlpsOf(const std::vector<double>& values,
                                  DType dtype) {
  std::vector<double> ulps;
  for (const double value : values) {
    const double ulp = std::ldexp(2 * UnitRoundoff(dtype), std::ilogb(value));
    ulps.push_back(std::max(ulp, SmallestSubnormal(dtype)));
  }
  return ulps;
}

// RopeTablesOracle() with the bounds of rope_tables.h.
inline std::vector<ExpectedTensor> RopeTablesExpected(
    const RopeTablesArgs& args) {
  int64_t rows = 0;
  for (const Tensor& table : {args.cos, args.sin, args.rope_cache}) {
    if (table.present()) rows = table.dim(0);
  }
  const RopeTablesReference reference = RopeTablesOracle(args, rows);
  const double a = RoundToDType(reference.attention_factor, DType::kF32);
  const auto table = [&](std::string_view name, const Tensor& actual,
                         const std::vector<double>& values) {
    const bool three_roundings = actual.dtype() == DType::kF32 && a != 1 &&
                                 args.precision == RopePrecision::kF32;
    std::vector<double> bound;
    if (actual.present()) bound = UlpsOf(values, actual.dtype());
    for (size_t i = 0; i < bound.size(); ++i) {
      bound[i] *= three_roundings ? 1.5 : 1;
      bound[i] += reference.angle_error[i];
    }
    return ExpectedTensor{name, actual, values, bound};
  };
  const auto half = [&](int64_t part) {
    const Tensor& cache = args.rope_cache;
    if (!cache.present()) return Tensor();
    const int64_t width = cache.dim(1) / 2;
    return cache.Slice(1, part * width, width);
  };
  return {table("cos", args.cos, reference.cos),
          table("sin", args.sin, reference.sin),
          table("rope_cache's cosines", half(0), reference.cos),
          table("rope_cache's sines", half(1), reference.sin),
          {"inv_freq", args.inv_freq, reference.inv_freq,
           UlpsOf(reference.inv_freq, DType::kF32)},
          {"attention_factor",
           args.attention_factor_out,
           {reference.attention_factor},
           UlpsOf({reference.attention_factor}, DType::kF32)}};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_TABLES_ORACLE_H_
