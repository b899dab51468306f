// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/tools/machine.h"

#include <dlfcn.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tilework/common/parallel/copy_bandwidth.h"
#include "tilework/common/parallel/flop_rate.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/parallel/read_bandwidth.h"

namespace tilework {
namespace {

// The value of the first line of /proc/cpuinfo that begins with `key`.
std::string CpuInfo(std::string_view key) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const size_t colon = line.find(':');
    if (absl::StartsWith(line, key) && colon != std::string::npos) {
      return std::string(
          absl::StripAsciiWhitespace(std::string_view(line).substr(colon + 1)));
    }
  }
  return "";
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The number of devices that the driver's library tells, or why it does not.
std::string AskDriver(void* library) {
  using Init = int(unsigned);
  using Count = int(int*);
  using DeviceName = int(char*, int, int);
  const auto init = reinterpret_cast<Init*>(dlsym(library, "cuInit"));
  const auto count =
      reinterpret_cast<Count*>(dlsym(library, "cuDeviceGetCount"));
  const auto name =
      reinterpret_cast<DeviceName*>(dlsym(library, "cuDeviceGetName"));
  if (init == nullptr || count == nullptr || name == nullptr) {
    return "none: the driver's library lacks functions";
  }
  if (const int error = init(0); error != 0) {
    return absl::StrCat("none: the driver fails with error ", error);
  }
  int devices = 0;
  if (const int error = count(&devices); error != 0 || devices == 0) {
    return "none: the driver finds no device";
  }
  char text[256] = "";
  name(text, sizeof text, 0);
  return absl::StrCat(devices, " x ", text, ", driver ",
                      FirstLine("/sys/module/nvidia/version"));
}

}  // namespace

double MachineLimits::MemorySeconds(double read, double written) const {
  const double copied = std::min(read, written);
  return 2 * copied / copy_bandwidth + (read - copied) / read_bandwidth +
         (written - copied) / (copy_bandwidth / 2);
}

MachineLimits MeasureLimits(HostContext& context) {
  return {.copy_bandwidth = MeasureCopyBandwidth(context.pool()),
          .read_bandwidth = MeasureReadBandwidth(context.pool()),
          .flops = MeasureFlopRates(context.pool())};
}

std::string ProcessorName() { return CpuInfo("model name"); }

std::vector<std::string> Caches() {
  std::vector<std::string> caches;
  for (int i = 0; i < 8; ++i) {
    const std::string folder =
        absl::StrCat("/sys/devices/system/cpu/cpu0/cache/index", i, "/");
    const std::string level = FirstLine(folder + "level");
    if (level.empty()) break;
    const std::string type = FirstLine(folder + "type");
    caches.push_back(absl::StrCat("L", level, type == "Unified" ? "" : " ",
                                  type == "Unified" ? "" : type, " ",
                                  FirstLine(folder + "size"), ", processors ",
                                  FirstLine(folder + "shared_cpu_list")));
  }
  return caches;
}

bool HasAmx() { return absl::StrContains(CpuInfo("flags"), "amx_tile"); }

std::string GpuText() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return "none: libcuda.so.1, the driver, is not there";
  std::string text = AskDriver(library);
  dlclose(library);
  return text;
}

}  // namespace tilework
