// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_quant.h"

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/normalization/norm_declare.h"

namespace tilework {
namespace {

constexpr Enumerator kNormTypes[] = {{0, "NO_NORM"}, {1, "RMS_NORM"}};
constexpr Enumerator kQuantizationTypes[] = {{1, "STATIC"}, {2, "ROW"}};
constexpr DType kCodeTypes[] = {DType::kF8E4M3_240, DType::kF8E4M3,
                                DType::kF8E5M2};

void DeclareAttributes(const RmsNormQuantArgs& args, SchemaVisitor& v) {
  v.Attribute("lower_bound", args.lower_bound,
              {.domain = Domain::AtLeast(0),
               .help = "bounds the magnitudes for ROW; off up to 1e-6"});
  v.Attribute(
      "norm_type", args.norm_type,
      {.domain = Domain::OneOf(kNormTypes), .help = "whether h is normalized"});
  v.Attribute("quantization_type", args.quantization_type,
              {.domain = Domain::OneOf(kQuantizationTypes),
               .help = "a scale from each row, or a given one"});
  v.Attribute("packed_output", args.packed_output,
              {.help = "puts the scale behind the row; STATIC ignores it"});
  v.Attribute("intermediate_dtype", args.intermediate_dtype,
              {.domain = Domain::OneOf(kFloatTypeNames),
               .help = "to which normalized values are rounded"});
  v.Attribute("group_size", args.group_size,
              {.domain = Domain::AtLeast(0),
               .help = "elements of one scale; 0: the row"});
}

void DeclareNorm(const RmsNormQuantArgs& args, SchemaVisitor& v) {
  const bool has_norm = args.norm_type == NormType::kRmsNorm;
  v.Input("ln_w", args.ln_w,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = has_norm ? Required() : Optional(),
           .help = "gamma of the norm; needed by RMS_NORM"});
  v.Input("pre_norm_gamma", args.pre_norm_gamma,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "gamma of a norm before the residual sum"});
  DeclareEps(args.eps, v);
  DeclareHiddenActual(args.hidden_actual, v);
}

void DeclareOutputs(const RmsNormQuantArgs& args, SchemaVisitor& v) {
  const bool is_row = args.quantization_type == QuantizationType::kRow;
  const bool is_packed = is_row && args.packed_output;
  v.Rule("group_size > 0 needs ROW with packed_output = false",
         [&](ArgumentChecker& check) {
           check.Require(args.group_size == 0 || (is_row && !is_packed),
                         "group_size is ", args.group_size,
                         ", expected 0 unless quantization_type is ROW and "
                         "packed_output false");
         });
  v.Input("input_dequant_scale", args.input_dequant_scale,
          {.shape = kOneElementWord,
           .dtypes = kF32Only,
           .presence = RequiredUnless(is_row, "quantization_type is ROW"),
           .values = {.domain = Domain::FiniteAbove(0), .checked = true},
           .help = "ds"});
  v.Bind("H+4", "H + 4", [&] { return v["H"] + 4; });
  v.Bind("H/G", "ceil(H / group_size)", [&] {
    const int64_t h = v["H"];
    return args.group_size == 0 ? 1 : (h - 1) / args.group_size + 1;
  });
  v.Output("out", args.out,
           {.shape = {{"... H+4", "packed", is_packed},
                      {"... H", "not packed", !is_packed}},
            .dtypes = kCodeTypes,
            .help = "codes"});
  v.Output("dequant_scale", args.dequant_scale,
           {.shape = {{"... | ... 1", "group_size = 0", args.group_size == 0},
                      {"... H/G", "group_size > 0", args.group_size > 0}},
            .dtypes = kF32Only,
            .presence = RequiredUnless(
                !is_row || is_packed,
                "the output is packed or quantization_type is STATIC"),
            .help = "ds"});
}

}  // namespace

void Declare(const RmsNormQuantArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "rmsnorm_quant",
            .summary = "RMS normalization and quantization to 8-bit floating "
                       "point",
            .rows = "..."});
  v.Symbol("H", Domain::AtLeast(1));
  DeclareAttributes(args, v);
  v.Input("hidden", args.hidden,
          {.shape = "... H", .dtypes = kFloatTypes, .help = "x"});
  v.Rule("hidden has rank >= 2", [&](ArgumentChecker& check) {
    check.Require(args.hidden.rank() >= 2, "hidden is ", args.hidden.shape(),
                  ", expected a rank of at least 2");
  });
  DeclareNorm(args, v);
  DeclareResidualSum(args.residual, args.residual_out, "residual_out", v);
  DeclareOutputs(args, v);
}

absl::Status Validate(const RmsNormQuantArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
