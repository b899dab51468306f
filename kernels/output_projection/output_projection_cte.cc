// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_cte.h"

#include "absl/status/status.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/output_projection/output_projection_declare.h"

namespace tilework {

void Declare(const OutputProjectionCteArgs& args, SchemaVisitor& v) {
  v.Kernel(
      {.name = "output_projection_cte",
       .summary = "Projection that closes an attention layer, for many tokens",
       .rows = "B"});
  output_projection_internal::DeclareProjection(args, "B S H", v);
}

absl::Status Validate(const OutputProjectionCteArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
