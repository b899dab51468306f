// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/host_call.h"

#include <cstdio>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_format.h"
#include "tilework/common/parallel/copy_bandwidth.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/call_report.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/simd/simd_path.h"

namespace tilework {
namespace {

// Measured once, by the threads of the first call.
double CopyBandwidth(HostContext& context) {
  static const double bandwidth = MeasureCopyBandwidth(context.pool());
  return bandwidth;
}

}  // namespace

std::string CallReport(absl::FunctionRef<void(SchemaVisitor&)> declare,
                       HostContext& context, double seconds) {
  CallText call = DescribeCall(declare);
  const double bytes = static_cast<double>(call.num_bytes);
  absl::StrAppendFormat(
      &call.text,
      ": %s, %d threads, %.2f MB, %.3f ms, %.1f GB/s, %.0f%% of copy",
      SimdPath(), context.num_threads(), bytes * 1e-6, seconds * 1e3,
      bytes / seconds * 1e-9, 100 * bytes / seconds / CopyBandwidth(context));
  return call.text;
}

void ReportCall(absl::FunctionRef<void(SchemaVisitor&)> declare,
                HostContext& context, double seconds) {
  std::fprintf(stderr, "%s\n", CallReport(declare, context, seconds).c_str());
}

}  // namespace tilework
