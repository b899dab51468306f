// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_tables.h"

namespace tilework {
namespace {

double ToDouble(int64_t value) { return static_cast<double>(value); }

double OriginalLength(const RopeTablesArgs& args) {
  return ToDouble(args.original_max_position.value_or(1));
}

double FactorOf(const RopeTablesArgs& args) {
  if (args.factor.has_value()) return *args.factor;
  if (args.rope_type != RopeType::kLongrope) return 1;
  return ToDouble(args.max_position.value_or(1)) / OriginalLength(args);
}

// The base by which kNtk and kDynamicNtk stretch the low frequencies.
double BaseOf(const RopeTablesArgs& args, double factor) {
  double stretch = factor;
  if (args.rope_type == RopeType::kDynamicNtk) {
    const int64_t m = args.max_position.value_or(1);
    const double length = ToDouble(std::max(args.seq_len, m));
    stretch = factor * length / ToDouble(m) - (factor - 1);
  } else if (args.rope_type != RopeType::kNtk) {
    return args.base;
  }
  const double r = ToDouble(args.rotary_dim);
  return args.base * std::pow(stretch, r / (r - 2));
}

// The pair, not a whole number, that turns `turns` times in M0 positions.
double PairOfTurns(const RopeTablesArgs& args, double turns) {
  return ToDouble(args.rotary_dim) *
         std::log(OriginalLength(args) / (2 * std::numbers::pi * turns)) /
         (2 * std::log(args.base));
}

// By how much kYarn grows the attention's scale for a context `factor` times
// as long.
double Growth(double factor, double scale) {
  return factor <= 1 ? 1 : 0.1 * scale * std::log(factor) + 1;
}

}  // namespace

RopeScaling::RopeScaling(const RopeTablesArgs& args)
    : args_(args),
      pairs_({.type = args.rope_type,
              .rotary_dim = ToDouble(args.rotary_dim),
              .base = BaseOf(args, FactorOf(args)),
              .factor = FactorOf(args),
              .original_length = OriginalLength(args),
              .low_freq_factor = args.low_freq_factor,
              .high_freq_factor = args.high_freq_factor}) {
  if (args.rope_type != RopeType::kYarn) return;
  double begin = PairOfTurns(args, args.beta_fast);
  double end = PairOfTurns(args, args.beta_slow);
  if (args.truncate) {
    begin = std::floor(begin);
    end = std::ceil(end);
  }
  pairs_.ramp_begin = std::max(begin, 0.0);
  pairs_.ramp_end = std::min(end, ToDouble(args.rotary_dim - 1));
  if (pairs_.ramp_begin == pairs_.ramp_end) pairs_.ramp_end += 0.001;
}

ConstTensor RopeScaling::Divisors() const {
  if (args_.rope_type != RopeType::kLongrope) return ConstTensor();
  const bool is_long = args_.seq_len > args_.original_max_position.value_or(1);
  return is_long ? args_.long_factor : args_.short_factor;
}

double RopeScaling::InverseFrequency(int64_t i) const {
  const auto element = [&](const ConstTensor& tensor) {
    return tensor.present() ? static_cast<double>(*tensor.At<float>(i)) : 1.0;
  };
  const double f = std::pow(pairs_.base, pairs_.Exponent(i));
  return pairs_.Scaled(f, i, element(Divisors())) / element(args_.freq_factors);
}

double RopeScaling::AttentionFactor() const {
  if (args_.attention_factor.has_value()) return *args_.attention_factor;
  if (args_.rope_type == RopeType::kYarn) {
    if (args_.mscale == 0 || args_.mscale_all_dim == 0) {
      return Growth(pairs_.factor, 1);
    }
    return Growth(pairs_.factor, args_.mscale) /
           Growth(pairs_.factor, args_.mscale_all_dim);
  }
  if (args_.rope_type == RopeType::kLongrope && pairs_.factor > 1) {
    return std::sqrt(1 +
                     std::log(pairs_.factor) / std::log(OriginalLength(args_)));
  }
  return 1;
}

}  // namespace tilework
