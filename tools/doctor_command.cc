// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/simd/simd_path.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/commands.h"
#include "tilework/tools/machine.h"
#include "tilework/tools/progress.h"
#include "tilework/tools/text_table.h"

namespace tilework {

namespace {

using DeviceOrWhyNone = absl::StatusOr<std::unique_ptr<DeviceContext>>;

// What device kernels of this build run on.
std::string DeviceText(const DeviceOrWhyNone& device) {
  if (!device.ok()) return absl::StrCat("none: ", device.status().message());
  const DeviceProperties& properties = (*device)->properties();
  if (properties.emulated) {
    return absl::StrCat(properties.name,
                        ", on the processor; --config=cuda is for GPUs");
  }
  return absl::StrFormat(
      "%s, sm_%d%d, %d multiprocessors, %.1f GiB, L2 %.0f MiB, driver for CUDA "
      "%d.%d",
      properties.name, properties.major, properties.minor,
      properties.num_multiprocessors,
      static_cast<double>(properties.memory_bytes) / (1 << 30),
      static_cast<double>(properties.l2_bytes) / (1 << 20),
      properties.driver_version / 1000, properties.driver_version % 1000 / 10);
}

std::string DevicePath(const DeviceOrWhyNone& device) {
  if (!device.ok()) return "sm_90a, but there is no device";
  return (*device)->properties().emulated ? "emulated" : "sm_90a";
}

}  // namespace

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
  const auto device = DeviceContext::Create();
  table.AddRow({"device", DeviceText(device)});
  out << table.ToString() << "\n";
  TextTable paths({"kernel", "path on the host", "on the device"});
  for (const TestedKernel* kernel : AllTestedKernels()) {
    paths.AddRow({kernel->name(), SimdPath(),
                  kernel->on_device() ? DevicePath(device) : "none"});
  }
  out << paths.ToString();
}

}  // namespace tilework
