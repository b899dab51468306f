// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/testing/device_place.h"
#include "tilework/testing/kernel_kit.h"
#include "tilework/testing/kernel_place.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/commands.h"
#include "tilework/tools/progress.h"
#include "tilework/tools/text_table.h"

namespace tilework {
namespace {

// The worst of all cases, and the first failure.
ConformanceResult CheckKernel(const TestedKernel& kernel,
                              const CheckOptions& options, KernelPlace& place) {
  ConformanceResult worst;
  for (int64_t i = 0; i < options.cases; ++i) {
    const uint64_t seed = options.seed + static_cast<uint64_t>(i);
    ConformanceResult result = CheckConformance(kernel, seed, place);
    if (!result.failure.empty()) return result;
    if (result.worst_ratio > worst.worst_ratio) worst = result;
  }
  return worst;
}

absl::Status CheckAll(const std::vector<const TestedKernel*>& kernels,
                      const CheckOptions& options, KernelPlace& place,
                      std::ostream& out) {
  TextTable table({"kernel", "cases", "worst error / bound", "of", "verdict"});
  std::vector<std::string> failures;
  {
    Progress progress(std::ssize(kernels));
    for (const TestedKernel* kernel : kernels) {
      progress.Step(kernel->name());
      const ConformanceResult result = CheckKernel(*kernel, options, place);
      const bool agrees = result.failure.empty();
      table.AddRow({kernel->name(), absl::StrCat(options.cases),
                    agrees ? absl::StrFormat("%.3f", result.worst_ratio) : "",
                    result.worst_tensor.empty() ? "exact" : result.worst_tensor,
                    agrees ? "agrees" : "DISAGREES"});
      if (!agrees) {
        failures.push_back(absl::StrCat(kernel->name(), ": ", result.failure));
      }
    }
  }
  out << table.ToString();
  for (const std::string& failure : failures) out << "\n" << failure << "\n";
  if (failures.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      failures.size(), " of ", kernels.size(), " kernels disagree"));
}

}  // namespace

absl::Status Check(const CheckOptions& options, std::ostream& out) {
  const auto kernels = FindKernels(options.kernels, options.context);
  if (!kernels.ok()) return kernels.status();
  if (options.context == "device") {
    const auto context = DeviceContext::Create();
    if (!context.ok()) return context.status();
    DevicePlace place(**context);
    return CheckAll(*kernels, options, place, out);
  }
  HostContext context(options.threads);
  HostPlace place(context);
  return CheckAll(*kernels, options, place, out);
}

}  // namespace tilework
