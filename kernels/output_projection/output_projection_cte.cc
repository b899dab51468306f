// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_cte.h"

#include "absl/status/status.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/output_projection/output_projection_declare.h"

namespace tilework {
namespace output_projection_internal {

Projection MakeProjection(const OutputProjectionCteArgs& args) {
  return {.attention = args.attention,
          .weight = args.weight,
          .weight_scale_name = "weight_scales",
          .bias = args.bias,
          .input_scale_name = "input_scales",
          .input_scale = args.input_scales,
          .residual = args.residual,
          .out = args.out,
          .quantization_type = args.quantization_type,
          .act_quant = args.act_quant,
          .row_default = ActQuant::kRow,
          .compact_weight_scales = args.compact_weight_scales,
          .scale_mode = args.scale_mode,
          .output_dtype = args.output_dtype,
          .f32_mode = args.f32_mode,
          .out_shapes = "B S H"};
}

}  // namespace output_projection_internal

void Declare(const OutputProjectionCteArgs& args, SchemaVisitor& v) {
  v.Kernel(
      {.name = "output_projection_cte",
       .summary = "Projection that closes an attention layer, for many tokens",
       .rows = "B"});
  output_projection_internal::DeclareProjection(
      output_projection_internal::MakeProjection(args), v);
}

absl::Status Validate(const OutputProjectionCteArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
