// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/row_quantization.h"

#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/kernels/quantize/quantize_check.h"

namespace tilework {

absl::Status Validate(const RowQuantizationArgs& args) {
  constexpr DType kScaleTypes[] = {DType::kF32, DType::kE8M0};
  ArgumentChecker check("row_quantization");
  CheckGranularity(args.granularity, args.group_size, check);
  const std::string_view shape = ShapeFor(args.granularity);
  check.Required("hidden_state", args.hidden_state, shape, kFloatTypes);
  CheckNotEmpty("hidden_state", args.hidden_state, args.granularity, check);
  check.Required("quantized", args.quantized, shape, kFloat8Types);
  check.Require(
      args.pow2_scale || args.dequant_scale.dtype() != DType::kE8M0,
      "dequant_scale has dtype e8m0, expected f32 without pow2_scale");
  CheckScaleShape(
      "dequant_scale", args.dequant_scale, args.granularity, args.group_size,
      absl::MakeConstSpan(kScaleTypes, args.pow2_scale ? 2 : 1), check);
  // Not true of NaN either.
  check.Require(args.lower_bound >= 0, "lower_bound is ", args.lower_bound,
                ", expected >= 0");
  check.Require(args.min_dequant_scale >= 0, "min_dequant_scale is ",
                args.min_dequant_scale, ", expected >= 0");
  check.NoOverlap("quantized", args.quantized, "hidden_state",
                  args.hidden_state);
  check.NoOverlap("dequant_scale", args.dequant_scale, "hidden_state",
                  args.hidden_state);
  check.NoOverlap("dequant_scale", args.dequant_scale, "quantized",
                  args.quantized);
  return check.status();
}

}  // namespace tilework
