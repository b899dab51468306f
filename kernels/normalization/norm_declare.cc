// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/norm_declare.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

void DeclareResidual(const ConstTensor& input, const ConstTensor& residual,
                     const Tensor& residual_out, SchemaVisitor& v) {
  v.Input("residual", residual,
          {.shape = "... H",
           .dtypes = SameAsOr(input, DType::kF32, "as input, or f32"),
           .presence = Optional(),
           .help = "added to the input before the norm"});
  v.Output(
      "residual_out", residual_out,
      {.shape = "... H",
       .dtypes = SameAs(residual, "as residual"),
       .presence = OptionalUnless(!residual.present(), "residual is not given"),
       .may_be = {"residual"},
       .help = "h, the sum"});
}

void DeclareResidualSum(const ConstTensor& residual, const Tensor& sum,
                        std::string_view sum_name, SchemaVisitor& v) {
  v.Input("residual", residual,
          {.shape = "... H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added before the norm"});
  v.Output(
      sum_name, sum,
      {.shape = "... H",
       .dtypes = SameAs(residual, "as residual"),
       .presence = RequiredUnless(!residual.present(), "residual is not given"),
       .may_be = {"residual"},
       .help = "h, the sum"});
}

void DeclareHiddenActual(const std::optional<int64_t>& hidden_actual,
                         SchemaVisitor& v) {
  v.Attribute("hidden_actual", hidden_actual,
              {.domain = Domain::Between(1, {v["H"], "H"}),
               .absent = "H",
               .help = "the divisor of the mean, for a zero-padded H"});
}

void DeclareGammaOffset(const float& gamma_offset, SchemaVisitor& v) {
  v.Attribute("gamma_offset", gamma_offset,
              {.domain = Domain::Either(0, 1),
               .help = "1 for weights stored as their difference to 1"});
}

void DeclareEps(const float& eps, SchemaVisitor& v) {
  v.Attribute("eps", eps,
              {.domain = Domain::FiniteAtLeast(0),
               .help = "added to the mean of the squares"});
}

void DeclareParameterGradient(std::string_view name, const Tensor& gradient,
                              const ConstTensor& gamma, std::string_view help,
                              SchemaVisitor& v) {
  v.Output(name, gradient,
           {.shape = "H",
            .dtypes = SameAsOr(gamma, DType::kF32, "f32, or as gamma"),
            .presence = Optional(),
            .help = help});
}

}  // namespace tilework
