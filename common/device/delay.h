// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Places where a test delays threads at random, to see that no result depends
// on how quick they are. In the emulator, schedules do that; on a GPU, compile
// with TILEWORK_DEVICE_DELAYS.

#ifndef TILEWORK_COMMON_DEVICE_DELAY_H_
#define TILEWORK_COMMON_DEVICE_DELAY_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"

namespace tilework {

namespace device_internal {

// Called at every wait, arrival and issue of common/device.
__device__ inline void DelayPoint() {
#if defined(TILEWORK_DEVICE_DELAYS) && !defined(TILEWORK_EMULATED)
  // Each warp of each run differs: the clock is the seed.
  auto x = static_cast<uint32_t>(clock64()) ^ (threadIdx.x / 32 * 0x9E3779B9u) ^
           (blockIdx.x * 0x85EBCA6Bu);
  x ^= x >> 15;
  x *= 0x2C1B3C6Du;
  x ^= x >> 13;
  if (x % 4 == 0) __nanosleep(x % 4096);
#endif
}

}  // namespace device_internal

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_DELAY_H_
