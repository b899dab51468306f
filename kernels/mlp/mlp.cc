// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/mlp/mlp.h"

#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr std::string_view kAsHidden = "B? S H";
constexpr std::string_view kNoGate = "skip_gate_proj is true";
constexpr std::string_view kCodes = "hidden_tensor is codes";
constexpr WeightSymbols kGateUp = kWeightSymbols<"H", "I">;
constexpr WeightSymbols kDown = kWeightSymbols<"I", "H">;

constexpr Enumerator kModes[] = {{0, "AUTO"}, {1, "PREFILL"}, {2, "DECODE"}};

bool HasCodes(const MlpArgs& args) {
  return IsFloat8(args.hidden_tensor.dtype());
}

void DeclareBias(std::string_view name, const ConstTensor& bias,
                 std::string_view shape, const Presence& presence,
                 SchemaVisitor& v) {
  v.Input(name, bias,
          {.shape = shape,
           .dtypes = kFloatTypes,
           .presence = presence,
           .help = "added to the product"});
}

// Limits of a first product; `rule` says in words that they are in order.
struct ClampMembers {
  std::string_view upper_name, lower_name;
  const std::optional<float>& upper;
  const std::optional<float>& lower;
  Presence presence = Optional();
  std::string_view rule;
};

void DeclareClamp(const ClampMembers& clamp, SchemaVisitor& v) {
  v.Attribute(clamp.upper_name, clamp.upper,
              {.domain = Domain::NotNaN(),
               .presence = clamp.presence,
               .absent = "none",
               .help = "largest value of the product with its bias"});
  v.Attribute(clamp.lower_name, clamp.lower,
              {.domain = Domain::NotNaN(),
               .presence = clamp.presence,
               .absent = "none",
               .help = "least value"});
  v.Rule(clamp.rule, [&](ArgumentChecker& check) {
    if (!clamp.upper.has_value() || !clamp.lower.has_value()) return;
    check.Require(*clamp.upper >= *clamp.lower, clamp.upper_name, " is ",
                  *clamp.upper, " but ", clamp.lower_name, " is ",
                  *clamp.lower);
  });
}

void DeclareWeights(const MlpArgs& args, SchemaVisitor& v) {
  const QuantizationType type = args.quantization_type;
  v.Attribute("skip_gate_proj", args.skip_gate_proj,
              {.help = "v = activation(a * up) without a gate"});
  DeclareWeight({.name = "up_proj_weights_tensor",
                 .weight = args.up_proj_weights_tensor,
                 .scale_name = "up_w_scale",
                 .symbols = kGateUp,
                 .type = type},
                v);
  DeclareWeight({.name = "gate_proj_weights_tensor",
                 .weight = args.gate_proj_weights_tensor,
                 .scale_name = "gate_w_scale",
                 .symbols = kGateUp,
                 .type = type,
                 .floats = SameAs(AsTensor(args.up_proj_weights_tensor),
                                  "as up_proj_weights_tensor"),
                 .presence = RequiredUnless(args.skip_gate_proj, kNoGate)},
                v);
  DeclareWeight({.name = "down_proj_weights_tensor",
                 .weight = args.down_proj_weights_tensor,
                 .scale_name = "down_w_scale",
                 .symbols = kDown,
                 .type = type},
                v);
  DeclareBias("up_proj_bias_tensor", args.up_proj_bias_tensor, "I | 1 I",
              Optional(), v);
  DeclareBias("gate_proj_bias_tensor", args.gate_proj_bias_tensor, "I | 1 I",
              OptionalUnless(args.skip_gate_proj, kNoGate), v);
  DeclareBias("down_proj_bias_tensor", args.down_proj_bias_tensor, "H | 1 H",
              Optional(), v);
}

void DeclareActivations(const MlpArgs& args, SchemaVisitor& v) {
  DeclareClamp(
      {.upper_name = "gate_clamp_upper_limit",
       .lower_name = "gate_clamp_lower_limit",
       .upper = args.gate_clamp_upper_limit,
       .lower = args.gate_clamp_lower_limit,
       .presence = OptionalUnless(args.skip_gate_proj, kNoGate),
       .rule = "gate_clamp_upper_limit is at least gate_clamp_lower_limit"},
      v);
  DeclareClamp(
      {.upper_name = "up_clamp_upper_limit",
       .lower_name = "up_clamp_lower_limit",
       .upper = args.up_clamp_upper_limit,
       .lower = args.up_clamp_lower_limit,
       .rule = "up_clamp_upper_limit is at least up_clamp_lower_limit"},
      v);
  DeclareActivation("activation_fn", args.activation_fn,
                    "of the gate, or of up without one", v);
  v.Attribute("hidden_act_scale_factor", args.hidden_act_scale_factor,
              {.absent = "that of activation_fn",
               .help = "the factor inside sigma of SiLU and Swish"});
  v.Attribute("hidden_act_bias", args.hidden_act_bias,
              {.help = "added to up before it is multiplied with the activated "
                       "gate"});
}

