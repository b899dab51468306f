// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/mx_dequantize.h"

#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/kernels/quantize/boxes.h"

namespace tilework {
namespace {

void CheckData(const MxDequantizeArgs& args, std::string_view shape,
               ArgumentChecker& check) {
  constexpr DType kDataTypes[] = {DType::kF8E4M3, DType::kF8E5M2,
                                  DType::kF4E2M1};
  check.Required("data", args.data, shape, kDataTypes);
  if (!check.ok()) return;
  check.Require(args.data.dim(-1) >= 1 || !HasRows(args.data), "data is ",
                args.data.shape(), ": K = 0, expected >= 1");
  check.Require(args.data.dtype() != DType::kF4E2M1 ||
                    IsPackedAlong(args.data, -1) ||
                    (args.data.rank() >= 2 && IsPackedAlong(args.data, -2)),
                "data of f4e2m1 has strides ", args.data.strides(),
                ", expected 1 in one of the last two dimensions and even ones "
                "elsewhere");
}

void CheckScales(const MxDequantizeArgs& args, ArgumentChecker& check) {
  constexpr DType kScaleTypes[] = {DType::kE8M0, DType::kU8};
  if (args.axis == -1) {
    check.Bind("K/32", CeilDiv(check["K"], kMxBlockSize), "ceil(K / 32)");
    check.Required("scales", args.scales, "... K/32", kScaleTypes);
  } else {
    check.Bind("F/32", CeilDiv(check["F"], kMxBlockSize), "ceil(F / 32)");
    check.Required("scales", args.scales, "... F/32 K", kScaleTypes);
  }
}

}  // namespace

absl::Status Validate(const MxDequantizeArgs& args) {
  ArgumentChecker check("mx_dequantize");
  check.Require(args.axis == -1 || args.axis == -2, "axis is ", args.axis,
                ", expected -1 or -2");
  const std::string_view shape = args.axis == -1 ? "... K" : "... F K";
  CheckData(args, shape, check);
  CheckScales(args, check);
  check.Required("y", args.y, shape, kFloatTypes);
  check.NoOverlap("y", args.y, "data", args.data);
  check.NoOverlap("y", args.y, "scales", args.scales);
  return check.status();
}

}  // namespace tilework
