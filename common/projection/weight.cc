// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/projection/weight.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/quantize/scale_values.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

using enum QuantizationType;

constexpr Enumerator kTypes[] = {
    {0, "NONE"},      {1, "STATIC"}, {2, "ROW"},     {3, "MX"},
    {4, "STATIC_MX"}, {5, "ROW_MX"}, {6, "BLOCK128"}};
constexpr Enumerator kActQuants[] = {{0, "AUTO"}, {1, "NONE"}, {2, "STATIC"},
                                     {3, "ROW"},  {4, "MX"},   {5, "BLOCK128"}};
constexpr Enumerator kScaleModes[] = {
    {0, "FLOOR"}, {1, "CEIL"}, {2, "EVEN"}, {3, "RCEIL"}};
constexpr Enumerator kF32Modes[] = {{0, "IEEE"}, {1, "TF32"}, {2, "BF16"}};

constexpr DType kFloat8Types[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                                  DType::kF8E5M2};
constexpr DType kMxTypes[] = {DType::kF8E4M3, DType::kF8E5M2, DType::kF4E2M1};
constexpr DType kE4M3Only[] = {DType::kF8E4M3};
constexpr DType kE8M0Only[] = {DType::kE8M0};

constexpr DType kFloatOrFloat8[] = {DType::kF32,        DType::kBF16,
                                    DType::kF16,        DType::kF8E4M3,
                                    DType::kF8E4M3_240, DType::kF8E5M2};
constexpr DType kFloatOrMxFloat8[] = {DType::kF32, DType::kBF16, DType::kF16,
                                      DType::kF8E4M3, DType::kF8E5M2};
constexpr DType kFloatOrE4M3[] = {DType::kF32, DType::kBF16, DType::kF16,
                                  DType::kF8E4M3};

bool IsStatic(QuantizationType type) {
  return type == kStatic || type == kStaticMx;
}
bool IsRow(QuantizationType type) { return type == kRow || type == kRowMx; }

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

absl::Span<const DType> WeightTypes(const WeightMembers& members) {
  switch (members.type) {
    case kNone:
      return members.floats.dtypes();
    case kStatic:
    case kRow:
      return kFloat8Types;
    case kMx:
      if (!members.compact) return kMxTypes;
      return kE4M3Only;
    case kStaticMx:
    case kRowMx:
    case kBlock128:
      return kE4M3Only;
  }
  return {};
}

Presence ScalePresence(const WeightMembers& members) {
  const Presence& presence = members.presence;
  if (presence.kind == Presence::Kind::kForbidden) {
    return RequiredUnless(true, presence.unless);
  }
  if (members.weight.present() && members.weight.packed() != nullptr) {
    return RequiredUnless(true, "the weight is packed with its scales");
  }
  if (members.type != kNone && !members.weight.present()) {
    return RequiredUnless(true, "the weight is not given");
  }
  return RequiredUnless(members.type == kNone, "quantization_type is NONE");
}

Shapes ScaleShapes(const WeightMembers& members) {
  const QuantizationType type = members.type;
  const bool one_a_tile = (type == kMx && members.compact) || type == kBlock128;
  return {
      {members.segments ? "3 | 1*" : "1*", "STATIC, STATIC_MX", IsStatic(type)},
      {members.symbols.n, "ROW, ROW_MX", IsRow(type)},
      {members.symbols.mx_scales, "MX", type == kMx && !members.compact},
      {members.symbols.blocks, "MX with compact scales, BLOCK128", one_a_tile}};
}

// The scheme that a weight was given with or packed with is that of its type.
void CheckScheme(const WeightMembers& members, ArgumentChecker& check) {
  const MatrixOperand& weight = members.weight;
  if (!weight.present() || !weight.given_scheme().has_value()) return;
  const QuantScheme given = *weight.given_scheme();
  const QuantScheme expected =
      SchemeOf(members.type, members.compact,
               members.segments && given == QuantScheme::kPerSegment);
  check.Require(given == expected, members.name, " is ",
                weight.packed() != nullptr ? "packed" : "given",
                " with scheme ", Name(given), ", expected ", Name(expected));
}

