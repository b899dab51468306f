// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_tkg.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/output_projection/output_projection_declare.h"

namespace tilework {
namespace output_projection_internal {

Projection MakeProjection(const OutputProjectionTkgArgs& args) {
  return {.attention = args.attention,
          .weight = args.weight,
          .weight_scale_name = "weight_scale",
          .bias = args.bias,
          .input_scale_name = "input_scale",
          .input_scale = args.input_scale,
          .residual = args.residual,
          .out = args.out,
          .quantization_type = args.quantization_type,
          .act_quant = args.act_quant,
          .row_default = ActQuant::kNone,
          .compact_weight_scales = args.compact_weight_scales,
          .scale_mode = args.scale_mode,
          .output_dtype = args.output_dtype,
          .f32_mode = args.f32_mode,
          .out_shapes = "B S H | T H"};
}

}  // namespace output_projection_internal

void Declare(const OutputProjectionTkgArgs& args, SchemaVisitor& v) {
  v.Kernel(
      {.name = "output_projection_tkg",
       .summary = "Projection that closes an attention layer, for few tokens"});
  output_projection_internal::DeclareProjection(
      output_projection_internal::MakeProjection(args), v);
}

absl::Status Validate(const OutputProjectionTkgArgs& args) {
  return CheckArguments(args);
}

absl::StatusOr<Tensor> TransposedOutView(const Tensor& tensor) {
  if (tensor.rank() != 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "transposed out is ", tensor.shape(), ", expected [H, B * S]"));
  }
  return tensor.Transpose();
}

}  // namespace tilework
