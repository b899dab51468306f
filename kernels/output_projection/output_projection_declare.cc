// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_declare.h"

#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework::output_projection_internal {
namespace {

void DeclareOutput(const Projection& args, SchemaVisitor& v) {
  v.Input("bias", args.bias,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added to each token"});
  v.Input("residual", args.residual,
          {.shape = args.out_shapes,
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added before the rounding"});
  DeclareOutputDType(args.output_dtype, v);
  v.Output("out", args.out,
           {.shape = args.out_shapes,
            .dtypes = OutputTypes(args.output_dtype),
            .may_be = {"residual"},
            .help = "the projected tokens"});
}

}  // namespace

OperandArgs Projection::operand() const {
  OperandArgs result = {.x = attention};
  if (IsFloat(attention.dtype())) {
    const ActQuant type = resolved_act_quant();
    result.quantize = {.type = type,
                       .code = ActivationCode(type, weight.dtype()),
                       .in_scale = input_scale,
                       .scale_mode = scale_mode};
    result.compute = ComputeType(attention, weight, f32_mode);
  } else {
    result.x_scheme = ActivationSchemeOf(quantization_type);
    result.x_scale = input_scale;
  }
  return result;
}

void DeclareProjection(const Projection& args, SchemaVisitor& v) {
  v.Symbol("N", Domain::AtLeast(1));
  v.Symbol("D", Domain::AtLeast(1));
  DeclareQuantizationType(args.quantization_type, v);
  DeclareCompactScales(args.compact_weight_scales, args.quantization_type, v);
  v.Input("attention", args.attention,
          {.shape = "B S N D",
           .dtypes = ActivationTypes(args.quantization_type,
                                     /*codes_of_none=*/false),
           .help = "the heads of the tokens"});
  v.Bind("N*D", "N * D", [&] { return v["N"] * v["D"]; });
  v.Bind("T", "B * S", [&] { return v["B"] * v["S"]; });
  DeclareWeight({.name = "weight",
                 .weight = args.weight,
                 .scale_name = args.weight_scale_name,
                 .symbols = kWeightSymbols<"N*D", "H">,
                 .type = args.quantization_type,
                 .compact = args.compact_weight_scales},
                v);
  DeclareActQuant({.act_quant = args.act_quant,
                   .type = args.quantization_type,
                   .row_default = args.row_default,
                   .x_name = "attention",
                   .x = args.attention},
                  v);
  DeclareCodeScales({.name = args.input_scale_name,
                     .scale = args.input_scale,
                     .type = args.quantization_type,
                     .x = args.attention,
                     .rows = "B S",
                     .mx_blocks = "B S N*D/32",
                     .blocks = "B S N*D/128",
                     .holds_static = true,
                     .act_quant = args.resolved_act_quant()},
                    v);
  DeclareScaleMode(args.scale_mode, v);
  DeclareF32Mode(args.f32_mode, v);
  DeclareOutput(args, v);
}

}  // namespace tilework::output_projection_internal
