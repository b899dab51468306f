// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/simd/simd_path.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/commands.h"
#include "tilework/tools/machine.h"
#include "tilework/tools/progress.h"
#include "tilework/tools/text_table.h"

namespace tilework {

void Doctor(int threads, std::ostream& out) {
  HostContext context(threads);
  TextTable table({"this machine", ""});
  table.AddRow({"processor", ProcessorName()});
  table.AddRow({"threads", absl::StrCat(context.num_threads())});
  for (const std::string& cache : Caches()) table.AddRow({"cache", cache});
  table.AddRow(
      {"SIMD targets, compiled", absl::StrJoin(CompiledSimdTargets(), " ")});
  table.AddRow(
      {"SIMD targets, usable", absl::StrJoin(UsableSimdTargets(), " ")});
  table.AddRow({"AMX", HasAmx() ? "yes, not used yet" : "no"});
  MachineLimits limits;
  {
    Progress progress(2);
    progress.Step("measuring");
    limits = MeasureLimits(context);
  }
  table.AddRow({"copy", absl::StrFormat("%.1f GB/s, read and written",
                                        limits.copy_bandwidth * 1e-9)});
  table.AddRow(
      {"read", absl::StrFormat("%.1f GB/s", limits.read_bandwidth * 1e-9)});
  table.AddRow({"f32 products",
                absl::StrFormat("%.1f GFLOP/s", limits.flops.f32 * 1e-9)});
  table.AddRow({"bf16 products",
                absl::StrFormat("%.1f GFLOP/s", limits.flops.bf16 * 1e-9)});
  table.AddRow({"GPU", GpuText()});
  out << table.ToString() << "\n";
  TextTable paths({"kernel", "path on the host", "on the device"});
  for (const TestedKernel* kernel : AllTestedKernels()) {
    paths.AddRow({kernel->name(), SimdPath(), "none yet"});
  }
  out << paths.ToString();
}

}  // namespace tilework
