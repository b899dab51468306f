// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Launches where there is no CUDA.

#include <algorithm>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/launch_shape.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/schedule.h"

namespace tilework::device_internal {
namespace {

// What Hopper has in a multiprocessor.
constexpr int64_t kThreads = 2048;
constexpr int64_t kBlocks = 32;
constexpr int64_t kReservedBytesPerBlock = 1024;

// As if the kernel had no more registers than its threads leave.
int64_t BlocksPerMultiprocessor(const LaunchShape& shape,
                                const DeviceProperties& properties) {
  return std::min({kBlocks, kThreads / ((shape.block.Count() + 31) / 32 * 32),
                   properties.shared_bytes_per_multiprocessor /
                       (shape.shared_bytes + kReservedBytesPerBlock)});
}

dim3 ToDim3(const LaunchDims& dims) { return {dims.x, dims.y, dims.z}; }

}  // namespace

absl::Status LaunchEmulated(const LaunchShape& shape, DeviceContext& context,
                            absl::FunctionRef<void()> body) {
  const DeviceProperties& properties = context.properties();
  absl::Status status = CheckLaunchShape(shape, properties);
  if (status.ok() && shape.co_resident) {
    status = CheckCoResident(shape, BlocksPerMultiprocessor(shape, properties),
                             properties);
  }
  if (!status.ok()) return status;
  emulator::Machine machine({.kernel = shape.kernel,
                             .grid = ToDim3(shape.grid),
                             .block = ToDim3(shape.block),
                             .cluster = ToDim3(shape.cluster),
                             .shared_bytes = shape.shared_bytes,
                             .co_resident = shape.co_resident},
                            emulator::CurrentSchedule(), body);
  return machine.Run();
}

}  // namespace tilework::device_internal
