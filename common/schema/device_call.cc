// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/device_call.h"

#include <chrono>
#include <cstdio>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/schema/call_report.h"
#include "tilework/common/schema/call_visitor.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {
namespace {

// An error with "<kernel>: " at the beginning of its message.
absl::Status WithKernel(const absl::Status& status,
                        absl::FunctionRef<void(SchemaVisitor&)> declare) {
  if (status.ok()) return status;
  CallVisitor call;
  declare(call);
  const std::string prefix = absl::StrCat(call.kernel(), ": ");
  if (absl::StartsWith(status.message(), prefix)) return status;
  return absl::Status(status.code(), absl::StrCat(prefix, status.message()));
}

}  // namespace

std::string DeviceCallReport(absl::FunctionRef<void(SchemaVisitor&)> declare,
                             const DeviceProperties& properties,
                             double seconds) {
  CallText call = DescribeCall(declare);
  const double bytes = static_cast<double>(call.num_bytes);
  absl::StrAppendFormat(&call.text, ": %s, %.2f MB, %.3f ms", properties.name,
                        bytes * 1e-6, seconds * 1e3);
  if (!properties.emulated) {
    absl::StrAppendFormat(&call.text, ", %.1f GB/s", bytes / seconds * 1e-9);
  }
  return call.text;
}

namespace device_call_internal {

absl::Status RunOnDevice(absl::FunctionRef<void(SchemaVisitor&)> declare,
                         DeviceContext& context,
                         absl::FunctionRef<absl::Status()> run) {
  if (!VerboseCalls()) return WithKernel(run(), declare);
  // What is wrong with earlier work is not this kernel's.
  if (absl::Status status = context.Synchronize(); !status.ok()) return status;
  const auto start = std::chrono::steady_clock::now();
  absl::Status status = run();
  if (status.ok()) status = context.Synchronize();
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start;
  if (!status.ok()) return WithKernel(status, declare);
  const std::string line =
      DeviceCallReport(declare, context.properties(), elapsed.count());
  std::fprintf(stderr, "%s\n", line.c_str());
  return status;
}

}  // namespace device_call_internal

}  // namespace tilework
