// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_declare.h"

#include <cmath>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_plan.h"

namespace tilework {

void DeclareHeads(SchemaVisitor& v) {
  v.Symbol("D", Domain::Between(1, kMaxAttentionWidth));
  v.Symbol("Dv", Domain::Between(1, kMaxAttentionWidth));
  v.Multiple("Hq", "Hkv");
}

void DeclareLikeQ(std::string_view name, const ConstTensor& tensor,
                  std::string_view shape, const ConstTensor& q,
                  const Presence& presence, std::string_view help,
                  SchemaVisitor& v) {
  v.Input(name, tensor,
          {.shape = shape,
           .dtypes = SameAs(q, "as q"),
           .presence = presence,
           .help = help});
}

void DeclareScale(const float& scale, SchemaVisitor& v) {
  v.Attribute("scale", scale, {.help = "factor of the scores"});
  v.Rule("scale is not NaN", [&](ArgumentChecker& check) {
    check.Require(!std::isnan(scale), "scale is NaN");
  });
}

void DeclareOut(const ConstTensor& q, const Tensor& out,
                std::string_view out_shape, const Tensor& out_lse,
                std::string_view lse_shape, SchemaVisitor& v) {
  v.Output("out", out,
           {.shape = out_shape,
            .dtypes = SameAsOr(q, DType::kF32, "as q, or f32"),
            .help = "the weighted sums of values"});
  v.Output("out_lse", out_lse,
           {.shape = lse_shape,
            .dtypes = kF32Only,
            .presence = Optional(),
            .help = "ln sum_c exp(score[c]), to merge partial results"});
}

}  // namespace tilework
