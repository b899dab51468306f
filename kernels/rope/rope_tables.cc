// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_tables.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr DType kPositionTypes[] = {DType::kI32, DType::kI64, DType::kF32};
constexpr int64_t kMaxRotaryDim = int64_t{1} << 30;
constexpr int64_t kMaxPositionStart = int64_t{1} << 52;

void CheckTensors(const RopeTablesArgs& args, ArgumentChecker& check) {
  const int64_t r = args.rotary_dim;
  check.Require(r >= 2 && r <= kMaxRotaryDim && r % 2 == 0, "rotary_dim is ", r,
                ", expected an even number in 2..", kMaxRotaryDim);
  check.Bind("h", r / 2, "rotary_dim / 2");
  check.Bind("W", args.duplicate ? r : r / 2,
             args.duplicate ? "rotary_dim" : "rotary_dim / 2");
  check.Bind("2W", 2 * check["W"],
             args.duplicate ? "2 rotary_dim" : "rotary_dim");
  if (args.rows.has_value()) {
    check.Require(*args.rows >= 0, "rows is ", *args.rows, ", expected >= 0");
    check.Bind("P", *args.rows, "rows");
  }
  check.Optional("positions", args.positions,
                 args.mrope_section.has_value() ? "3 P" : "P", kPositionTypes);
  check.Optional("cos", args.cos, "P W", kFloatTypes);
  check.Optional("sin", args.sin, "P W", kFloatTypes);
  check.Optional("rope_cache", args.rope_cache, "P 2W", kFloatTypes);
  check.Optional("inv_freq", args.inv_freq, "h", kF32Only);
  check.Optional("attention_factor", args.attention_factor_out, "1", kF32Only);
  check.Optional("freq_factors", args.freq_factors, "h", kF32Only);
}

void CheckPositionStart(const RopeTablesArgs& args, ArgumentChecker& check) {
  check.Require(
      args.position_start >= 0 && args.position_start <= kMaxPositionStart,
      "position_start is ", args.position_start, ", expected 0..",
      kMaxPositionStart);
  check.Require(!args.positions.present() || args.position_start == 0,
                "position_start is ", args.position_start,
                " but positions is given");
}

void CheckSections(const RopeTablesArgs& args, ArgumentChecker& check) {
  if (!args.mrope_section.has_value()) {
    check.Require(!args.mrope_interleaved,
                  "mrope_interleaved is set but mrope_section is not given");
    return;
  }
  const auto& [t, h, w] = *args.mrope_section;
  const int64_t pairs = check["h"];
  // No sum of three numbers up to `pairs` can overflow.
  const bool in_range =
      t >= 0 && h >= 0 && w >= 0 && t <= pairs && h <= pairs && w <= pairs;
  check.Require(in_range && t + h + w == pairs, "mrope_section is ",
                Dims({t, h, w}), ", expected counts that sum to ", pairs,
                " (from rotary_dim / 2)");
}

bool AtLeastOne(double value) { return value >= 1 && std::isfinite(value); }
bool Positive(double value) { return value > 0 && std::isfinite(value); }

void CheckFactor(const std::optional<double>& factor, ArgumentChecker& check) {
  check.Require(factor.has_value(), "factor is missing");
  check.Require(AtLeastOne(factor.value_or(1)), "factor is ",
                factor.value_or(1), ", expected >= 1 and finite");
}

void CheckLength(std::string_view name, const std::optional<int64_t>& length,
                 ArgumentChecker& check) {
  check.Require(length.has_value(), name, " is missing");
  check.Require(length.value_or(1) >= 1, name, " is ", length.value_or(1),
                ", expected >= 1");
}

// Every value of a tensor of factors.
void CheckValues(std::string_view name, const ConstTensor& factors,
                 ArgumentChecker& check) {
  if (!factors.present() || !check.ok()) return;
  for (int64_t i = 0; i < factors.dim(0); ++i) {
    const float factor = *factors.At<float>(i);
    check.Require(factor > 0 && std::isfinite(factor), name, "[", i, "] is ",
                  factor, ", expected > 0 and finite");
  }
}

void CheckNtk(const RopeTablesArgs& args, ArgumentChecker& check) {
  CheckFactor(args.factor, check);
  check.Require(args.rotary_dim > 2, "rotary_dim is ", args.rotary_dim,
                ", expected > 2 for this rope_type");
  if (args.rope_type == RopeType::kNtk) return;
  CheckLength("max_position", args.max_position, check);
}

void CheckLlama3(const RopeTablesArgs& args, ArgumentChecker& check) {
  CheckFactor(args.factor, check);
  CheckLength("original_max_position", args.original_max_position, check);
  check.Require(args.low_freq_factor < args.high_freq_factor &&
                    std::isfinite(args.low_freq_factor) &&
                    std::isfinite(args.high_freq_factor),
                "low_freq_factor is ", args.low_freq_factor,
                " and high_freq_factor ", args.high_freq_factor,
                ", expected low < high, both finite");
}

