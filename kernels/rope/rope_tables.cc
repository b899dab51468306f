// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_tables.h"

#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"

namespace tilework {
namespace {

constexpr int64_t kMaxPositionStart = int64_t{1} << 52;

void CheckScheme(const RopeTablesArgs& args, ArgumentChecker& check) {
  check.Require(args.base > 1 && std::isfinite(args.base), "base is ",
                args.base, ", expected > 1 and finite");
  if (args.rope_type == RopeType::kDefault) return;
  check.Require(args.factor >= 1 && std::isfinite(args.factor), "factor is ",
                args.factor, ", expected >= 1 and finite");
  if (args.rope_type == RopeType::kLinear) return;
  check.Require(args.rope_type == RopeType::kLlama3, "rope_type is ",
                static_cast<int>(args.rope_type), ", expected 0..2");
  check.Require(args.low_freq_factor < args.high_freq_factor &&
                    std::isfinite(args.low_freq_factor) &&
                    std::isfinite(args.high_freq_factor),
                "low_freq_factor is ", args.low_freq_factor,
                " and high_freq_factor ", args.high_freq_factor,
                ", expected low < high, both finite");
  check.Require(args.original_max_position >= 1, "original_max_position is ",
                args.original_max_position, ", expected >= 1");
}

void CheckFactors(const RopeTablesArgs& args, ArgumentChecker& check) {
  if (!args.freq_factors.present() || !check.ok()) return;
  for (int64_t i = 0; i < args.freq_factors.dim(0); ++i) {
    const float factor = *args.freq_factors.At<float>(i);
    check.Require(factor > 0 && std::isfinite(factor), "freq_factors[", i,
                  "] is ", factor, ", expected > 0 and finite");
  }
}

}  // namespace

absl::Status Validate(const RopeTablesArgs& args) {
  ArgumentChecker check("rope_tables");
  const int64_t r = args.rotary_dim;
  check.Require(r >= 2 && r % 2 == 0, "rotary_dim is ", r,
                ", expected an even number >= 2");
  check.Bind("h", r / 2, "rotary_dim / 2");
  check.Bind("W", args.duplicate ? r : r / 2,
             args.duplicate ? "rotary_dim" : "rotary_dim / 2");
  check.Optional("cos", args.cos, "P W", kFloatTypes);
  check.Optional("sin", args.sin, "P W", kFloatTypes);
  check.Optional("inv_freq", args.inv_freq, "h", kF32Only);
  check.Optional("freq_factors", args.freq_factors, "h", kF32Only);
  check.Require(
      args.position_start >= 0 && args.position_start <= kMaxPositionStart,
      "position_start is ", args.position_start, ", expected 0..",
      kMaxPositionStart);
  check.Require(args.precision == RopePrecision::kF32 ||
                    args.precision == RopePrecision::kF64,
                "precision is ", static_cast<int>(args.precision),
                ", expected 0..1");
  CheckScheme(args, check);
  check.NoOverlap("cos", args.cos, "sin", args.sin);
  check.NoOverlap("cos", args.cos, "inv_freq", args.inv_freq);
  check.NoOverlap("sin", args.sin, "inv_freq", args.inv_freq);
  check.NoOverlap("cos", args.cos, "freq_factors", args.freq_factors);
  check.NoOverlap("sin", args.sin, "freq_factors", args.freq_factors);
  check.NoOverlap("inv_freq", args.inv_freq, "freq_factors", args.freq_factors);
  CheckFactors(args, check);
  return check.status();
}

}  // namespace tilework
