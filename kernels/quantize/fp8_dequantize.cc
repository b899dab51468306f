// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/fp8_dequantize.h"

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/quantize_declare.h"

namespace tilework {
namespace {

void DeclareQuantized(const Fp8DequantizeArgs& args, SchemaVisitor& v) {
  v.Attribute("packed", args.packed,
              {.help = "each row of codes is followed by its scale, as the "
                       "four bytes of an f32"});
  v.Rule("packed needs granularity ROW", [&](ArgumentChecker& check) {
    check.Require(
        !args.packed || args.granularity == QuantizationGranularity::kRow,
        "packed with granularity ", static_cast<int>(args.granularity),
        ", expected 0 (ROW)");
  });
  const bool is_block =
      !args.packed && args.granularity == QuantizationGranularity::kBlock2d;
  v.Symbol("H+4", Domain::AtLeast(4));
  v.Input("quantized", args.quantized,
          {.shape = {{"... H", "", !args.packed && !is_block},
                     {"... M H", "BLOCK2D", is_block},
                     {"... H+4", "packed", args.packed}},
           .dtypes = kFloat8Types,
           .help = "codes"});
  if (args.packed) v.Bind("H", "H+4 - 4", [&] { return v["H+4"] - 4; });
  DeclareNotEmpty("quantized", args.quantized, args.granularity, v);
}

}  // namespace

void Declare(const Fp8DequantizeArgs& args, SchemaVisitor& v) {
  constexpr DType kScaleTypes[] = {DType::kF32, DType::kE8M0};
  v.Kernel({.name = "fp8_dequantize",
            .summary = "The numbers that 8-bit codes and their scales stand "
                       "for",
            .rows = "..."});
  DeclareGranularity(args.granularity, args.group_size, v);
  DeclareQuantized(args, v);
  v.Input("dequant_scale", args.dequant_scale,
          {.shape = DeclareScaleShapes(args.granularity, args.group_size, v),
           .dtypes = kScaleTypes,
           .presence = RequiredUnless(args.packed, "packed is true"),
           .values = kScaleOrNaNValues,
           .help = "what the number of a code is multiplied by"});
  v.Output("y", args.y,
           {.shape = ShapesFor(args.granularity),
            .dtypes = kFloatTypes,
            .help = "the numbers"});
}

absl::Status Validate(const Fp8DequantizeArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
