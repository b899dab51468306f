// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What every host kernel does around its work: it checks the arguments, and
// reports the call where the environment has TILEWORK_VERBOSE=1:
//
//   absl::Status Rope(const RopeArgs& args, HostContext& context) {
//     return CallOnHost(args, context, [&] {
//       HWY_DYNAMIC_DISPATCH(RopeHost)(args, context);
//     });
//   }

#ifndef TILEWORK_COMMON_SCHEMA_HOST_CALL_H_
#define TILEWORK_COMMON_SCHEMA_HOST_CALL_H_

#include <chrono>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/call_report.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {

// The line about a call that took `seconds`; `declare` shows its arguments.
//   rmsnorm input=bf16[8, 4096] output=bf16[8, 4096]: AVX3_ZEN4, 2 threads,
//   0.13 MB, 0.004 ms, 32.1 GB/s, 31% of copy
std::string CallReport(absl::FunctionRef<void(SchemaVisitor&)> declare,
                       HostContext& context, double seconds);
// Writes it to stderr.
void ReportCall(absl::FunctionRef<void(SchemaVisitor&)> declare,
                HostContext& context, double seconds);

// Checks `args` and calls `run`.
template <typename Args, typename Run>
absl::Status CallOnHost(const Args& args, HostContext& context,
                        const Run& run) {
  if (absl::Status status = Validate(args); !status.ok()) return status;
  if (!VerboseCalls()) {
    run();
    return absl::OkStatus();
  }
  const auto start = std::chrono::steady_clock::now();
  run();
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  ReportCall([&](SchemaVisitor& visitor) { Declare(args, visitor); }, context,
             elapsed.count());
  return absl::OkStatus();
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_HOST_CALL_H_
