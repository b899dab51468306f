// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Addresses of shared memory as instructions, barriers and descriptors have
// them: 32 bits, in the window of the block.

#ifndef TILEWORK_COMMON_DEVICE_SHARED_ADDRESS_H_
#define TILEWORK_COMMON_DEVICE_SHARED_ADDRESS_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/site.h"

#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/shared_model.h"
#endif

namespace tilework {

// Of something in the calling block's shared memory.
__device__ inline uint32_t SharedAddress(
    const void* shared TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  return emulator::SharedAddress(shared, site);
#else
  return static_cast<uint32_t>(__cvta_generic_to_shared(shared));
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_SHARED_ADDRESS_H_
