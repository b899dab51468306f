// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The argument checks that output_projection_cte and _tkg share.

#ifndef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CHECK_H_
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CHECK_H_

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework::output_projection_internal {

// `out_shapes` of out and residual may name T, which is B * S.
template <class Args>
absl::Status Check(std::string_view kernel, std::string_view out_shapes,
                   const Args& args) {
  ArgumentChecker check(kernel);
  check.Required("attention", args.attention, "B S N D", kFloatTypes);
  const int64_t heads = check["N"];
  const int64_t head_dim = check["D"];
  check.Require(heads >= 1 && head_dim >= 1, "attention is ",
                args.attention.shape(), ", expected N and D of at least 1");
  check.Bind("N*D", heads * head_dim, "attention's heads");
  check.Bind("T", check["B"] * check["S"], "attention's B * S");
  CheckMatrix(check, "weight", args.weight, "N*D H");
  check.Optional("bias", args.bias, "H | 1 H", kFloatTypes);
  check.Optional("residual", args.residual, out_shapes, kFloatTypes);
  check.Required("out", args.out, out_shapes, kFloatTypes);
  check.NoOverlap("out", args.out, "attention", args.attention);
  check.NoOverlap("out", args.out, "weight", args.weight.plain());
  check.NoOverlap("out", args.out, "bias", args.bias);
  check.SameOrNoOverlap("out", args.out, "residual", args.residual);
  return check.status();
}

}  // namespace tilework::output_projection_internal

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_CHECK_H_
