// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What bounds kernels on this machine.

#ifndef TILEWORK_TOOLS_MACHINE_H_
#define TILEWORK_TOOLS_MACHINE_H_

#include <string>
#include <vector>

#include "tilework/common/parallel/flop_rate.h"
#include "tilework/common/parallel/host_context.h"

namespace tilework {

struct MachineLimits {
  double copy_bandwidth;  // bytes a second, read and written
  double read_bandwidth;  // bytes a second
  FlopRates flops;        // operations a second

  // The least time of a call that reads and writes so many bytes once: what is
  // written at the speed of a copy, with as much that is read, and the rest of
  // the reading at its own.
  double MemorySeconds(double read, double written) const;
};
MachineLimits MeasureLimits(HostContext& context);

// "AMD EPYC 9B45", "L2 1.0 MiB" and so on; empty where the system tells
// nothing.
std::string ProcessorName();
std::vector<std::string> Caches();
bool HasAmx();
// "NVIDIA H100, driver 570.1", or why there is none.
std::string GpuText();

}  // namespace tilework

#endif  // TILEWORK_TOOLS_MACHINE_H_
