// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/static_quantization.h"

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/kernels/quantize/quantize_check.h"

namespace tilework {

absl::Status Validate(const StaticQuantizationArgs& args) {
  ArgumentChecker check("static_quantization");
  check.Required("hidden_state", args.hidden_state, "...", kFloatTypes);
  check.Require(
      args.input_dequant_scale.present() || args.quant_scale.present(),
      "input_dequant_scale and quant_scale are missing, expected one "
      "of them");
  check.Optional("input_dequant_scale", args.input_dequant_scale, kOneElement,
                 kF32Only);
  check.Optional("quant_scale", args.quant_scale, kOneElement, kF32Only);
  check.Required("quantized", args.quantized, "...", kFloat8Types);
  check.NoOverlap("quantized", args.quantized, "hidden_state",
                  args.hidden_state);
  check.NoOverlap("quantized", args.quantized, "input_dequant_scale",
                  args.input_dequant_scale);
  check.NoOverlap("quantized", args.quantized, "quant_scale", args.quant_scale);
  CheckScaleValues("input_dequant_scale", args.input_dequant_scale,
                   /*allow_nan=*/false, check);
  CheckScaleValues("quant_scale", args.quant_scale, /*allow_nan=*/false, check);
  return check.status();
}

}  // namespace tilework
