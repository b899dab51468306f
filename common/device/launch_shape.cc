// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/launch_shape.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/device/device_context.h"

namespace tilework::device_internal {
namespace {

constexpr int64_t kMostThreads = 1024;
// More blocks in a cluster run on some devices only.
constexpr int64_t kMostInCluster = 8;

bool Within(const LaunchDims& dims, uint32_t x, uint32_t y, uint32_t z) {
  return dims.x >= 1 && dims.x <= x && dims.y >= 1 && dims.y <= y &&
         dims.z >= 1 && dims.z <= z;
}

}  // namespace

std::string ToString(const LaunchDims& dims) {
  return absl::StrCat("(", dims.x, ", ", dims.y, ", ", dims.z, ")");
}

absl::Status CheckLaunchShape(const LaunchShape& shape,
                              const DeviceProperties& properties) {
  const auto refuse = [&](auto... text) {
    return absl::InvalidArgumentError(
        absl::StrCat(shape.kernel, ": ", text...));
  };
  if (!Within(shape.grid, 0x7FFFFFFF, 0xFFFF, 0xFFFF)) {
    return refuse("a grid of ", ToString(shape.grid),
                  " blocks, where each is at least 1 and at most "
                  "(2147483647, 65535, 65535)");
  }
  if (!Within(shape.block, 1024, 1024, 64) ||
      shape.block.Count() > kMostThreads) {
    return refuse("a block of ", ToString(shape.block),
                  " threads, where each is at least 1 and at most "
                  "(1024, 1024, 64), and all together at most ",
                  kMostThreads);
  }
  if (!Within(shape.cluster, 8, 8, 8) ||
      shape.cluster.Count() > kMostInCluster) {
    return refuse("a cluster of ", ToString(shape.cluster),
                  " blocks, which are at least 1 and at most ", kMostInCluster);
  }
  if (shape.grid.x % shape.cluster.x != 0 ||
      shape.grid.y % shape.cluster.y != 0 ||
      shape.grid.z % shape.cluster.z != 0) {
    return refuse("a grid of ", ToString(shape.grid),
                  " blocks is not divided by clusters of ",
                  ToString(shape.cluster));
  }
  if (shape.shared_bytes < 0 ||
      shape.shared_bytes > properties.shared_bytes_per_block) {
    return refuse("a block with ", shape.shared_bytes,
                  " bytes of shared memory, where ", properties.name, " has ",
                  properties.shared_bytes_per_block);
  }
  return absl::OkStatus();
}

absl::Status CheckCoResident(const LaunchShape& shape, int64_t blocks_each,
                             const DeviceProperties& properties) {
  const int64_t most = blocks_each * properties.num_multiprocessors;
  if (shape.grid.Count() <= most) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(shape.kernel, ": all of ", shape.grid.Count(), " blocks of ",
                   shape.block.Count(), " threads and ", shape.shared_bytes,
                   " bytes of shared memory must run at the same time, where ",
                   properties.name, " holds ", most));
}

}  // namespace tilework::device_internal
