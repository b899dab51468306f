// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope.h"

#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_arguments.h"

namespace tilework {
namespace {

void CheckComputed(const RopeArgs& args, ArgumentChecker& check) {
  check.Forbidden("cos", args.cos, "mode is kComputed");
  check.Forbidden("sin", args.sin, "mode is kComputed");
  CheckPositions(args.positions, "", ConstTensor(), check);
  check.Required("inv_freq", args.inv_freq, "h", kF32Only);
  check.Require(
      args.attention_factor > 0 && std::isfinite(args.attention_factor),
      "attention_factor is ", args.attention_factor,
      ", expected > 0 and finite");
}

void CheckMode(const RopeArgs& args, ArgumentChecker& check) {
  const int64_t r = args.rotary_dim.value_or(check["D"]);
  check.Bind("h", r / 2, "rotary_dim / 2");
  if (args.mode == RopeMode::kComputed) {
    CheckComputed(args, check);
    return;
  }
  check.Require(args.attention_factor == 1, "attention_factor is ",
                args.attention_factor,
                " but mode is not kComputed: tables already contain it");
  check.Forbidden("inv_freq", args.inv_freq, "mode is not kComputed");
  if (args.mode == RopeMode::kIndexed) {
    CheckCosSin(args.cos, args.sin, "P W", r, check);
    CheckPositions(args.positions, "cos", args.cos, check);
    return;
  }
  check.Forbidden("positions", args.positions, "mode is kTable");
  CheckCosSin(args.cos, args.sin, "P W | 1 P W | B P W", r, check);
  CheckRowsForTokens("cos", args.cos, "x_in", args.x_in, check);
}

}  // namespace

absl::Status Validate(const RopeArgs& args) {
  ArgumentChecker check("rope");
  check.Required("x_in", args.x_in, "B S N D", kFloatTypes);
  check.Required("x_out", args.x_out, "B S N D", kFloatTypes);
  CheckRotatedRange("x_in", args.x_in, args.rotary_dim, args.rotary_offset,
                    check);
  check.Require(args.mode <= RopeMode::kComputed, "mode is ",
                static_cast<int>(args.mode), ", expected 0..2");
  check.Require(args.out_layout <= RopeOutLayout::kInterleaved,
                "out_layout is ", static_cast<int>(args.out_layout),
                ", expected 0..2");
  CheckMode(args, check);
  check.SameOrNoOverlap("x_out", args.x_out, "x_in", args.x_in);
  check.NoOverlap("x_out", args.x_out, "cos", args.cos);
  check.NoOverlap("x_out", args.x_out, "sin", args.sin);
  check.NoOverlap("x_out", args.x_out, "positions", args.positions);
  check.NoOverlap("x_out", args.x_out, "inv_freq", args.inv_freq);
  return check.status();
}

}  // namespace tilework
