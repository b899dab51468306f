// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm.h"

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/norm_check.h"

namespace tilework {
namespace {

void CheckAttributes(const RmsNormArgs& args, ArgumentChecker& check) {
  const int64_t h = check["H"];
  const int64_t actual = args.hidden_actual.value_or(h);
  CheckRowSize("input", args.input, check);
  CheckHiddenActual(args.hidden_actual, check);
  CheckEps(args.eps, check);
  CheckGammaOffset(args.gamma_offset, check);
  check.Require(args.cast_mode == RmsNormCastMode::kF32 ||
                    args.cast_mode == RmsNormCastMode::kLlama,
                "cast_mode is ", static_cast<int>(args.cast_mode),
                ", expected 0 (F32) or 1 (LLAMA)");
  const int64_t group = args.group_size.value_or(h);
  check.Require(group >= 1 && h % group == 0, "group_size is ", group,
                ", expected a divisor of H = ", h);
  check.Require(group == h || actual == h, "group_size is ", group,
                " with hidden_actual ", actual, ", expected only one of them");
}

void CheckGate(const RmsNormArgs& args, ArgumentChecker& check) {
  switch (args.gate_mode) {
    case RmsNormGateMode::kNone:
      check.Forbidden("gate", args.gate, "gate_mode is NONE");
      return;
    case RmsNormGateMode::kPre:
    case RmsNormGateMode::kPost:
      check.Required("gate", args.gate, "... H", kFloatTypes);
      return;
  }
  check.Require(false, "gate_mode is ", static_cast<int>(args.gate_mode),
                ", expected 0 (NONE), 1 (PRE) or 2 (POST)");
}

void CheckRstd(const RmsNormArgs& args, ArgumentChecker& check) {
  if (!check.ok() || !args.rstd.present()) return;
  const int64_t groups = check["H"] / args.group_size.value_or(check["H"]);
  check.Bind("H/G", groups, "H / group_size");
  check.Require(groups == 1 || args.rstd.rank() == args.input.rank(),
                "rstd is ", args.rstd.shape(),
                ", expected [..., H/G] with H/G "
                "= ",
                groups);
  check.Optional("rstd", args.rstd, groups == 1 ? "..." : "... H/G", kF32Only);
}

}  // namespace

absl::Status Validate(const RmsNormArgs& args) {
  ArgumentChecker check("rmsnorm");
  check.Required("input", args.input, "... H", kFloatTypes);
  check.Optional("gamma", args.gamma, "H | 1 H", kFloatTypes);
  CheckResidual(args.input, args.residual, args.residual_out, check);
  CheckGate(args, check);
  check.Required("output", args.output, "... H", kFloatTypes);
  CheckAttributes(args, check);
  CheckRstd(args, check);
  const NamedTensor inputs[] = {{"input", args.input},
                                {"gamma", args.gamma},
                                {"residual", args.residual},
                                {"gate", args.gate}};
  const NamedTensor outputs[] = {
      {"output", args.output, {"input"}},
      {"residual_out", args.residual_out, {"residual"}},
      {"rstd", args.rstd}};
  CheckOverlap(inputs, outputs, check);
  return check.status();
}

}  // namespace tilework
