// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_DEVICE_PERSISTENT_GRID_H_
#define TILEWORK_COMMON_DEVICE_PERSISTENT_GRID_H_

#include <algorithm>
#include <cstdint>

#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch.h"

namespace tilework {

// The grid of a kernel whose blocks take tiles blockIdx.x, blockIdx.x +
// gridDim.x and so on: no more blocks than run at the same time, if a
// multiprocessor holds so many. Nothing may depend on who takes which tile.
inline LaunchDims PersistentGrid(int64_t tiles, int blocks_per_multiprocessor,
                                 const DeviceContext& context) {
  const int64_t resident = int64_t{context.properties().num_multiprocessors} *
                           blocks_per_multiprocessor;
  return {static_cast<uint32_t>(std::clamp<int64_t>(tiles, 1, resident))};
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_PERSISTENT_GRID_H_
