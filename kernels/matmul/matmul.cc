// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/matmul/matmul.h"

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/schema/argument_checker.h"

namespace tilework {

absl::Status Validate(const MatmulArgs& args) {
  ArgumentChecker check("matmul");
  check.Required("a", args.a, "... M K", kFloatTypes);
  CheckMatrix(check, "b", args.b, "K N");
  check.Optional("bias", args.bias, "N", kFloatTypes);
  check.Optional("residual", args.residual, "... M N", kFloatTypes);
  check.Required("out", args.out, "... M N", kFloatTypes);
  const bool pair_fits = args.a.dtype() == args.b.dtype() ||
                         args.a.dtype() == DType::kF32 ||
                         args.b.dtype() == DType::kF32;
  check.Require(pair_fits, "a has dtype ", Name(args.a.dtype()),
                " but b has dtype ", Name(args.b.dtype()),
                ", expected the same or f32");
  check.NoOverlap("out", args.out, "a", args.a);
  check.NoOverlap("out", args.out, "b", args.b.plain());
  check.NoOverlap("out", args.out, "bias", args.bias);
  check.SameOrNoOverlap("out", args.out, "residual", args.residual);
  return check.status();
}

}  // namespace tilework
