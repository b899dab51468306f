// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/mlp/mlp.h"

#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr std::string_view kAsHidden = "B? S H";

void DeclareBias(std::string_view name, const ConstTensor& bias,
                 std::string_view shape, const Presence& presence,
                 SchemaVisitor& v) {
  v.Input(name, bias,
          {.shape = shape,
           .dtypes = kFloatTypes,
           .presence = presence,
           .help = "added to the product"});
}

void DeclareWeights(const MlpArgs& args, SchemaVisitor& v) {
  constexpr std::string_view kNoGate = "skip_gate_proj is true";
  v.Attribute("skip_gate_proj", args.skip_gate_proj,
              {.help = "v = activation(a * up) without a gate"});
  v.Input("up_proj_weights_tensor", args.up_proj_weights_tensor,
          {.shape = "H I", .dtypes = kFloatTypes, .help = "may be packed"});
  v.Input("gate_proj_weights_tensor", args.gate_proj_weights_tensor,
          {.shape = "H I",
           .dtypes = SameAs(AsTensor(args.up_proj_weights_tensor),
                            "as up_proj_weights_tensor"),
           .presence = RequiredUnless(args.skip_gate_proj, kNoGate),
           .help = "may be packed"});
  v.Input("down_proj_weights_tensor", args.down_proj_weights_tensor,
          {.shape = "I H", .dtypes = kFloatTypes, .help = "may be packed"});
  DeclareBias("up_proj_bias_tensor", args.up_proj_bias_tensor, "I | 1 I",
              Optional(), v);
  DeclareBias("gate_proj_bias_tensor", args.gate_proj_bias_tensor, "I | 1 I",
              OptionalUnless(args.skip_gate_proj, kNoGate), v);
  DeclareBias("down_proj_bias_tensor", args.down_proj_bias_tensor, "H | 1 H",
              Optional(), v);
  DeclareActivation("activation_fn", args.activation_fn,
                    "of the gate, or of up without one", v);
}

void DeclareFusedAdd(const MlpArgs& args, SchemaVisitor& v) {
  v.Attribute("store_fused_add_result", args.store_fused_add_result,
              {.help = "stores h"});
  v.Input("fused_add_tensor", args.fused_add_tensor,
          {.shape = kAsHidden,
           .dtypes = kFloatTypes,
           .presence = OptionalOrIf(args.store_fused_add_result,
                                    "store_fused_add_result is true"),
           .help = "added to the hidden state"});
  v.Output("fused_add_out", args.fused_add_out,
           {.shape = kAsHidden,
            .dtypes = kFloatTypes,
            .presence = RequiredUnless(!args.store_fused_add_result,
                                       "store_fused_add_result is false"),
            .may_be = {"hidden_tensor", "fused_add_tensor"},
            .help = "h, the sum before the norm"});
}

}  // namespace

void Declare(const MlpArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "mlp",
            .summary = "Feed-forward block of a transformer layer, gated or "
                       "not, with its norm and residuals",
            .rows = "S"});
  v.Symbol("H", Domain::AtLeast(1));
  v.Symbol("I", Domain::AtLeast(1));
  v.Input("hidden_tensor", args.hidden_tensor,
          {.shape = kAsHidden, .dtypes = kFloatTypes, .help = "the tokens"});
  DeclareWeights(args, v);
  DeclareNorm({.type_name = "normalization_type",
               .type = args.normalization_type,
               .gamma_name = "normalization_weights_tensor",
               .gamma = args.normalization_weights_tensor,
               .no_gamma = "normalization_type is not RMS_NORM",
               .eps_name = "eps",
               .eps = args.eps,
               .gamma_offset = args.gamma_offset,
               .hidden_actual = args.hidden_actual},
              v);
  DeclareFusedAdd(args, v);
  v.Input("residual", args.residual,
          {.shape = kAsHidden,
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added to the result"});
  v.Output("out", args.out,
           {.shape = kAsHidden,
            .dtypes = kFloatTypes,
            .may_be = {"residual"},
            .help = "the result"});
}

absl::Status Validate(const MlpArgs& args) { return CheckArguments(args); }

}  // namespace tilework
