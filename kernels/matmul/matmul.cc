// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/matmul/matmul.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/scale_values.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace matmul_internal {
namespace {

using enum QuantScheme;

constexpr Enumerator kLeftSchemes[] = {{0, "NONE"},
                                       {1, "PER_TENSOR"},
                                       {4, "PER_TOKEN"},
                                       {5, "MX"},
                                       {7, "BLOCK128"}};
constexpr Enumerator kRightSchemes[] = {
    {0, "NONE"}, {1, "PER_TENSOR"}, {2, "PER_SEGMENT"}, {3, "PER_CHANNEL"},
    {5, "MX"},   {6, "MX_COMPACT"}, {7, "BLOCK128"}};
constexpr Enumerator kBiasDims[] = {{0, "N"}, {1, "M"}};

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

bool IsMxScheme(QuantScheme scheme) {
  return scheme == kMx || scheme == kMxCompact;
}
bool IsCodes(const ConstTensor& data) {
  return data.present() && !IsFloat(data.dtype());
}

// Whether there is a product of an a of scheme `a` and a b of scheme `b`.
bool ArePair(QuantScheme a, QuantScheme b) {
  switch (a) {
    case kNone:
      return b != kPerSegment && b != kPerToken;
    case kPerTensor:
    case kPerToken:
      return b == kPerTensor || b == kPerChannel || b == kPerSegment;
    case kMx:
      return IsMxScheme(b) || b == kPerTensor || b == kPerChannel;
    case kBlock128:
      return b == kBlock128;
    default:
      return false;
  }
}

// The same for an a of `a_type`: numbers with scales of blocks are no f16.
bool GoTogether(QuantScheme a, DType a_type, QuantScheme b) {
  const bool is_f16 = a == kNone && a_type == DType::kF16;
  return ArePair(a, b) && !(is_f16 && ScalesInsideSum(b));
}

// The scheme that an unquantized a gets.
QuantScheme SchemeOf(ActQuant act_quant) {
  switch (act_quant) {
    case ActQuant::kStatic:
      return kPerTensor;
    case ActQuant::kRow:
      return kPerToken;
    case ActQuant::kMx:
      return kMx;
    case ActQuant::kBlock128:
      return kBlock128;
    default:
      return kNone;
  }
}

// The types of codes of a scheme.
absl::Span<const DType> CodeTypes(QuantScheme scheme) {
  static constexpr DType kAll[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                                   DType::kF8E5M2};
  static constexpr DType kOfMx[] = {DType::kF8E4M3, DType::kF8E5M2,
                                    DType::kF4E2M1};
  static constexpr DType kOfBlocks[] = {DType::kF8E4M3};
  if (scheme == kMx) return kOfMx;
  return ScalesInsideSum(scheme) ? absl::MakeConstSpan(kOfBlocks)
                                 : absl::MakeConstSpan(kAll);
}

bool Has(absl::Span<const DType> types, DType type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

using SchemeList = absl::InlinedVector<QuantScheme, 4>;

// Whether `scales` are those of a matrix `data`, where they are `inner` without
// leading dimensions.
bool ScalesFit(const ConstTensor& data, const ConstTensor& scales,
               const Dims& inner) {
  const int leading = scales.rank() - inner.size();
  if (leading != 0 && leading != data.rank() - 2) return false;
  for (int i = 0; i < scales.rank(); ++i) {
    const int64_t expected = i < leading ? data.dim(i) : inner[i - leading];
    if (scales.dim(i) != expected) return false;
  }
  return true;
}

// The shape of scales without leading dimensions.
Dims InnerShape(QuantScheme scheme, const ConstTensor& data, bool is_left) {
  const int64_t rows = data.dim(-2), cols = data.dim(-1);
  switch (scheme) {
    case kPerToken:
      return {rows};
    case kPerChannel:
      return {cols};
    case kMx:
      return is_left ? Dims{rows, CeilDiv(cols, kMxBlockSize)}
                     : Dims{CeilDiv(rows, kMxBlockSize), cols};
    case kMxCompact:
    case kBlock128:
      return {is_left ? rows : CeilDiv(rows, kScaleBlock),
              CeilDiv(cols, kScaleBlock)};
    default:
      return {1};
  }
}

// The schemes that codes may have by the types and shapes of them and their
// scales.
SchemeList FittingSchemes(const ConstTensor& data, const ConstTensor& scales,
                          bool is_left) {
  SchemeList list;
  if (data.rank() < 2) return list;
  for (const Enumerator& e : is_left ? absl::MakeConstSpan(kLeftSchemes)
                                     : absl::MakeConstSpan(kRightSchemes)) {
    const auto scheme = static_cast<QuantScheme>(e.value);
    // Segments are never guessed.
    if (scheme == kNone || scheme == kPerSegment) continue;
    const DType dtype = IsMxScheme(scheme) ? DType::kE8M0 : DType::kF32;
    if (scales.dtype() != dtype || !Has(CodeTypes(scheme), data.dtype())) {
      continue;
    }
    const bool is_one = scheme == kPerTensor && scales.NumElements() == 1;
    if (is_one || ScalesFit(data, scales, InnerShape(scheme, data, is_left))) {
      list.push_back(scheme);
    }
  }
  return list;
}

SchemeList CandidatesOfA(const MatmulArgs& args) {
  const std::optional<QuantScheme> given =
      args.a_scheme.has_value() ? args.a_scheme : args.a.scheme;
  if (!IsCodes(args.a.data)) {
    return {SchemeOf(args.act_quant)};
  }
  if (given.has_value()) return {*given};
  // Without scales, so that one can ask for some.
  if (!args.a.scales.present()) return {kPerTensor};
  return FittingSchemes(args.a.data, args.a.scales, /*is_left=*/true);
}

SchemeList CandidatesOfB(const MatmulArgs& args, const SchemeList& of_a) {
  const std::optional<QuantScheme> given =
      args.b_scheme.has_value() ? args.b_scheme : args.b.given_scheme();
  if (given.has_value()) return {*given};
  const ConstTensor& data = args.b.plain();
  if (!IsCodes(data)) return {kNone};
  if (!args.b.scales().present()) {
    const bool blocks = of_a.size() == 1 && of_a[0] == kBlock128;
    if (data.dtype() == DType::kF4E2M1) return {kMx};
    return {blocks ? kBlock128 : kPerTensor};
  }
  return FittingSchemes(data, args.b.scales(), /*is_left=*/false);
}

// Whether two schemes of the same scales give the same numbers.
bool SameNumbers(QuantScheme a, QuantScheme b, const ConstTensor& scales) {
  return a == b || ScalesInsideSum(a) == ScalesInsideSum(b) ||
         scales.NumElements() == 1;
}

struct Resolution {
  SchemeList of_a, of_b;
  // The first two that go together.
  std::optional<Schemes> pair;
  // Others that do and give other numbers.
  std::optional<QuantScheme> other_a, other_b;
};

Resolution Resolve(const MatmulArgs& args) {
  Resolution result = {.of_a = CandidatesOfA(args)};
  result.of_b = CandidatesOfB(args, result.of_a);
  for (const QuantScheme a : result.of_a) {
    for (const QuantScheme b : result.of_b) {
      if (!ArePair(a, b)) continue;
      if (!result.pair.has_value()) {
        result.pair = Schemes{a, b};
        continue;
      }
      if (!SameNumbers(a, result.pair->a, args.a.scales)) result.other_a = a;
      if (!SameNumbers(b, result.pair->b, args.b.scales())) result.other_b = b;
    }
  }
  return result;
}

// For shapes of scales and the like; the first one if none or several fit.
QuantScheme SchemeOfA(const MatmulArgs& args) {
  const Resolution r = Resolve(args);
  if (r.pair.has_value()) return r.pair->a;
  return r.of_a.empty() ? kNone : r.of_a[0];
}
QuantScheme SchemeOfB(const MatmulArgs& args) {
  const Resolution r = Resolve(args);
  if (r.pair.has_value()) return r.pair->b;
  return r.of_b.empty() ? kNone : r.of_b[0];
}

DTypes TypesOfA(const MatmulArgs& args) {
  constexpr std::string_view kText =
      "f32, bf16, f16; f8e4m3, f8e4m3_240, f8e5m2 with scales (MX: not "
      "f8e4m3_240; BLOCK128: f8e4m3)";
  const std::optional<QuantScheme> given =
      args.a_scheme.has_value() ? args.a_scheme : args.a.scheme;
  absl::InlinedVector<DType, 8> types;
  if (!given.has_value() || *given == kNone) {
    types.assign(std::begin(kFloatTypes), std::end(kFloatTypes));
  }
  if (!given.has_value() || *given != kNone) {
    for (const DType type : CodeTypes(given.value_or(kPerTensor))) {
      if (IsFloat8(type)) types.push_back(type);
    }
  }
  return DTypes(types, kText);
}

// Those of b beside a.
DTypes TypesOfB(const MatmulArgs& args) {
  constexpr std::string_view kText =
      "as a, or f32 (any of f32, bf16, f16 beside f32); f8e4m3, f8e4m3_240, "
      "f8e5m2 with scales (MX: f4e2m1, not f8e4m3_240; MX_COMPACT, BLOCK128: "
      "f8e4m3)";
  const QuantScheme a = SchemeOfA(args);
  const DType a_type = args.a.data.dtype();
  const std::optional<QuantScheme> given =
      args.b_scheme.has_value() ? args.b_scheme : args.b.given_scheme();
  absl::InlinedVector<DType, 8> types;
  if (given.value_or(a) == kNone) {
    for (const DType type : kFloatTypes) {
      if (a_type == DType::kF32 || type == DType::kF32 || type == a_type) {
        types.push_back(type);
      }
    }
  }
  for (const Enumerator& e : kRightSchemes) {
    const auto b = static_cast<QuantScheme>(e.value);
    if (b == kNone || b != given.value_or(b)) continue;
    if (!given.has_value() && !GoTogether(a, a_type, b)) continue;
    for (const DType type : CodeTypes(b)) {
      if (!Has(types, type)) types.push_back(type);
    }
  }
  return DTypes(types, kText);
}

void CheckGiven(std::string_view name, std::string_view attribute,
                const std::optional<QuantScheme>& by_attribute,
                const std::optional<QuantScheme>& by_operand,
                ArgumentChecker& check) {
  check.Require(!by_attribute.has_value() || !by_operand.has_value() ||
                    *by_attribute == *by_operand,
                attribute, " is ", Name(by_attribute.value_or(kNone)), " but ",
                name, " has scheme ", Name(by_operand.value_or(kNone)));
}

void CheckFits(std::string_view name, const ConstTensor& data,
               const ConstTensor& scales, bool fits, ArgumentChecker& check) {
  check.Require(fits, name, "_scale is ", Name(scales.dtype()), " ",
                scales.shape(), ", which fits no scheme of ", name, ", ",
                Name(data.dtype()), " ", data.shape());
}

void CheckNotAmbiguous(std::string_view name, const ConstTensor& scales,
                       QuantScheme first,
                       const std::optional<QuantScheme>& other,
                       ArgumentChecker& check) {
  check.Require(!other.has_value(), name, "_scale is ", scales.shape(),
                ", which fits ", Name(first), " and ",
                Name(other.value_or(kNone)), ": ", name, "_scheme must tell");
}

void CheckPair(const MatmulArgs& args, ArgumentChecker& check) {
  const Resolution r = Resolve(args);
  if (!check.ok() || r.of_a.empty() || r.of_b.empty()) return;
  check.Require(r.pair.has_value(), "a has scheme ", Name(r.of_a[0]),
                IsCodes(args.a.data) ? "" : " by act_quant", " but b ",
                Name(r.of_b[0]), ": there is no product of these");
  if (!r.pair.has_value()) return;
  check.Require(args.a.data.dtype() != DType::kF16 || r.pair->a != kNone ||
                    !ScalesInsideSum(r.pair->b),
                "a has dtype f16, expected f32 or bf16 beside a b of ",
                Name(r.pair->b));
  CheckNotAmbiguous("a", args.a.scales, r.pair->a, r.other_a, check);
  CheckNotAmbiguous("b", args.b.scales(), r.pair->b, r.other_b, check);
}

Presence ScalePresence(const ConstTensor& data) {
  return RequiredUnless(!IsCodes(data), "the operand is f32, bf16 or f16");
}

DTypes ScaleTypes(QuantScheme scheme) {
  return DTypes({IsMxScheme(scheme) ? DType::kE8M0 : DType::kF32},
                "f32; e8m0 for MX and MX_COMPACT");
}

TensorField LeftScales(const MatmulLeft& a) {
  return TensorField(&a, a.scales, [](const void* to, const Tensor& scales) {
    const_cast<MatmulLeft*>(static_cast<const MatmulLeft*>(to))->scales =
        scales;
  });
}

void DeclareLeft(const MatmulArgs& args, SchemaVisitor& v) {
  v.Attribute("a_scheme", args.a_scheme,
              {.domain = Domain::OneOf(kLeftSchemes),
               .absent = "what follows from a and a_scale",
               .help = "how a is quantized"});
  v.Input("a", args.a,
          {.shape = "..a M K",
           .dtypes = TypesOfA(args),
           .help = "the left operand"});
  v.Attribute("act_quant", args.act_quant,
              {.domain = Domain::OneOf(ActQuants()),
               .help = "how an a of f32, bf16 or f16 is quantized; AUTO as "
                       "NONE"});
  v.Attribute("quant_clipping_bound", args.quant_clipping_bound,
              {.domain = Domain::AtLeast(0),
               .help = "of the magnitudes of a for ROW; off up to 1e-6"});
  DeclareScaleMode(args.scale_mode, v);
  v.Bind("K/32", "ceil(K / 32)", [&] { return CeilDiv(v["K"], kMxBlockSize); });
  v.Bind("K/128", "ceil(K / 128)",
         [&] { return CeilDiv(v["K"], kScaleBlock); });
  v.Rule("a_scale fits one scheme of a", [&](ArgumentChecker& check) {
    CheckGiven("a", "a_scheme", args.a_scheme, args.a.scheme, check);
    const QuantScheme scheme = args.a.scheme.value_or(kNone);
    check.Require(
        Domain::OneOf(kLeftSchemes).Contains(static_cast<double>(scheme)),
        "a has scheme ", Name(scheme), ", which is one of right operands");
    CheckFits("a", args.a.data, args.a.scales, !CandidatesOfA(args).empty(),
              check);
  });
  const QuantScheme scheme =
      IsCodes(args.a.data) ? SchemeOfA(args) : kPerTensor;
  v.Input(
      "a_scale", LeftScales(args.a),
      {.shape = {{"1* | ..a 1", "PER_TENSOR", scheme == kPerTensor},
                 {"M | ..a M", "PER_TOKEN", scheme == kPerToken},
                 {"M K/32 | ..a M K/32", "MX", scheme == kMx},
                 {"M K/128 | ..a M K/128", "BLOCK128", scheme == kBlock128}},
       .dtypes = ScaleTypes(scheme),
       .presence = ScalePresence(args.a.data),
       .values = kScaleValues,
       .help = "the scales of an a of codes"});
  DeclareStaticScale(
      "a_in_scale", args.a_in_scale,
      !IsCodes(args.a.data) && args.act_quant == ActQuant::kStatic, v);
}

void DeclareSegments(const MatmulArgs& args, SchemaVisitor& v) {
  const bool has_segments = SchemeOfB(args) == kPerSegment;
  constexpr std::string_view kOther = "b_scheme is not PER_SEGMENT";
  Presence presence = OptionalUnless(!has_segments, kOther);
  if (has_segments) {
    presence = {.kind = Presence::Kind::kRequired,
                .unless = kOther,
                .required_if = "b_scheme is PER_SEGMENT"};
  }
  v.Attribute("segment_columns", args.segment_columns,
              {.domain = Domain::Between(0, {v["N"], "N"}),
               .presence = presence,
               .absent = "none",
               .help = "the first columns of the second and third segment"});
  v.Rule("segment_columns ascend", [&](ArgumentChecker& check) {
    if (!args.segment_columns.has_value()) return;
    const auto [second, third] = *args.segment_columns;
    check.Require(second <= third, "segment_columns are ", second, " and ",
                  third, ", expected ascending ones");
  });
}

void DeclareRight(const MatmulArgs& args, SchemaVisitor& v) {
  v.Attribute("b_scheme", args.b_scheme,
              {.domain = Domain::OneOf(kRightSchemes),
               .absent = "what follows from b and b_scale",
               .help = "how b is quantized"});
  v.Input("b", args.b,
          {.shape = "..b K N",
           .dtypes = TypesOfB(args),
           .packed_dim = -2,
           .help = "the right operand; may be packed"});
  v.Bind("N/128", "ceil(N / 128)",
         [&] { return CeilDiv(v["N"], kScaleBlock); });
  v.Rule("b_scale fits one scheme of b", [&](ArgumentChecker& check) {
    CheckGiven("b", "b_scheme", args.b_scheme, args.b.given_scheme(), check);
    CheckFits("b", args.b.plain(), args.b.scales(),
              !CandidatesOfB(args, CandidatesOfA(args)).empty(), check);
  });
  const ConstTensor& data = args.b.plain();
  const QuantScheme scheme = IsCodes(data) ? SchemeOfB(args) : kPerTensor;
  const bool tiles = scheme == kMxCompact || scheme == kBlock128;
  v.Input("b_scale", ScalesField(args.b),
          {.shape = {{"1* | ..b 1", "PER_TENSOR", scheme == kPerTensor},
                     {"3 | ..b 3", "PER_SEGMENT", scheme == kPerSegment},
                     {"N | ..b N", "PER_CHANNEL", scheme == kPerChannel},
                     {"K/32 N | ..b K/32 N", "MX", scheme == kMx},
                     {"K/128 N/128 | ..b K/128 N/128", "MX_COMPACT, BLOCK128",
                      tiles}},
           .dtypes = ScaleTypes(scheme),
           .presence = ScalePresence(data),
           .values = kScaleValues,
           .help = "the scales of a b of codes; a packed one has them inside"});
  v.Rule("the schemes of a and b go together (matmul.h)",
         [&](ArgumentChecker& check) { CheckPair(args, check); });
  DeclareSegments(args, v);
}

void DeclareClamps(const MatmulArgs& args, SchemaVisitor& v) {
  v.Attribute("clamp_lower", args.clamp_lower,
              {.domain = Domain::NotNaN(),
               .absent = "none",
               .help = "least value before the activation"});
  v.Attribute("clamp_upper", args.clamp_upper,
              {.domain = Domain::NotNaN(),
               .absent = "none",
               .help = "largest value before the activation"});
  v.Rule("clamp_lower <= clamp_upper", [&](ArgumentChecker& check) {
    if (!args.clamp_lower.has_value() || !args.clamp_upper.has_value()) return;
    check.Require(*args.clamp_lower <= *args.clamp_upper, "clamp_lower is ",
                  *args.clamp_lower, " but clamp_upper is ", *args.clamp_upper);
  });
}

void DeclareEpilogue(const MatmulArgs& args, SchemaVisitor& v) {
  v.Attribute("bias_dim", args.bias_dim,
              {.domain = Domain::OneOf(kBiasDims),
               .help = "whether bias has an element a column or a row"});
  const bool of_rows = args.bias_dim == MatmulBiasDim::kM;
  v.Input("bias", args.bias,
          {.shape = {{"N", "bias_dim = N", !of_rows},
                     {"M", "bias_dim = M", of_rows}},
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added before the clamp and the activation"});
  v.Input("multiplier", args.multiplier,
          {.shape = "... M N",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "multiplies after the activation"});
  v.Input("residual", args.residual,
          {.shape = "... M N",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added last"});
  v.Attribute("alpha", args.alpha, {.help = "factor of the product"});
  v.Attribute("beta", args.beta,
              {.help = "factor of the residual; 0 does not read it"});
  DeclareClamps(args, v);
  DeclareActivation("activation", args.activation,
                    "of the clamped alpha * product + bias", v);
}

void DeclareOutput(const MatmulArgs& args, SchemaVisitor& v) {
  constexpr DType kOutTypes[] = {DType::kF32,        DType::kBF16,
                                 DType::kF16,        DType::kF8E4M3,
                                 DType::kF8E4M3_240, DType::kF8E5M2};
  v.Output("out", args.out,
           {.shape = "... M N",
            .dtypes = kOutTypes,
            .may_be = {"residual"},
            .help = "the result"});
  v.Input("out_scale", args.out_scale,
          {.shape = kOneElementWord,
           .dtypes = kF32Only,
           .presence = OptionalUnless(!IsFloat8(args.out.dtype()),
                                      "out is not of 8 bits"),
           .values = kScaleValues,
           .help = "the scale of an out of 8 bits; 1 if absent"});
}

}  // namespace

Schemes ResolveSchemes(const MatmulArgs& args) {
  return Resolve(args).pair.value_or(Schemes());
}

int ScaleRank(QuantScheme scheme) { return ScalesInsideSum(scheme) ? 2 : 1; }

}  // namespace matmul_internal

ConstTensor AsTensor(const MatmulLeft& a) { return a.data; }
void SetTensor(MatmulLeft& a, const Tensor& tensor) { a.data = tensor; }

void Declare(const MatmulArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "matmul",
            .summary = "Matrix product, also of quantized operands, with bias, "
                       "clamp, activation, multiplier and residual",
            .rows = "M"});
  v.Broadcast("...", "..a", "..b");
  matmul_internal::DeclareLeft(args, v);
  matmul_internal::DeclareRight(args, v);
  matmul_internal::DeclareEpilogue(args, v);
  DeclareF32Mode(args.f32_mode, v,
                 "how exact products of f32 must be; the host's are IEEE in "
                 "every mode");
  v.Attribute("batch_invariant", args.batch_invariant,
              {.help = "asks for sums in an order that does not depend on M; "
                       "the host's never do"});
  matmul_internal::DeclareOutput(args, v);
}

absl::Status Validate(const MatmulArgs& args) { return CheckArguments(args); }

}  // namespace tilework
