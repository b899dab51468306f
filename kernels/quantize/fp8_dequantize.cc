// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/fp8_dequantize.h"

#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/quantize_check.h"

namespace tilework {
namespace {

void CheckPacked(const Fp8DequantizeArgs& args, ArgumentChecker& check) {
  check.Require(args.granularity == QuantizationGranularity::kRow,
                "packed with granularity ", static_cast<int>(args.granularity),
                ", expected 0 (ROW)");
  check.Forbidden("dequant_scale", args.dequant_scale, "packed is true");
  check.Required("y", args.y, "... H", kFloatTypes);
  CheckNotEmpty("y", args.y, args.granularity, check);
  check.Bind("H+4", check["H"] + 4, "H + 4");
  check.Required("quantized", args.quantized, "... H+4", kFloat8Types);
}

void CheckApart(const Fp8DequantizeArgs& args, ArgumentChecker& check) {
  constexpr DType kScaleTypes[] = {DType::kF32, DType::kE8M0};
  const std::string_view shape = ShapeFor(args.granularity);
  check.Required("quantized", args.quantized, shape, kFloat8Types);
  CheckNotEmpty("quantized", args.quantized, args.granularity, check);
  CheckScaleShape("dequant_scale", args.dequant_scale, args.granularity,
                  args.group_size, kScaleTypes, check);
  check.Required("y", args.y, shape, kFloatTypes);
}

}  // namespace

absl::Status Validate(const Fp8DequantizeArgs& args) {
  ArgumentChecker check("fp8_dequantize");
  CheckGranularity(args.granularity, args.group_size, check);
  if (args.packed) {
    CheckPacked(args, check);
  } else {
    CheckApart(args, check);
  }
  check.NoOverlap("y", args.y, "quantized", args.quantized);
  check.NoOverlap("y", args.y, "dequant_scale", args.dequant_scale);
  CheckScaleValues("dequant_scale", args.dequant_scale, /*allow_nan=*/true,
                   check);
  return check.status();
}

}  // namespace tilework
