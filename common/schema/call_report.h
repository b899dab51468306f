// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What reports of calls share, wherever the kernel runs.

#ifndef TILEWORK_COMMON_SCHEMA_CALL_REPORT_H_
#define TILEWORK_COMMON_SCHEMA_CALL_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {

// Whether TILEWORK_VERBOSE is set, to anything but "" and "0".
bool VerboseCalls();

struct CallText {
  std::string text;       // "rmsnorm input=bf16[8, 4096] output=bf16[8, 4096]"
  int64_t num_bytes = 0;  // of all tensors
};
// The call whose arguments `declare` shows.
CallText DescribeCall(absl::FunctionRef<void(SchemaVisitor&)> declare);

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_CALL_REPORT_H_