absl::Span<const ActQuant> ActQuantsFor(QuantizationType type) {
  static constexpr ActQuant kOfNone[] = {ActQuant::kAuto, ActQuant::kNone};
  static constexpr ActQuant kOfOuter[] = {ActQuant::kAuto, ActQuant::kNone,
                                          ActQuant::kStatic, ActQuant::kRow,
                                          ActQuant::kMx};
  static constexpr ActQuant kOfMx[] = {ActQuant::kAuto, ActQuant::kNone,
                                       ActQuant::kMx};
  static constexpr ActQuant kOfBlock128[] = {ActQuant::kAuto, ActQuant::kNone,
                                             ActQuant::kBlock128};
  if (type == QuantizationType::kNone) return kOfNone;
  if (type == QuantizationType::kMx) return kOfMx;
  if (type == QuantizationType::kBlock128) return kOfBlock128;
  return kOfOuter;
}

std::string_view ActQuantName(ActQuant act_quant) {
  return kActQuants[static_cast<size_t>(act_quant)].name;
}

void CheckActQuant(const ActQuantMembers& members, ArgumentChecker& check) {
  const auto allowed = ActQuantsFor(members.type);
  if (std::find(allowed.begin(), allowed.end(), members.act_quant) ==
      allowed.end()) {
    check.Require(
        false, "act_quant is ", ActQuantName(members.act_quant),
        " but quantization_type is ",
        kTypes[static_cast<size_t>(members.type)].name, ", expected ",
        absl::StrJoin(allowed, " or ", [](std::string* out, ActQuant a) {
          out->append(ActQuantName(a));
        }));
  }
  const ActQuant resolved =
      ResolveActQuant(members.type, members.act_quant, members.row_default);
  const bool scales_inside = members.type == kMx || members.type == kBlock128;
  check.Require(!scales_inside || resolved != ActQuant::kNone ||
                    members.x.dtype() != DType::kF16,
                "act_quant is NONE and ", members.x_name,
                " has dtype f16, expected f32 or bf16 beside a weight with "
                "scales of blocks");
}

Presence CodeScalePresence(const CodeScaleMembers& members, bool codes) {
  const bool is_static = IsStatic(members.type);
  if (codes) {
    if (members.type == kNone && members.scale_of_none) return Optional();
    if (members.type == kNone) {
      return RequiredUnless(true, "quantization_type is NONE");
    }
    return RequiredUnless(is_static && !members.holds_static,
                          "quantization_type is STATIC or STATIC_MX");
  }
  if (!members.holds_static) {
    return RequiredUnless(true, "the tokens are not codes");
  }
  return RequiredUnless(members.act_quant != ActQuant::kStatic,
                        "the tokens are neither codes nor quantized as STATIC");
}

}  // namespace

absl::Span<const Enumerator> ActQuants() { return kActQuants; }

void DeclareQuantizationType(const QuantizationType& type, SchemaVisitor& v) {
  v.Attribute("quantization_type", type,
              {.domain = Domain::OneOf(kTypes),
               .help = "how the weights are quantized"});
}

void DeclareCompactScales(const bool& compact, const QuantizationType& type,
                          SchemaVisitor& v) {
  v.Attribute("compact_weight_scales", compact,
              {.help = "MX with one scale for 128 x 128 elements of a weight"});
  v.Rule("compact_weight_scales needs quantization_type MX",
         [&](ArgumentChecker& check) {
           check.Require(!compact || type == kMx,
                         "compact_weight_scales is true but quantization_type "
                         "is ",
                         kTypes[static_cast<size_t>(type)].name,
                         ", expected MX");
         });
}

void DeclareScaleMode(const MxScaleMode& mode, SchemaVisitor& v) {
  v.Attribute("scale_mode", mode,
              {.domain = Domain::OneOf(kScaleModes),
               .help = "how scales of MX blocks follow from their elements"});
}

void DeclareF32Mode(const F32Mode& mode, SchemaVisitor& v,
                    std::string_view help) {
  v.Attribute("f32_mode", mode,
              {.domain = Domain::OneOf(kF32Modes), .help = help});
}

