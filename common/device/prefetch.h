// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_DEVICE_PREFETCH_H_
#define TILEWORK_COMMON_DEVICE_PREFETCH_H_

#include "tilework/common/device/cuda.h"

namespace tilework {

// prefetch.global.L2: asks for the line at an address of global memory to be
// brought to the L2 cache. Orders nothing, and waits for nothing; the address
// may be that of memory that is written meanwhile. The emulator has no caches.
// (PTX: Data Movement and Conversion Instructions, prefetch)
__device__ inline void PrefetchGlobalL2(const void* address) {
#if defined(TILEWORK_EMULATED)
  static_cast<void>(address);
#else
  asm volatile(
      "prefetch.global.L2 [%0];" ::"l"(__cvta_generic_to_global(address)));
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_PREFETCH_H_
