// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope.h"

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

void CheckRotatedRange(const RopeArgs& args, ArgumentChecker& check) {
  const int64_t d = check["D"];
  const int64_t r = args.rotary_dim.value_or(d);
  check.Require(d >= 2, "x_in is ", args.x_in.shape(), ": D = ", d,
                ", expected >= 2");
  check.Require(r >= 2 && r <= d && r % 2 == 0, "rotary_dim is ", r,
                ", expected an even number in 2..", d);
  check.Require(args.rotary_offset >= 0 && args.rotary_offset <= d - r,
                "rotary_offset is ", args.rotary_offset, ", expected 0..",
                d - r);
}

void CheckTables(const RopeArgs& args, ArgumentChecker& check) {
  check.Required("cos", args.cos, "P W | 1 P W | B P W", kFloatTypes);
  check.Required("sin", args.sin, "P W | 1 P W | B P W", kFloatTypes);
  check.Require(args.cos.shape() == args.sin.shape(), "cos is ",
                args.cos.shape(), " but sin is ", args.sin.shape());
  const int64_t r = args.rotary_dim.value_or(check["D"]);
  const int64_t w = check["W"];
  check.Require(w == r / 2 || w == r, "cos is ", args.cos.shape(), ": W = ", w,
                ", expected ", r / 2, " or ", r, " (from rotary_dim ", r, ")");
  check.Require(check["P"] >= check["S"], "cos is ", args.cos.shape(), ": ",
                check["P"], " positions, but S = ", check["S"], " (from x_in ",
                args.x_in.shape(), ")");
}

}  // namespace

absl::Status Validate(const RopeArgs& args) {
  ArgumentChecker check("rope");
  check.Required("x_in", args.x_in, "B S N D", kFloatTypes);
  const DType type[] = {args.x_in.dtype()};
  check.Required("x_out", args.x_out, "B S N D", type);
  CheckRotatedRange(args, check);
  CheckTables(args, check);
  check.SameOrNoOverlap("x_out", args.x_out, "x_in", args.x_in);
  check.NoOverlap("x_out", args.x_out, "cos", args.cos);
  check.NoOverlap("x_out", args.x_out, "sin", args.sin);
  return check.status();
}

}  // namespace tilework