// After the weights.
void DeclareScalesOfTokens(const MlpArgs& args, SchemaVisitor& v) {
  const QuantizationType type = args.quantization_type;
  const ActQuant act_quant =
      ResolveActQuant(type, args.act_quant, ActQuant::kRow);
  const bool is_static = act_quant == ActQuant::kStatic;
  const bool is_static_type =
      SchemeOf(type, /*compact=*/false, /*segments=*/false) ==
      QuantScheme::kPerTensor;
  // One row for all tokens of a batch is as good as one for each sequence.
  const bool in_blocks =
      type == QuantizationType::kMx || type == QuantizationType::kBlock128;
  const bool flat = args.hidden_tensor.rank() == 3 &&
                    args.hidden_scale.rank() == (in_blocks ? 2 : 1);
  v.Bind("T", "B * S", [&] { return v["B"] * v["S"]; });
  DeclareCodeScales({.name = "hidden_scale",
                     .scale = args.hidden_scale,
                     .type = type,
                     .x = args.hidden_tensor,
                     .rows = flat ? "T" : "B? S",
                     .mx_blocks = flat ? "T H/32" : "B? S H/32",
                     .blocks = flat ? "T H/128" : "B? S H/128",
                     .scale_of_none = true},
                    v);
  DeclareStaticScale("gate_up_in_scale", args.gate_up_in_scale,
                     HasCodes(args) ? is_static_type : is_static, v);
  DeclareStaticScale("down_in_scale", args.down_in_scale, is_static, v);
  v.Attribute("quant_clipping_bound", args.quant_clipping_bound,
              {.domain = Domain::FiniteAtLeast(0),
               .help = "of magnitudes before ROW quantization; off up to "
                       "1e-6"});
  DeclareScaleMode(args.scale_mode, v);
}

void DeclareNormOfTokens(const MlpArgs& args, SchemaVisitor& v) {
  DeclareNorm(
      {.type_name = "normalization_type",
       .type = args.normalization_type,
       .gamma_name = "normalization_weights_tensor",
       .gamma = args.normalization_weights_tensor,
       .no_gamma = "normalization_type is neither RMS_NORM nor LAYER_NORM",
       .beta_name = "normalization_bias_tensor",
       .beta = &args.normalization_bias_tensor,
       .no_beta = "normalization_type is not LAYER_NORM",
       .eps_name = "eps",
       .eps = args.eps,
       .gamma_offset = args.gamma_offset,
       .hidden_actual = args.hidden_actual},
      v);
  v.Rule("a hidden_tensor of codes has neither norm nor fused add",
         [&](ArgumentChecker& check) {
           check.Require(
               !HasCodes(args) || args.normalization_type == NormType::kNoNorm,
               "normalization_type is not NO_NORM but ", kCodes);
         });
}

void DeclareFusedAdd(const MlpArgs& args, SchemaVisitor& v) {
  v.Attribute("store_fused_add_result", args.store_fused_add_result,
              {.help = "stores h"});
  Presence added = OptionalOrIf(args.store_fused_add_result,
                                "store_fused_add_result is true");
  added.unless = kCodes;
  if (HasCodes(args)) added.kind = Presence::Kind::kForbidden;
  v.Input("fused_add_tensor", args.fused_add_tensor,
          {.shape = kAsHidden,
           .dtypes = kFloatTypes,
           .presence = added,
           .help = "added to the hidden state"});
  v.Output("fused_add_out", args.fused_add_out,
           {.shape = kAsHidden,
            .dtypes = kFloatTypes,
            .presence = RequiredUnless(!args.store_fused_add_result,
                                       "store_fused_add_result is false"),
            .may_be = {"hidden_tensor", "fused_add_tensor"},
            .help = "h, the sum before the norm"});
  v.Rule("store_fused_add_result is false for a hidden_tensor of codes",
         [&](ArgumentChecker& check) {
           check.Require(!HasCodes(args) || !args.store_fused_add_result,
                         "store_fused_add_result is true but ", kCodes);
         });
}

}  // namespace

void Declare(const MlpArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "mlp",
            .summary = "Feed-forward block of a transformer layer, gated or "
                       "not, with its norm, residuals and quantization",
            .rows = "S"});
  v.Symbol("H", Domain::AtLeast(1));
  v.Symbol("I", Domain::AtLeast(1));
  DeclareQuantizationType(args.quantization_type, v);
  v.Input("hidden_tensor", args.hidden_tensor,
          {.shape = kAsHidden,
           .dtypes = ActivationTypes(args.quantization_type,
                                     /*codes_of_none=*/true),
           .help = "the tokens"});
  DeclareActQuant({.act_quant = args.act_quant,
                   .type = args.quantization_type,
                   .row_default = ActQuant::kRow,
                   .x_name = "hidden_tensor",
                   .x = args.hidden_tensor,
                   .help = "how f32, bf16 and f16 tokens, and v, are "
                           "quantized"},
                  v);
  DeclareWeights(args, v);
  DeclareScalesOfTokens(args, v);
  DeclareNormOfTokens(args, v);
  DeclareFusedAdd(args, v);
  DeclareActivations(args, v);
  v.Input("residual", args.residual,
          {.shape = kAsHidden,
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added to the result"});
  DeclareF32Mode(args.f32_mode, v);
  v.Attribute("mode", args.mode,
              {.domain = Domain::OneOf(kModes),
               .help = "of how many tokens calls are; the host's algorithm is "
                       "one"});
  DeclareOutputDType(args.output_dtype, v);
  v.Output("out", args.out,
           {.shape = kAsHidden,
            .dtypes = OutputTypes(args.output_dtype),
            .may_be = {"residual"},
            .help = "the result"});
}

absl::Status Validate(const MlpArgs& args) { return CheckArguments(args); }

}  // namespace tilework
