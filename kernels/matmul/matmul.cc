// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/matmul/matmul.h"

#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {
namespace {

// Those of b: two 16-bit types are the same.
DTypes TypesBeside(const ConstTensor& a) {
  constexpr std::string_view kText = "f32, or as a; f32, bf16, f16 if a is f32";
  return a.dtype() == DType::kF32 ? DTypes(kFloatTypes, kText)
                                  : SameAsOr(a, DType::kF32, kText);
}

}  // namespace

void Declare(const MatmulArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "matmul",
            .summary = "Matrix product with bias, activation and residual",
            .rows = "M"});
  v.Input(
      "a", args.a,
      {.shape = "... M K", .dtypes = kFloatTypes, .help = "the left operand"});
  v.Input("b", args.b,
          {.shape = "K N",
           .dtypes = TypesBeside(args.a),
           .help = "the right operand; may be packed"});
  v.Input("bias", args.bias,
          {.shape = "N",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added before the activation"});
  v.Input("residual", args.residual,
          {.shape = "... M N",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added after the activation"});
  v.Attribute("alpha", args.alpha, {.help = "factor of the product"});
  v.Attribute("beta", args.beta,
              {.help = "factor of the residual; 0 does not read it"});
  DeclareActivation("activation", args.activation, "of alpha * product + bias",
                    v);
  v.Output("out", args.out,
           {.shape = "... M N",
            .dtypes = kFloatTypes,
            .may_be = {"residual"},
            .help = "the result"});
}

absl::Status Validate(const MatmulArgs& args) { return CheckArguments(args); }

}  // namespace tilework
