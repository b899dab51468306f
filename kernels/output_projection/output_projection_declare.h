// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The declaration that output_projection_cte and _tkg share.

#ifndef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_DECLARE_H_
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_DECLARE_H_

#include <string_view>

#include "tilework/common/gemm/matrix.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework::output_projection_internal {

// After Kernel(). `out_shapes` of out and residual may name T, which is B * S.
template <class Args>
void DeclareProjection(const Args& args, std::string_view out_shapes,
                       SchemaVisitor& v) {
  v.Symbol("N", Domain::AtLeast(1));
  v.Symbol("D", Domain::AtLeast(1));
  v.Input("attention", args.attention,
          {.shape = "B S N D",
           .dtypes = kFloatTypes,
           .help = "the heads of the tokens"});
  v.Bind("N*D", "N * D", [&] { return v["N"] * v["D"]; });
  v.Bind("T", "B * S", [&] { return v["B"] * v["S"]; });
  v.Input("weight", args.weight,
          {.shape = "N*D H", .dtypes = kFloatTypes, .help = "may be packed"});
  v.Input("bias", args.bias,
          {.shape = "H | 1 H",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added to each token"});
  v.Input("residual", args.residual,
          {.shape = out_shapes,
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added before the rounding"});
  v.Output("out", args.out,
           {.shape = out_shapes,
            .dtypes = kFloatTypes,
            .may_be = {"residual"},
            .help = "the projected tokens"});
}

}  // namespace tilework::output_projection_internal

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_DECLARE_H_
