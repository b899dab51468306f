// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm.h"

#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

void CheckAttributes(const RmsNormArgs& args, ArgumentChecker& check) {
  const int64_t h = check["H"];
  const int64_t actual = args.hidden_actual.value_or(h);
  check.Require(h >= 1, "input is ", args.input.shape(),
                ": H = 0, expected >= 1");
  check.Require(actual >= 1 && actual <= h, "hidden_actual is ", actual,
                ", expected 1..", h);
  check.Require(args.eps >= 0 && std::isfinite(args.eps), "eps is ", args.eps,
                ", expected >= 0 and finite");
  check.Require(args.gamma_offset == 0 || args.gamma_offset == 1,
                "gamma_offset is ", args.gamma_offset, ", expected 0 or 1");
}

void CheckAliasing(const RmsNormArgs& args, ArgumentChecker& check) {
  const std::pair<std::string_view, ConstTensor> inputs[] = {
      {"input", args.input},
      {"gamma", args.gamma},
      {"residual", args.residual},
  };
  const std::pair<std::string_view, ConstTensor> outputs[] = {
      {"output", args.output},
      {"residual_out", args.residual_out},
      {"rstd", args.rstd},
  };
  for (const auto& [output_name, output] : outputs) {
    const std::string_view in_place = output_name == "output" ? "input"
                                      : output_name == "residual_out"
                                          ? "residual"
                                          : "";
    for (const auto& [input_name, input] : inputs) {
      if (input_name == in_place) {
        check.SameOrNoOverlap(output_name, output, input_name, input);
      } else {
        check.NoOverlap(output_name, output, input_name, input);
      }
    }
  }
  check.NoOverlap("residual_out", args.residual_out, "output", args.output);
  check.NoOverlap("rstd", args.rstd, "output", args.output);
  check.NoOverlap("rstd", args.rstd, "residual_out", args.residual_out);
}

}  // namespace

absl::Status Validate(const RmsNormArgs& args) {
  ArgumentChecker check("rmsnorm");
  check.Required("input", args.input, "... H", kFloatTypes);
  check.Optional("gamma", args.gamma, "H | 1 H", kFloatTypes);
  const DType residual_types[] = {args.input.dtype(), DType::kF32};
  check.Optional("residual", args.residual, "... H", residual_types);
  if (args.residual.present()) {
    const DType type[] = {args.residual.dtype()};
    check.Optional("residual_out", args.residual_out, "... H", type);
  } else {
    check.Forbidden("residual_out", args.residual_out, "residual is not");
  }
  check.Required("output", args.output, "... H", kFloatTypes);
  check.Optional("rstd", args.rstd, "...", kF32Only);
  CheckAttributes(args, check);
  CheckAliasing(args, check);
  return check.status();
}

}  // namespace tilework
