// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_tkg.h"

#include "absl/status/status.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/kernels/output_projection/output_projection_declare.h"

namespace tilework {

void Declare(const OutputProjectionTkgArgs& args, SchemaVisitor& v) {
  v.Kernel(
      {.name = "output_projection_tkg",
       .summary = "Projection that closes an attention layer, for few tokens"});
  output_projection_internal::DeclareProjection(args, "B S H | T H", v);
}

absl::Status Validate(const OutputProjectionTkgArgs& args) {
  return CheckArguments(args);
}

}  // namespace tilework
