// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_cte.h"

#include "absl/status/status.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/kernels/output_projection/output_projection_check.h"

namespace tilework {

absl::Status Validate(const OutputProjectionCteArgs& args) {
  return output_projection_internal::Check("output_projection_cte", "B S H",
                                           args);
}

}  // namespace tilework
