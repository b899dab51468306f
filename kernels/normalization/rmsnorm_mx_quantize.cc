// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_mx_quantize.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/packing.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_declare.h"

namespace tilework {
namespace {

constexpr Enumerator kQuantizationTypes[] = {
    {3, "MX"}, {4, "STATIC_MX"}, {5, "ROW_MX"}};
constexpr Enumerator kScaleModes[] = {
    {0, "FLOOR"}, {1, "CEIL"}, {2, "EVEN"}, {3, "RCEIL"}};
constexpr DType kMxTypes[] = {DType::kF8E4M3, DType::kF8E5M2, DType::kF4E2M1};
constexpr DType kPackedTypes[] = {DType::kF8E4M3, DType::kF8E5M2, DType::kU8};
constexpr DType kFloat8Types[] = {DType::kF8E4M3, DType::kF8E5M2};
constexpr DType kScaleTypes[] = {DType::kE8M0, DType::kU8};

int64_t NumBlocks(int64_t size) {
  return (size + kMxBlockSize - 1) / kMxBlockSize;
}

DTypes CodeTypes(bool is_mx, bool is_packed) {
  constexpr std::string_view kText =
      "f8e4m3, f8e5m2; f4e2m1 for MX; packed: f8e4m3, f8e5m2, u8";
  if (is_packed) return DTypes(kPackedTypes, kText);
  return is_mx ? DTypes(kMxTypes, kText) : DTypes(kFloat8Types, kText);
}

void DeclareAttributes(const RmsNormMxQuantizeArgs& args, SchemaVisitor& v) {
  v.Attribute("quantization_type", args.quantization_type,
              {.domain = Domain::OneOf(kQuantizationTypes),
               .help = "MX blocks, a given scale, or a scale a row"});
  v.Attribute("scale_mode", args.scale_mode,
              {.domain = Domain::OneOf(kScaleModes),
               .help = "the rule for scales of MX blocks"});
  v.Attribute("intermediate_dtype", args.intermediate_dtype,
              {.domain = Domain::OneOf(kFloatTypeNames),
               .absent = "type of input",
               .help = "to which normalized values are rounded"});
  v.Attribute("packed_output", args.packed_output,
              {.help = "puts the scales behind the codes of their row"});
}

void DeclareScales(const RmsNormMxQuantizeArgs& args, bool is_packed,
                   SchemaVisitor& v) {
  const bool is_mx = args.quantization_type == QuantizationType::kMx;
  const bool is_row = args.quantization_type == QuantizationType::kRowMx;
  const bool is_static = args.quantization_type == QuantizationType::kStaticMx;
  v.Input("input_dequant_scale", args.input_dequant_scale,
          {.shape = kOneElementWord,
           .dtypes = kF32Only,
           .presence =
               RequiredUnless(!is_static, "quantization_type is not STATIC_MX"),
           .values = {.domain = Domain::FiniteAbove(0), .checked = true},
           .help = "ds"});
  v.Output(
      "output_scale", args.output_scale,
      {.shape = "... H/32",
       .dtypes = kScaleTypes,
       .presence = is_mx ? RequiredUnless(is_packed, "the output is packed")
                         : Optional(),
       .help = "scales of blocks; optional and 127 unless MX"});
  v.Output(
      "output_row_dequant_scale", args.output_row_dequant_scale,
      {.shape = "... | ... 1",
       .dtypes = kF32Only,
       .presence = RequiredUnless(!is_row, "quantization_type is not ROW_MX"),
       .help = "ds"});
}

void DeclareCodes(const RmsNormMxQuantizeArgs& args, SchemaVisitor& v) {
  const bool is_mx = args.quantization_type == QuantizationType::kMx;
  const bool is_packed = is_mx && args.packed_output;
  v.Rule("packed_output needs MX", [&](ArgumentChecker& check) {
    check.Require(!args.packed_output || is_mx,
                  "packed_output is true but quantization_type is not MX");
  });
  v.Bind("H/32", "ceil(H / 32)", [&] { return NumBlocks(v["H"]); });
  v.Bind("P8", "H + ceil(H / 32)", [&] { return v["H"] + v["H/32"]; });
  v.Bind("P4", "ceil(H / 2) + ceil(H / 32)",
         [&] { return (v["H"] + 1) / 2 + v["H/32"]; });
  const bool may_be_4 = is_packed && (args.output_quant.dtype() == DType::kU8 ||
                                      !args.output_quant.present());
  v.Output("output_quant", args.output_quant,
           {.shape = {{"... P8 | ... P4", "packed, of u8", may_be_4},
                      {"... P8", "packed", is_packed},
                      {"... H", "not packed", !is_packed}},
            .dtypes = CodeTypes(is_mx, is_packed),
            .help = "codes"});
  v.Rule("output_quant of f4e2m1 is packed along its last dimension",
         [&](ArgumentChecker& check) {
           check.Require(args.output_quant.dtype() != DType::kF4E2M1 ||
                             IsPackedAlong(args.output_quant, -1),
                         "output_quant of f4e2m1 has strides ",
                         args.output_quant.strides(),
                         ", expected 1 in the last dimension");
         });
  DeclareScales(args, is_packed, v);
}

}  // namespace

void Declare(const RmsNormMxQuantizeArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "rmsnorm_mx_quantize",
            .summary = "RMS normalization and quantization to MX blocks, or "
                       "to 8-bit floating point with a scale a row or a given "
                       "one",
            .rows = "..."});
  v.Symbol("H", Domain::AtLeast(1));
  DeclareAttributes(args, v);
  v.Input("input", args.input,
          {.shape = "... H", .dtypes = kFloatTypes, .help = "x"});
  v.Input("gamma", args.gamma,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "weight; factor 1 if absent"});
  DeclareEps(args.eps, v);
  DeclareHiddenActual(args.hidden_actual, v);
  DeclareResidualSum(args.residual, args.output_residual, "output_residual", v);
  v.Output("output", args.output,
           {.shape = "... H",
            .dtypes = kFloatTypes,
            .presence = Optional(),
            .help = "n, the normalized rows"});
  DeclareCodes(args, v);
}

absl::Status Validate(const RmsNormMxQuantizeArgs& args) {
  return CheckArguments(args);
}

namespace rmsnorm_mx_quantize_internal {

DType CodeType(const RmsNormMxQuantizeArgs& args) {
  const DType dtype = args.output_quant.dtype();
  if (dtype != DType::kU8) return dtype;
  const int64_t size = args.input.dim(-1);
  const bool is_8 = args.output_quant.dim(-1) == size + NumBlocks(size);
  return is_8 ? DType::kF8E4M3 : DType::kF4E2M1;
}

int64_t CodeBytes(const RmsNormMxQuantizeArgs& args) {
  const int64_t size = args.input.dim(-1);
  return CodeType(args) == DType::kF4E2M1 ? (size + 1) / 2 : size;
}

}  // namespace rmsnorm_mx_quantize_internal

}  // namespace tilework
