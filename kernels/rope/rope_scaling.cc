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
    : args_(args), base_(0), factor_(FactorOf(args)) {
  base_ = BaseOf(args, factor_);
  if (args.rope_type != RopeType::kYarn) return;
  ramp_begin_ = PairOfTurns(args, args.beta_fast);
  ramp_end_ = PairOfTurns(args, args.beta_slow);
  if (args.truncate) {
    ramp_begin_ = std::floor(ramp_begin_);
    ramp_end_ = std::ceil(ramp_end_);
  }
  ramp_begin_ = std::max(ramp_begin_, 0.0);
  ramp_end_ = std::min(ramp_end_, ToDouble(args.rotary_dim - 1));
  if (ramp_begin_ == ramp_end_) ramp_end_ += 0.001;
}

double RopeScaling::Llama3(double f) const {
  const double wavelength = 2 * std::numbers::pi / f;
  const double m0 = OriginalLength(args_);
  const double low = args_.low_freq_factor;
  const double high = args_.high_freq_factor;
  if (wavelength < m0 / high) return f;
  if (wavelength > m0 / low) return f / factor_;
  const double g = (m0 / wavelength - low) / (high - low);
  return (1 - g) * f / factor_ + g * f;
}

double RopeScaling::Ramp(int64_t i) const {
  return std::clamp((ToDouble(i) - ramp_begin_) / (ramp_end_ - ramp_begin_),
                    0.0, 1.0);
}

double RopeScaling::Scaled(int64_t i) const {
  const double f =
      std::pow(base_, -2.0 * ToDouble(i) / ToDouble(args_.rotary_dim));
  switch (args_.rope_type) {
    case RopeType::kDefault:
    case RopeType::kNtk:
    case RopeType::kDynamicNtk:
      return f;
    case RopeType::kLinear:
      return f / factor_;
    case RopeType::kLlama3:
      return Llama3(f);
    case RopeType::kYarn: {
      const double ramp = Ramp(i);
      return f / factor_ * ramp + f * (1 - ramp);
    }
    case RopeType::kLongrope: {
      const bool is_long =
          args_.seq_len > args_.original_max_position.value_or(1);
      const ConstTensor& factors =
          is_long ? args_.long_factor : args_.short_factor;
      return f / static_cast<double>(*factors.At<float>(i));
    }
  }
  return f;
}

double RopeScaling::InverseFrequency(int64_t i) const {
  const double result = Scaled(i);
  if (!args_.freq_factors.present()) return result;
  return result / static_cast<double>(*args_.freq_factors.At<float>(i));
}

double RopeScaling::AttentionFactor() const {
  if (args_.attention_factor.has_value()) return *args_.attention_factor;
  if (args_.rope_type == RopeType::kYarn) {
    if (args_.mscale == 0 || args_.mscale_all_dim == 0) {
      return Growth(factor_, 1);
    }
    return Growth(factor_, args_.mscale) /
           Growth(factor_, args_.mscale_all_dim);
  }
  if (args_.rope_type == RopeType::kLongrope && factor_ > 1) {
    return std::sqrt(1 + std::log(factor_) / std::log(OriginalLength(args_)));
  }
  return 1;
}

}  // namespace tilework
