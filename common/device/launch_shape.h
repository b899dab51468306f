// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How many threads a kernel is launched with, and what they have.

#ifndef TILEWORK_COMMON_DEVICE_LAUNCH_SHAPE_H_
#define TILEWORK_COMMON_DEVICE_LAUNCH_SHAPE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"

namespace tilework {

struct LaunchDims {
  uint32_t x = 1;
  uint32_t y = 1;
  uint32_t z = 1;

  constexpr int64_t Count() const { return int64_t{x} * y * z; }
};

struct LaunchShape {
  std::string_view kernel;   // for messages
  LaunchDims grid;           // blocks
  LaunchDims block;          // threads
  LaunchDims cluster;        // blocks; divides the grid
  int64_t shared_bytes = 0;  // sizeof(SharedStorage)
  // All blocks run at the same time, as grid-wide barriers need: an error if
  // the device cannot hold so many.
  bool co_resident = false;
};

namespace device_internal {

// "(2, 1, 1)"
std::string ToString(const LaunchDims& dims);

// InvalidArgument, naming the kernel and the numbers, if no device of the
// architecture can run the shape.
absl::Status CheckLaunchShape(const LaunchShape& shape,
                              const DeviceProperties& properties);

// FailedPrecondition if a multiprocessor that holds `blocks_each` blocks at a
// time is too small a part of the device for a co-resident launch.
absl::Status CheckCoResident(const LaunchShape& shape, int64_t blocks_each,
                             const DeviceProperties& properties);

}  // namespace device_internal
}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_LAUNCH_SHAPE_H_
