// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_tables.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr Enumerator kRopeTypes[] = {
    {0, "DEFAULT"}, {1, "LINEAR"}, {2, "NTK"},     {3, "DYNAMIC_NTK"},
    {4, "LLAMA3"},  {5, "YARN"},   {6, "LONGROPE"}};
constexpr Enumerator kPrecisions[] = {{0, "F32"}, {1, "F64"}};
constexpr int64_t kMaxRotaryDim = int64_t{1} << 30;
constexpr int64_t kMaxPositionStart = int64_t{1} << 52;
constexpr Values kFactorValues = {.domain = Domain::FiniteAbove(0),
                                  .checked = true};

void DeclareSizes(const RopeTablesArgs& args, SchemaVisitor& v) {
  v.Attribute("rotary_dim", args.rotary_dim,
              {.domain = Domain::EvenBetween(2, kMaxRotaryDim),
               .help = "R, the number of rotated elements of a head"});
  v.Rule("rotary_dim > 2 for NTK and DYNAMIC_NTK", [&](ArgumentChecker& check) {
    const bool is_ntk = args.rope_type == RopeType::kNtk ||
                        args.rope_type == RopeType::kDynamicNtk;
    check.Require(!is_ntk || args.rotary_dim > 2, "rotary_dim is ",
                  args.rotary_dim, ", expected > 2 for this rope_type");
  });
  v.Attribute("duplicate", args.duplicate,
              {.help = "each value stands twice: W = rotary_dim"});
  v.Attribute("contiguous_layout", args.contiguous_layout,
              {.help = "duplicates stand at i and h + i, not at 2i and 2i + "
                       "1"});
  v.Bind("h", "rotary_dim / 2", [&] { return args.rotary_dim / 2; });
  v.Bind("W", args.duplicate ? "rotary_dim" : "rotary_dim / 2",
         [&] { return args.rotary_dim / (args.duplicate ? 1 : 2); });
  v.Bind("2W", args.duplicate ? "2 rotary_dim" : "rotary_dim",
         [&] { return args.rotary_dim * (args.duplicate ? 2 : 1); });
  v.Attribute("rows", args.rows,
              {.domain = Domain::AtLeast(0),
               .absent = "as in the tensors",
               .help = "P, the number of positions"});
  if (args.rows.has_value()) v.Bind("P", "rows", [&] { return *args.rows; });
}

void CheckSections(const RopeTablesArgs& args, ArgumentChecker& check) {
  if (!args.mrope_section.has_value()) {
    check.Require(!args.mrope_interleaved,
                  "mrope_interleaved is set but mrope_section is not given");
    return;
  }
  const auto& [t, h, w] = *args.mrope_section;
  check.Require(t + h + w == check["h"], "mrope_section is ", Dims({t, h, w}),
                ", expected counts that sum to ", check["h"],
                " (from rotary_dim / 2)");
}

void DeclarePositions(const RopeTablesArgs& args, SchemaVisitor& v) {
  constexpr DType kPositionTypes[] = {DType::kI32, DType::kI64, DType::kF32};
  v.Attribute("mrope_section", args.mrope_section,
              {.domain = Domain::Between(0, {v["h"], "h"}),
               .absent = "none",
               .help = "how many pairs turn by the position on each of three "
                       "axes"});
  v.Attribute("mrope_interleaved", args.mrope_interleaved,
              {.help = "pairs take turns with the axes"});
  v.Rule("mrope_section sums to h; mrope_interleaved needs it",
         [&](ArgumentChecker& check) { CheckSections(args, check); });
  const bool has_axes = args.mrope_section.has_value();
  v.Input("positions", args.positions,
          {.shape = {{"P", "", !has_axes},
                     {"3 P", "mrope_section is given", has_axes}},
           .dtypes = kPositionTypes,
           .presence = Optional(),
           .help = "default position_start and the numbers after it"});
  v.Attribute("position_start", args.position_start,
              {.domain = Domain::Between(0, kMaxPositionStart),
               .help = "the position of the first row"});
  v.Rule("position_start is 0 if positions is given",
         [&](ArgumentChecker& check) {
           check.Require(!args.positions.present() || args.position_start == 0,
                         "position_start is ", args.position_start,
                         " but positions is given");
         });
}

// The sizes and factors that several types use.
void DeclareScaling(const RopeTablesArgs& args, SchemaVisitor& v) {
  using enum RopeType;
  const RopeType type = args.rope_type;
  v.Attribute(
      "factor", args.factor,
      {.domain = Domain::FiniteAtLeast(1),
       .presence = OptionalOrIf(type != kDefault && type != kLongrope,
                                "rope_type is neither DEFAULT nor LONGROPE"),
       .absent = "none",
       .help = "F, by how much the context is longer than trained"});
  v.Attribute("max_position", args.max_position,
              {.domain = Domain::AtLeast(1),
               .presence = OptionalOrIf(type == kDynamicNtk,
                                        "rope_type is DYNAMIC_NTK"),
               .absent = "none",
               .help = "M, the length of the context"});
  v.Attribute("original_max_position", args.original_max_position,
              {.domain = Domain::AtLeast(1),
               .presence = OptionalOrIf(
                   type == kLlama3 || type == kYarn || type == kLongrope,
                   "rope_type is LLAMA3, YARN or LONGROPE"),
               .absent = "none",
               .help = "M0, the length of the context in training"});
  v.Attribute("seq_len", args.seq_len,
              {.domain = Domain::AtLeast(0),
               .help = "n, the tokens at hand; of DYNAMIC_NTK and LONGROPE"});
  v.Attribute(
      "attention_factor", args.attention_factor,
      {.domain = Domain::FiniteAbove(0),
       .presence = OptionalUnless(type != kYarn && type != kLongrope,
                                  "rope_type is neither YARN nor LONGROPE"),
       .absent = "by rope_type",
       .help = "A, a factor of all cosines and sines"});
}