void DeclareOutputDType(const std::optional<DType>& dtype, SchemaVisitor& v) {
  static constexpr Enumerator kTypes[] = {
      {static_cast<int64_t>(DType::kF32), Name(DType::kF32)},
      {static_cast<int64_t>(DType::kBF16), Name(DType::kBF16)},
      {static_cast<int64_t>(DType::kF16), Name(DType::kF16)}};
  v.Attribute("output_dtype", dtype,
              {.domain = Domain::OneOf(kTypes),
               .absent = "that of the output",
               .help = "what the output must be"});
}

DTypes OutputTypes(const std::optional<DType>& dtype) {
  constexpr std::string_view kText = "f32, bf16, f16; output_dtype if given";
  if (dtype.has_value()) return DTypes({*dtype}, kText);
  return {absl::MakeConstSpan(kFloatTypes), kText};
}

QuantScheme SchemeOf(QuantizationType type, bool compact, bool segments) {
  switch (type) {
    case kNone:
      return QuantScheme::kNone;
    case kStatic:
    case kStaticMx:
      return segments ? QuantScheme::kPerSegment : QuantScheme::kPerTensor;
    case kRow:
    case kRowMx:
      return QuantScheme::kPerChannel;
    case kMx:
      return compact ? QuantScheme::kMxCompact : QuantScheme::kMx;
    case kBlock128:
      return QuantScheme::kBlock128;
  }
  return QuantScheme::kNone;
}

MatrixOperand WithScheme(const MatrixOperand& weight, QuantizationType type,
                         bool compact) {
  if (weight.packed() != nullptr) return weight;
  const bool segments =
      weight.scales().present() && weight.scales().NumElements() == 3;
  return weight.As(SchemeOf(type, compact, segments));
}

QuantScheme ActivationSchemeOf(QuantizationType type) {
  if (IsRow(type)) return QuantScheme::kPerToken;
  return SchemeOf(type, /*compact=*/false, /*segments=*/false);
}

ActQuant ResolveActQuant(QuantizationType type, ActQuant given,
                         ActQuant row_default) {
  if (given != ActQuant::kAuto) return given;
  switch (type) {
    case kNone:
      return ActQuant::kNone;
    case kStatic:
    case kStaticMx:
      return ActQuant::kStatic;
    case kRow:
      return row_default;
    case kRowMx:
      return ActQuant::kRow;
    case kMx:
      return ActQuant::kMx;
    case kBlock128:
      return ActQuant::kBlock128;
  }
  return ActQuant::kNone;
}

DType ComputeType(const ConstTensor& x, const MatrixOperand& weight,
                  F32Mode mode) {
  const DType type = weight.dtype();
  const bool has_all = type != DType::kF32 && type != DType::kF16;
  return mode == F32Mode::kBf16 && x.dtype() == DType::kF32 && has_all
             ? DType::kBF16
             : DType::kNone;
}

DType ActivationCode(ActQuant act_quant, DType weight) {
  const bool outer =
      act_quant == ActQuant::kStatic || act_quant == ActQuant::kRow;
  return outer && weight == DType::kF8E4M3_240 ? DType::kF8E4M3_240
                                               : DType::kF8E4M3;
}

void DeclareWeight(const WeightMembers& members, SchemaVisitor& v) {
  const WeightSymbols& symbols = members.symbols;
  v.Input(members.name, members.weight,
          {.shape = symbols.shape,
           .dtypes = DTypes(WeightTypes(members),
                            "f32, bf16, f16; f8e4m3, f8e4m3_240, f8e5m2 for "
                            "STATIC and ROW; f8e4m3, f8e5m2, f4e2m1 for MX; "
                            "f8e4m3 for MX with compact scales, STATIC_MX, "
                            "ROW_MX and BLOCK128"),
           .presence = members.presence,
           .packed_dim = -2,
           .help = members.help});
  v.Rule("a packed weight has the scheme of quantization_type",
         [&](ArgumentChecker& check) { CheckScheme(members, check); });
  v.Bind(symbols.k32, symbols.k32_source,
         [&] { return CeilDiv(v[symbols.k], kMxBlockSize); });
  v.Bind(symbols.k128, symbols.k128_source,
         [&] { return CeilDiv(v[symbols.k], kScaleBlock); });
  v.Bind(symbols.n128, symbols.n128_source,
         [&] { return CeilDiv(v[symbols.n], kScaleBlock); });
  const bool is_mx = members.type == kMx;
  v.Input(members.scale_name, ScalesField(members.weight),
          {.shape = ScaleShapes(members),
           .dtypes = DTypes(is_mx ? absl::MakeConstSpan(kE8M0Only)
                                  : absl::MakeConstSpan(kF32Only),
                            "f32; e8m0 for MX"),
           .presence = ScalePresence(members),
           .values = kScaleValues,
           .help = "the weight's scales; a packed one has them inside"});
}

