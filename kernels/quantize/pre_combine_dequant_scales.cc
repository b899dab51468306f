// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"

#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/quantize/scale_values.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/quantize_declare.h"

namespace tilework {
namespace {

// A vector whose size is `symbol`, which `shapes` begins with, or one element.
void DeclareScale(std::string_view name, const ConstTensor& scale,
                  std::string_view symbol, std::string_view shapes,
                  std::string_view help, SchemaVisitor& v) {
  v.Input(name, scale,
          {.shape = shapes,
           .dtypes = kF32Only,
           .values = kScaleValues,
           .help = help});
  if (scale.rank() != 1) {
    v.Bind(symbol, "1 for one element of another rank", [] { return 1; });
  }
}

}  // namespace

void Declare(const PreCombineDequantScalesArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "pre_combine_dequant_scales",
            .summary = "The products of weight and input scales",
            .rows = "T"});
  DeclareScale("weight_dequant_scale", args.weight_dequant_scale, "N", "N | 1*",
               "of the columns of a product, or of all", v);
  DeclareScale("input_dequant_scale", args.input_dequant_scale, "T", "T | 1*",
               "of its rows, or of all", v);
  const bool one_weight = v["N"] == 1;
  const bool one_input = v["T"] == 1;
  v.Output("combined", args.combined,
           {.shape = {{"T N", "", !one_weight && !one_input},
                      {"T N | N", "T = 1", !one_weight && one_input},
                      {"T N | T", "N = 1", one_weight && !one_input},
                      {"1*", "T = N = 1", one_weight && one_input}},
            .dtypes = kF32Only,
            .help = "a scale for each element of the product"});
}

absl::Status Validate(const PreCombineDequantScalesArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