void DeclareLlama3(const RopeTablesArgs& args, SchemaVisitor& v) {
  v.Attribute("low_freq_factor", args.low_freq_factor,
              {.help = "of LLAMA3: l, turns in M0 up to which a frequency is "
                       "divided by F"});
  v.Attribute("high_freq_factor", args.high_freq_factor,
              {.help = "of LLAMA3: u, turns in M0 from which it is kept"});
  v.Rule("low_freq_factor < high_freq_factor, both finite, for LLAMA3",
         [&](ArgumentChecker& check) {
           check.Require(args.rope_type != RopeType::kLlama3 ||
                             (args.low_freq_factor < args.high_freq_factor &&
                              std::isfinite(args.low_freq_factor) &&
                              std::isfinite(args.high_freq_factor)),
                         "low_freq_factor is ", args.low_freq_factor,
                         " and high_freq_factor ", args.high_freq_factor,
                         ", expected low < high, both finite");
         });
}

void DeclareYarn(const RopeTablesArgs& args, SchemaVisitor& v) {
  v.Attribute("beta_fast", args.beta_fast,
              {.domain = Domain::FiniteAbove(0),
               .help = "of YARN: turns in M0 at which the ramp begins"});
  v.Attribute("beta_slow", args.beta_slow,
              {.domain = Domain::FiniteAbove(0),
               .help = "of YARN: turns in M0 at which it ends"});
  v.Rule("beta_fast > beta_slow for YARN", [&](ArgumentChecker& check) {
    check.Require(
        args.rope_type != RopeType::kYarn || args.beta_fast > args.beta_slow,
        "beta_fast is ", args.beta_fast, " and beta_slow ", args.beta_slow,
        ", expected fast > slow");
  });
  v.Attribute("truncate", args.truncate,
              {.help = "of YARN: the ramp begins and ends at whole pairs"});
  constexpr std::string_view kHelp =
      "of YARN: attention_factor follows from mscale and mscale_all_dim, if "
      "neither is 0";
  v.Attribute("mscale", args.mscale,
              {.domain = Domain::FiniteAtLeast(0), .help = kHelp});
  v.Attribute("mscale_all_dim", args.mscale_all_dim,
              {.domain = Domain::FiniteAtLeast(0), .help = kHelp});
}

void CheckLongrope(const RopeTablesArgs& args, ArgumentChecker& check) {
  if (args.rope_type != RopeType::kLongrope ||
      args.attention_factor.has_value()) {
    return;
  }
  check.Require(args.factor.has_value() || args.max_position.has_value(),
                "factor, max_position and attention_factor are missing, "
                "expected one of them");
  check.Require(args.original_max_position.value_or(0) >= 2,
                "original_max_position is 1, expected >= 2 where "
                "attention_factor is not given");
}

void DeclareLongrope(const RopeTablesArgs& args, SchemaVisitor& v) {
  v.Rule(
      "LONGROPE without attention_factor needs factor or max_position, and "
      "original_max_position >= 2",
      [&](ArgumentChecker& check) { CheckLongrope(args, check); });
  const Presence presence = RequiredUnless(
      args.rope_type != RopeType::kLongrope, "rope_type is not LONGROPE");
  v.Input("short_factor", args.short_factor,
          {.shape = "h",
           .dtypes = kF32Only,
           .presence = presence,
           .values = kFactorValues,
           .help = "divisors of the frequencies while seq_len <= M0"});
  v.Input("long_factor", args.long_factor,
          {.shape = "h",
           .dtypes = kF32Only,
           .presence = presence,
           .values = kFactorValues,
           .help = "their divisors beyond"});
}

void DeclareOutputs(const RopeTablesArgs& args, SchemaVisitor& v) {
  const auto output = [&](std::string_view name, const Tensor& tensor,
                          std::string_view shape, const DTypes& dtypes,
                          std::string_view help) {
    v.Output(name, tensor,
             {.shape = shape,
              .dtypes = dtypes,
              .presence = Optional(),
              .help = help});
  };
  output("cos", args.cos, "P W", kFloatTypes, "cosines times A");
  output("sin", args.sin, "P W", kFloatTypes, "sines times A");
  output("rope_cache", args.rope_cache, "P 2W", kFloatTypes,
         "the columns of cos and those of sin");
  output("inv_freq", args.inv_freq, "h", kF32Only,
         "the angle of each pair for position 1");
  output("attention_factor", args.attention_factor_out, "1", kF32Only, "A");
}

}  // namespace

void Declare(const RopeTablesArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "rope_tables",
            .summary = "Tables of cosines and sines for rotary position "
                       "embedding, with all scaling schemes"});
  v.Attribute("rope_type", args.rope_type,
              {.domain = Domain::OneOf(kRopeTypes),
               .help = "how the frequencies are scaled"});
  v.Attribute("base", args.base,
              {.domain = Domain::FiniteAbove(1),
               .help = "rope_theta: pair i turns by base^(-2i/R) a position"});
  v.Attribute(
      "precision", args.precision,
      {.domain = Domain::OneOf(kPrecisions), .help = "of angles and products"});
  DeclareSizes(args, v);
  DeclarePositions(args, v);
  DeclareScaling(args, v);
  DeclareLlama3(args, v);
  DeclareYarn(args, v);
  DeclareLongrope(args, v);
  v.Input("freq_factors", args.freq_factors,
          {.shape = "h",
           .dtypes = kF32Only,
           .presence = Optional(),
           .values = kFactorValues,
           .help = "further divisors of the frequencies"});
  DeclareOutputs(args, v);
}

absl::Status Validate(const RopeTablesArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