void DeclareActQuant(const ActQuantMembers& members, SchemaVisitor& v) {
  v.Attribute("act_quant", members.act_quant,
              {.domain = Domain::OneOf(kActQuants), .help = members.help});
  v.Rule(
      "act_quant is AUTO or NONE, or with STATIC, ROW, STATIC_MX and ROW_MX "
      "also STATIC, ROW or MX, with MX also MX, with BLOCK128 also BLOCK128; "
      "with MX and BLOCK128 not NONE for f16",
      [&](ArgumentChecker& check) { CheckActQuant(members, check); });
}

DTypes ActivationTypes(QuantizationType type, bool codes_of_none) {
  constexpr std::string_view kWithNone =
      "f32, bf16, f16, or codes: f8e4m3, but for STATIC_MX, ROW_MX and "
      "BLOCK128 also f8e5m2, for NONE, STATIC and ROW also f8e4m3_240";
  constexpr std::string_view kWithoutNone =
      "f32, bf16, f16, or codes: f8e4m3, for MX, STATIC and ROW also f8e5m2, "
      "for STATIC and ROW also f8e4m3_240; none for NONE";
  const std::string_view text = codes_of_none ? kWithNone : kWithoutNone;
  switch (type) {
    case kNone:
      if (!codes_of_none) return {absl::MakeConstSpan(kFloatTypes), text};
      return {absl::MakeConstSpan(kFloatOrFloat8), text};
    case kStatic:
    case kRow:
      return {absl::MakeConstSpan(kFloatOrFloat8), text};
    case kMx:
      return {absl::MakeConstSpan(kFloatOrMxFloat8), text};
    case kStaticMx:
    case kRowMx:
    case kBlock128:
      break;
  }
  return {absl::MakeConstSpan(kFloatOrE4M3), text};
}

void DeclareStaticScale(std::string_view name, const ConstTensor& scale,
                        bool needed, SchemaVisitor& v) {
  v.Input(name, scale,
          {.shape = kOneElementWord,
           .dtypes = kF32Only,
           .presence = RequiredUnless(
               !needed,
               "nothing is quantized with it, nor are the tokens "
               "codes of STATIC or STATIC_MX"),
           .values = kScaleValues,
           .help = "the scale of STATIC"});
}

void DeclareCodeScales(const CodeScaleMembers& members, SchemaVisitor& v) {
  const bool codes = IsFloat8(members.x.dtype());
  const QuantizationType type = members.type;
  const bool single = !codes || type == kNone || IsStatic(type);
  const bool is_e8m0 = !single && type == kMx;
  v.Input(
      members.name, members.scale,
      {.shape = {{kOneElementWord,
                  members.holds_static ? "STATIC, STATIC_MX" : "NONE", single},
                 {members.rows, "ROW, ROW_MX", IsRow(type)},
                 {members.mx_blocks, "MX", type == kMx},
                 {members.blocks, "BLOCK128", type == kBlock128}},
       .dtypes = DTypes(is_e8m0 ? absl::MakeConstSpan(kE8M0Only)
                                : absl::MakeConstSpan(kF32Only),
                        "f32; e8m0 for MX"),
       .presence = CodeScalePresence(members, codes),
       .values = kScaleValues,
       .help = "the scales of tokens that are codes"});
}

}  // namespace tilework
