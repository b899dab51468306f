// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the declarations of projections share: quantized weights with their
// scales, how activations are quantized, and the scales of those that are codes
// already.

#ifndef TILEWORK_COMMON_PROJECTION_WEIGHT_H_
#define TILEWORK_COMMON_PROJECTION_WEIGHT_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// How exact the products of an f32 activation must be. The host rounds it with
// kBf16 beside a weight that bf16 has, and is IEEE else, which is within the
// error bounds of all.
enum class F32Mode : uint8_t {
  kIeee = 0,  // f32 products
  kTf32 = 1,  // of inputs rounded to 10 bits of mantissa
  kBf16 = 2,  // of inputs rounded to bf16
};

// All values, for schemas.
absl::Span<const Enumerator> ActQuants();

// Attributes that projections have by the same names.
void DeclareQuantizationType(const QuantizationType& type, SchemaVisitor& v);
// After quantization_type.
void DeclareCompactScales(const bool& compact, const QuantizationType& type,
                          SchemaVisitor& v);
void DeclareScaleMode(const MxScaleMode& mode, SchemaVisitor& v);
void DeclareF32Mode(const F32Mode& mode, SchemaVisitor& v,
                    std::string_view help =
                        "how exact products of f32 must be; BF16 rounds an "
                        "activation of f32 beside weights of bf16 or "
                        "codes, else the host's are IEEE");

// output_dtype, and the types that an output then has: it alone if it is given.
void DeclareOutputDType(const std::optional<DType>& dtype, SchemaVisitor& v);
DTypes OutputTypes(const std::optional<DType>& dtype);

// The scheme of a weight. kStatic has a scale a tensor, or, if `segments`, one
// for the columns of Q, of K and of V.
QuantScheme SchemeOf(QuantizationType type, bool compact, bool segments);
// `weight` with the scheme that `type` says; of kStatic, with three scales,
// kPerSegment.
MatrixOperand WithScheme(const MatrixOperand& weight, QuantizationType type,
                         bool compact = false);
// The scheme of an activation that is codes already.
QuantScheme ActivationSchemeOf(QuantizationType type);

// `given`, or what the type means by kAuto, where `row_default` is that of ROW.
ActQuant ResolveActQuant(QuantizationType type, ActQuant given,
                         ActQuant row_default);
// OperandArgs::compute of an activation x: bf16 for an f32 one where `mode`
// allows it and the product is then faster; else kNone.
DType ComputeType(const ConstTensor& x, const MatrixOperand& weight,
                  F32Mode mode);
// The type that activations are quantized to beside a weight of `weight`.
DType ActivationCode(ActQuant act_quant, DType weight);

namespace weight_internal {

template <size_t kSize>
struct Text {
  std::array<char, kSize> chars;

  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Text(const char (&text)[kSize]) {
    std::copy(text, text + kSize, chars.begin());
  }
};

// The parts one after the other.
template <Text... kParts>
struct Joined {
  static constexpr size_t kSize = (0 + ... + (kParts.chars.size() - 1));
  static constexpr std::array<char, kSize> kChars = [] {
    std::array<char, kSize> chars = {};
    size_t at = 0;
    ((std::copy(kParts.chars.begin(), kParts.chars.end() - 1,
                chars.begin() + at),
      at += kParts.chars.size() - 1),
     ...);
    return chars;
  }();
  static constexpr std::string_view kText{kChars.data(), kSize};
};

}  // namespace weight_internal

// The symbols of a weight [K, N] and of its scales, for patterns of shapes.
struct WeightSymbols {
  std::string_view k, n;
  std::string_view k32, k32_source;  // "H/32" is ceil(H / 32)
  std::string_view k128, k128_source;
  std::string_view n128, n128_source;
  std::string_view shape;      // "H I"
  std::string_view mx_scales;  // "H/32 I"
  std::string_view blocks;     // "H/128 I/128"
};

// kWeightSymbols<"H", "I">
template <weight_internal::Text K, weight_internal::Text N>
inline constexpr WeightSymbols kWeightSymbols = {
    .k = weight_internal::Joined<K>::kText,
    .n = weight_internal::Joined<N>::kText,
    .k32 = weight_internal::Joined<K, "/32">::kText,
    .k32_source = weight_internal::Joined<"ceil(", K, " / 32)">::kText,
    .k128 = weight_internal::Joined<K, "/128">::kText,
    .k128_source = weight_internal::Joined<"ceil(", K, " / 128)">::kText,
    .n128 = weight_internal::Joined<N, "/128">::kText,
    .n128_source = weight_internal::Joined<"ceil(", N, " / 128)">::kText,
    .shape = weight_internal::Joined<K, " ", N>::kText,
    .mx_scales = weight_internal::Joined<K, "/32 ", N>::kText,
    .blocks = weight_internal::Joined<K, "/128 ", N, "/128">::kText,
};

// A kernel's members that are a weight [K, N], some with their names.
struct WeightMembers {
  std::string_view name;
  const MatrixOperand& weight;
  std::string_view scale_name;
  const WeightSymbols& symbols;
  QuantizationType type;
  bool compact = false;   // compact_weight_scales, which the kernel declares
  bool segments = false;  // whether STATIC may have three scales
  // For NONE.
  DTypes floats = kFloatTypes;
  Presence presence = {};
  std::string_view help = "the weight; may be packed";
};

// Shows the weight and its scales. Afterwards v knows ceil(K / 32) and
// ceil(K / 128).
void DeclareWeight(const WeightMembers& members, SchemaVisitor& v);

// A kernel's members that say how its activation x is quantized.
struct ActQuantMembers {
  const ActQuant& act_quant;
  QuantizationType type;
  ActQuant row_default;
  std::string_view x_name;
  const ConstTensor& x;
  std::string_view help = "how f32, bf16 and f16 tokens are quantized";
};

// Shows the attribute `act_quant`, and the rule which values go with `type`;
// after x.
void DeclareActQuant(const ActQuantMembers& members, SchemaVisitor& v);

// What x may be: f32, bf16 or f16, or the codes that `type` takes; with NONE
// only if `codes_of_none`.
DTypes ActivationTypes(QuantizationType type, bool codes_of_none);

// The scale of kStatic, [1]. Needed if `needed`: where the activation is
// quantized with it, or is codes of a STATIC type.
void DeclareStaticScale(std::string_view name, const ConstTensor& scale,
                        bool needed, SchemaVisitor& v);

// The scales of an x that is codes already, in one tensor.
struct CodeScaleMembers {
  std::string_view name;
  const ConstTensor& scale;
  QuantizationType type;
  const ConstTensor& x;
  std::string_view rows;       // the shape for ROW: "B S"
  std::string_view mx_blocks;  // for MX: "B S H/32"
  std::string_view blocks;     // for BLOCK128: "B S H/128"
  // Whether NONE may have one scale, [1].
  bool scale_of_none = false;
  // Whether the [1] of STATIC is this tensor too, of codes or of an x that is
  // quantized by `act_quant` (resolved).
  bool holds_static = false;
  ActQuant act_quant = ActQuant::kNone;
};

// After DeclareWeight() of the weight with the same K.
void DeclareCodeScales(const CodeScaleMembers& members, SchemaVisitor& v);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_WEIGHT_H_