void CheckYarn(const RopeTablesArgs& args, ArgumentChecker& check) {
  CheckFactor(args.factor, check);
  CheckLength("original_max_position", args.original_max_position, check);
  check.Require(args.beta_slow > 0 && args.beta_slow < args.beta_fast &&
                    std::isfinite(args.beta_fast),
                "beta_fast is ", args.beta_fast, " and beta_slow ",
                args.beta_slow, ", expected fast > slow > 0, both finite");
  for (const double mscale : {args.mscale, args.mscale_all_dim}) {
    check.Require(mscale >= 0 && std::isfinite(mscale), "mscale is ",
                  args.mscale, " and mscale_all_dim ", args.mscale_all_dim,
                  ", expected >= 0 and finite");
  }
}

void CheckLongrope(const RopeTablesArgs& args, ArgumentChecker& check) {
  check.Required("short_factor", args.short_factor, "h", kF32Only);
  check.Required("long_factor", args.long_factor, "h", kF32Only);
  CheckLength("original_max_position", args.original_max_position, check);
  if (!args.attention_factor.has_value()) {
    check.Require(args.factor.has_value() || args.max_position.has_value(),
                  "factor, max_position and attention_factor are missing, "
                  "expected one of them");
    check.Require(args.original_max_position.value_or(0) >= 2,
                  "original_max_position is 1, expected >= 2 where "
                  "attention_factor is not given");
  }
  if (args.factor.has_value()) CheckFactor(args.factor, check);
  if (args.max_position.has_value()) {
    CheckLength("max_position", args.max_position, check);
  }
  CheckValues("short_factor", args.short_factor, check);
  CheckValues("long_factor", args.long_factor, check);
}

// What the type needs beyond `base`.
void CheckType(const RopeTablesArgs& args, ArgumentChecker& check) {
  switch (args.rope_type) {
    case RopeType::kDefault:
      return;
    case RopeType::kLinear:
      return CheckFactor(args.factor, check);
    case RopeType::kNtk:
    case RopeType::kDynamicNtk:
      return CheckNtk(args, check);
    case RopeType::kLlama3:
      return CheckLlama3(args, check);
    case RopeType::kYarn:
      return CheckYarn(args, check);
    case RopeType::kLongrope:
      return CheckLongrope(args, check);
  }
  check.Require(false, "rope_type is ", static_cast<int>(args.rope_type),
                ", expected 0..6");
}

void CheckScheme(const RopeTablesArgs& args, ArgumentChecker& check) {
  check.Require(args.base > 1 && std::isfinite(args.base), "base is ",
                args.base, ", expected > 1 and finite");
  check.Require(args.seq_len >= 0, "seq_len is ", args.seq_len,
                ", expected >= 0");
  CheckType(args, check);
  const bool is_longrope = args.rope_type == RopeType::kLongrope;
  if (!is_longrope) {
    check.Forbidden("short_factor", args.short_factor,
                    "rope_type is not kLongrope");
    check.Forbidden("long_factor", args.long_factor,
                    "rope_type is not kLongrope");
  }
  if (!args.attention_factor.has_value()) return;
  check.Require(is_longrope || args.rope_type == RopeType::kYarn,
                "attention_factor is given but rope_type is neither kYarn nor "
                "kLongrope");
  check.Require(Positive(*args.attention_factor), "attention_factor is ",
                *args.attention_factor, ", expected > 0 and finite");
}

void CheckAliasing(const RopeTablesArgs& args, ArgumentChecker& check) {
  struct Named {
    std::string_view name;
    ConstTensor tensor;
  };
  constexpr size_t kNumOutputs = 5;
  const Named all[] = {
      {"cos", args.cos},
      {"sin", args.sin},
      {"rope_cache", args.rope_cache},
      {"inv_freq", args.inv_freq},
      {"attention_factor", args.attention_factor_out},
      {"positions", args.positions},
      {"freq_factors", args.freq_factors},
      {"short_factor", args.short_factor},
      {"long_factor", args.long_factor},
  };
  for (size_t i = 0; i < kNumOutputs; ++i) {
    for (size_t j = i + 1; j < std::size(all); ++j) {
      check.NoOverlap(all[i].name, all[i].tensor, all[j].name, all[j].tensor);
    }
  }
}

}  // namespace

absl::Status Validate(const RopeTablesArgs& args) {
  ArgumentChecker check("rope_tables");
  CheckTensors(args, check);
  CheckPositionStart(args, check);
  CheckSections(args, check);
  check.Require(args.precision == RopePrecision::kF32 ||
                    args.precision == RopePrecision::kF64,
                "precision is ", static_cast<int>(args.precision),
                ", expected 0..1");
  CheckScheme(args, check);
  CheckAliasing(args, check);
  CheckValues("freq_factors", args.freq_factors, check);
  return check.status();
}

}  // namespace tilework
