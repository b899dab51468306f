// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Barriers of some of a block's warps. (PTX: bar) There are 16, of which
// __syncthreads() is number 0: an enum of the kernel names those it uses. Whole
// warps arrive, together.

#ifndef TILEWORK_COMMON_DEVICE_NAMED_BARRIER_H_
#define TILEWORK_COMMON_DEVICE_NAMED_BARRIER_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/delay.h"
#include "tilework/common/device/site.h"

#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/cluster_model.h"
#endif

namespace tilework {

// bar.sync: arrives and waits until `threads` threads, a multiple of 32, have
// arrived or synchronized. What they wrote before is seen after.
__device__ inline void BarSync(uint32_t id,
                               uint32_t threads TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::NamedBarrier(id, threads, /*wait=*/true, "bar.sync", site);
#else
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
#endif
}

// bar.arrive: arrives and goes on; others wait with BarSync().
__device__ inline void BarArrive(uint32_t id,
                                 uint32_t threads TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::NamedBarrier(id, threads, /*wait=*/false, "bar.arrive", site);
#else
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_NAMED_BARRIER_H_
