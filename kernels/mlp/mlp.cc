// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/mlp/mlp.h"

#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

void CheckWeights(ArgumentChecker& check, const MlpArgs& args) {
  CheckMatrix(check, "up_proj_weights_tensor", args.up_proj_weights_tensor,
              "H I");
  if (args.skip_gate_proj) {
    check.Require(!args.gate_proj_weights_tensor.present(),
                  "gate_proj_weights_tensor is given but skip_gate_proj is "
                  "true");
    check.Forbidden("gate_proj_bias_tensor", args.gate_proj_bias_tensor,
                    "skip_gate_proj is true");
  } else {
    CheckMatrix(check, "gate_proj_weights_tensor",
                args.gate_proj_weights_tensor, "H I");
    check.Optional("gate_proj_bias_tensor", args.gate_proj_bias_tensor,
                   "I | 1 I", kFloatTypes);
  }
  CheckMatrix(check, "down_proj_weights_tensor", args.down_proj_weights_tensor,
              "I H");
  check.Require(check["H"] >= 1 && check["I"] >= 1, "H = ", check["H"],
                " and I = ", check["I"], ", expected at least 1");
  check.Optional("up_proj_bias_tensor", args.up_proj_bias_tensor, "I | 1 I",
                 kFloatTypes);
  check.Optional("down_proj_bias_tensor", args.down_proj_bias_tensor, "H | 1 H",
                 kFloatTypes);
}

void CheckFusedAdd(ArgumentChecker& check, const MlpArgs& args,
                   std::string_view hidden_shape) {
  check.Optional("fused_add_tensor", args.fused_add_tensor, hidden_shape,
                 kFloatTypes);
  if (!args.store_fused_add_result) {
    check.Forbidden("fused_add_out", args.fused_add_out,
                    "store_fused_add_result is false");
    return;
  }
  check.Require(args.fused_add_tensor.present(),
                "fused_add_tensor is missing, needed by "
                "store_fused_add_result");
  check.Required("fused_add_out", args.fused_add_out, hidden_shape,
                 kFloatTypes);
}

void CheckOverlaps(ArgumentChecker& check, const MlpArgs& args) {
  struct Named {
    std::string_view name;
    ConstTensor tensor;
  };
  const Named inputs[] = {
      {"gate_proj_weights_tensor", args.gate_proj_weights_tensor.plain()},
      {"up_proj_weights_tensor", args.up_proj_weights_tensor.plain()},
      {"down_proj_weights_tensor", args.down_proj_weights_tensor.plain()},
      {"normalization_weights_tensor", args.normalization_weights_tensor},
      {"gate_proj_bias_tensor", args.gate_proj_bias_tensor},
      {"up_proj_bias_tensor", args.up_proj_bias_tensor},
      {"down_proj_bias_tensor", args.down_proj_bias_tensor},
  };
  for (const Named& input : inputs) {
    check.NoOverlap("out", args.out, input.name, input.tensor);
    check.NoOverlap("fused_add_out", args.fused_add_out, input.name,
                    input.tensor);
  }
  check.NoOverlap("out", args.out, "hidden_tensor", args.hidden_tensor);
  check.NoOverlap("out", args.out, "fused_add_tensor", args.fused_add_tensor);
  check.NoOverlap("out", args.out, "fused_add_out", args.fused_add_out);
  check.SameOrNoOverlap("out", args.out, "residual", args.residual);
  check.SameOrNoOverlap("fused_add_out", args.fused_add_out, "hidden_tensor",
                        args.hidden_tensor);
  check.SameOrNoOverlap("fused_add_out", args.fused_add_out, "fused_add_tensor",
                        args.fused_add_tensor);
  check.NoOverlap("fused_add_out", args.fused_add_out, "residual",
                  args.residual);
}

}  // namespace

absl::Status Validate(const MlpArgs& args) {
  ArgumentChecker check("mlp");
  check.Required("hidden_tensor", args.hidden_tensor, "B S H | T H",
                 kFloatTypes);
  const std::string_view hidden_shape =
      args.hidden_tensor.rank() == 2 ? "T H" : "B S H";
  CheckWeights(check, args);
  CheckNorm(check,
            {.type = "normalization_type",
             .gamma = "normalization_weights_tensor",
             .eps = "eps"},
            {.type = args.normalization_type,
             .gamma = args.normalization_weights_tensor,
             .eps = args.eps,
             .gamma_offset = args.gamma_offset,
             .hidden_actual = args.hidden_actual});
  CheckFusedAdd(check, args, hidden_shape);
  check.Optional("residual", args.residual, hidden_shape, kFloatTypes);
  check.Required("out", args.out, hidden_shape, kFloatTypes);
  CheckOverlaps(check, args);
  return check.status();
}

}  // namespace tilework
