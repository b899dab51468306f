// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/norm_check.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/algorithm/container.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

void CheckOverlap(absl::Span<const NamedTensor> inputs,
                  absl::Span<const NamedTensor> outputs,
                  ArgumentChecker& check) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const NamedTensor& output = outputs[i];
    for (const NamedTensor& input : inputs) {
      if (absl::c_linear_search(output.in_place, input.name)) {
        check.SameOrNoOverlap(output.name, output.tensor, input.name,
                              input.tensor);
      } else {
        check.NoOverlap(output.name, output.tensor, input.name, input.tensor);
      }
    }
    for (const NamedTensor& other : outputs.subspan(0, i)) {
      check.NoOverlap(output.name, output.tensor, other.name, other.tensor);
    }
  }
}

void CheckResidual(const ConstTensor& input, const ConstTensor& residual,
                   const Tensor& residual_out, ArgumentChecker& check) {
  const DType types[] = {input.dtype(), DType::kF32};
  check.Optional("residual", residual, "... H", types);
  if (residual.present()) {
    const DType type[] = {residual.dtype()};
    check.Optional("residual_out", residual_out, "... H", type);
  } else {
    check.Forbidden("residual_out", residual_out, "residual is not");
  }
}

void CheckRowSize(std::string_view name, const ConstTensor& tensor,
                  ArgumentChecker& check) {
  check.Require(check["H"] >= 1, name, " is ", tensor.shape(),
                ": H = 0, expected >= 1");
}

void CheckHiddenActual(std::optional<int64_t> hidden_actual,
                       ArgumentChecker& check) {
  const int64_t h = check["H"];
  const int64_t actual = hidden_actual.value_or(h);
  check.Require(actual >= 1 && actual <= h, "hidden_actual is ", actual,
                ", expected 1..", h);
}

void CheckGammaOffset(float gamma_offset, ArgumentChecker& check) {
  check.Require(gamma_offset == 0 || gamma_offset == 1, "gamma_offset is ",
                gamma_offset, ", expected 0 or 1");
}

void CheckParameterGradient(std::string_view name, const Tensor& gradient,
                            const ConstTensor& gamma, ArgumentChecker& check) {
  const DType types[] = {DType::kF32,
                         gamma.present() ? gamma.dtype() : DType::kF32};
  check.Optional(name, gradient, "H", types);
}

void CheckEps(float eps, ArgumentChecker& check) {
  check.Require(eps >= 0 && std::isfinite(eps), "eps is ", eps,
                ", expected >= 0 and finite");
}

}  // namespace tilework
