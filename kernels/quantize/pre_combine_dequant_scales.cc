// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"

#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/quantize_check.h"

namespace tilework {
namespace {

// A vector whose size is `symbol`, or one element.
void CheckScale(std::string_view name, const ConstTensor& scale,
                std::string_view symbol, ArgumentChecker& check) {
  if (scale.present() && scale.rank() != 1) {
    check.Required(name, scale, kOneElement, kF32Only);
    check.Bind(symbol, 1, name);
  } else {
    check.Required(name, scale, symbol, kF32Only);
  }
}

}  // namespace

absl::Status Validate(const PreCombineDequantScalesArgs& args) {
  ArgumentChecker check("pre_combine_dequant_scales");
  CheckScale("weight_dequant_scale", args.weight_dequant_scale, "N", check);
  CheckScale("input_dequant_scale", args.input_dequant_scale, "T", check);
  const bool one_weight = check["N"] == 1;
  const bool one_input = check["T"] == 1;
  std::string_view shape = "T N";
  if (one_weight && one_input) {
    shape = kOneElement;
  } else if (one_input) {
    shape = "T N|N";
  } else if (one_weight) {
    shape = "T N|T";
  }
  check.Require(args.combined.present(), "combined is missing");
  check.Optional("combined", args.combined, shape, kF32Only);
  check.NoOverlap("combined", args.combined, "weight_dequant_scale",
                  args.weight_dequant_scale);
  check.NoOverlap("combined", args.combined, "input_dequant_scale",
                  args.input_dequant_scale);
  CheckScaleValues("weight_dequant_scale", args.weight_dequant_scale,
                   /*allow_nan=*/false, check);
  CheckScaleValues("input_dequant_scale", args.input_dequant_scale,
                   /*allow_nan=*/false, check);
  return check.status();
}

}  // namespace tilework
