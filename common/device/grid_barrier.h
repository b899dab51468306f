// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Between the blocks of a grid, through global memory.

#ifndef TILEWORK_COMMON_DEVICE_GRID_BARRIER_H_
#define TILEWORK_COMMON_DEVICE_GRID_BARRIER_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/delay.h"
#include "tilework/common/device/site.h"
#include "tilework/common/device/spin.h"

#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/cluster_model.h"
#endif

namespace tilework {

// ld.acquire.gpu: what was written before the StoreRelease() of the value that
// is read is seen.
__device__ inline uint32_t LoadAcquire(const uint32_t* address) {
#if defined(TILEWORK_EMULATED)
  return *address;
#else
  uint32_t value;
  asm volatile("ld.acquire.gpu.global.u32 %0, [%1];"
               : "=r"(value)
               : "l"(address)
               : "memory");
  return value;
#endif
}

// st.release.gpu: the thread's writes before are seen by whoever reads the
// value with LoadAcquire().
__device__ inline void StoreRelease(uint32_t* address, uint32_t value) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  __threadfence();
  *address = value;
  __threadfence();
#else
  asm volatile("st.release.gpu.global.u32 [%0], %1;" ::"l"(address), "r"(value)
               : "memory");
#endif
}

// All threads of all blocks wait for each other; what they wrote before is seen
// after. `state` was 0 before the first launch that uses it, and is used again
// as it is. The launch must be co_resident.
__device__ inline void GridSync(uint32_t* state TILEWORK_SITE_PARAMETER) {
  // The top bit changes when the last block comes: one of them adds what the
  // others leave to that.
  constexpr uint32_t kTop = 0x80000000u;
#if defined(TILEWORK_EMULATED)
  emulator::RequireCoResident("GridSync()", site);
  __syncthreads(site);
#else
  __syncthreads();
#endif
  if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
    const uint32_t blocks = gridDim.x * gridDim.y * gridDim.z;
    const bool first = blockIdx.x == 0 && blockIdx.y == 0 && blockIdx.z == 0;
    device_internal::DelayPoint();
    __threadfence();
    const uint32_t before = atomicAdd(state, first ? kTop - (blocks - 1) : 1u);
    SpinUntil([&] { return ((LoadAcquire(state) ^ before) & kTop) != 0; },
              "GridSync()", before ^ kTop);
    __threadfence();
  }
#if defined(TILEWORK_EMULATED)
  __syncthreads(site);
#else
  __syncthreads();
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_GRID_BARRIER_H_
