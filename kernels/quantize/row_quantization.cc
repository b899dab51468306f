// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/row_quantization.h"

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/quantize_declare.h"

namespace tilework {
namespace {

void DeclareScaling(const RowQuantizationArgs& args, SchemaVisitor& v) {
  DeclareGranularity(args.granularity, args.group_size, v);
  v.RowsDepend(args.granularity == QuantizationGranularity::kTensor,
               "granularity is TENSOR");
  v.Attribute("lower_bound", args.lower_bound,
              {.domain = Domain::AtLeast(0),
               .help = "bounds the magnitudes of x; off up to 1e-6"});
  v.Attribute("min_dequant_scale", args.min_dequant_scale,
              {.domain = Domain::AtLeast(0), .help = "the smallest scale"});
  v.Attribute("pow2_scale", args.pow2_scale,
              {.help = "scales are rounded up to powers of two"});
}

}  // namespace

void Declare(const RowQuantizationArgs& args, SchemaVisitor& v) {
  constexpr DType kScaleTypes[] = {DType::kF32, DType::kE8M0};
  v.Kernel({.name = "row_quantization",
            .summary = "Quantization to 8-bit floating-point numbers with "
                       "scales that follow from the values",
            .rows = "..."});
  DeclareScaling(args, v);
  v.Input("hidden_state", args.hidden_state,
          {.shape = ShapesFor(args.granularity),
           .dtypes = kFloatTypes,
           .help = "x"});
  DeclareNotEmpty("hidden_state", args.hidden_state, args.granularity, v);
  v.Output("quantized", args.quantized,
           {.shape = ShapesFor(args.granularity),
            .dtypes = kFloat8Types,
            .help = "codes"});
  v.Output(
      "dequant_scale", args.dequant_scale,
      {.shape = DeclareScaleShapes(args.granularity, args.group_size, v),
       .dtypes = {absl::MakeConstSpan(kScaleTypes, args.pow2_scale ? 2 : 1),
                  "f32; e8m0 too if pow2_scale"},
       .help = "what the number of a code is multiplied by to give x"});
}

absl::Status Validate(const RowQuantizationArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
