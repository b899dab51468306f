// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/static_quantization.h"

#include "absl/status/status.h"
#include "tilework/common/quantize/scale_values.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/quantize/quantize_declare.h"

namespace tilework {

void Declare(const StaticQuantizationArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "static_quantization",
            .summary = "Quantization to 8-bit floating-point numbers with one "
                       "calibrated scale",
            .rows = "..."});
  v.Input("hidden_state", args.hidden_state,
          {.shape = "...", .dtypes = kFloatTypes, .help = "x"});
  v.Input("input_dequant_scale", args.input_dequant_scale,
          {.shape = "1*",
           .dtypes = kF32Only,
           .presence = Optional(),
           .values = kScaleValues,
           .help = "what a code is multiplied by to give x"});
  v.Input("quant_scale", args.quant_scale,
          {.shape = "1*",
           .dtypes = kF32Only,
           .presence = Optional(),
           .values = kScaleValues,
           .help = "what x is multiplied by; default 1 / input_dequant_scale"});
  v.Rule("input_dequant_scale or quant_scale is given",
         [&](ArgumentChecker& check) {
           check.Require(
               args.input_dequant_scale.present() || args.quant_scale.present(),
               "input_dequant_scale and quant_scale are missing, expected one "
               "of them");
         });
  v.Output("quantized", args.quantized,
           {.shape = "...", .dtypes = kFloat8Types, .help = "codes"});
}

absl::Status Validate(const StaticQuantizationArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
