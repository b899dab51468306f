// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Fences between what one thread does and what others, or the hardware beside
// them, see. (PTX: membar, fence) Those of CUDA are __threadfence() and its
// kin.

#ifndef TILEWORK_COMMON_DEVICE_FENCE_H_
#define TILEWORK_COMMON_DEVICE_FENCE_H_

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/site.h"

#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/mbarrier_model.h"
#include "tilework/testing/emulator/shared_model.h"
#endif

namespace tilework {

// fence.proxy.async: what this thread wrote or read before is ordered before
// what the async proxy (TMA, wgmma) does, once a barrier has told whoever
// issues it. Between storing to shared memory and the barrier:
//   shared.tile[i] = x;
//   FenceProxyAsync();
//   __syncthreads();
//   if (threadIdx.x == 0) ... issue the copy or multiplication of shared.tile
__device__ inline void FenceProxyAsync(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  emulator::FenceAsyncProxyOfAllMemory(emulator::ThisMachine(site));
#else
  asm volatile("fence.proxy.async;" ::: "memory");
#endif
}

// The same for shared memory of the block alone.
__device__ inline void FenceProxyAsyncShared(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  emulator::FenceAsyncProxy(emulator::ThisMachine(site).block());
#else
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}

// fence.mbarrier_init.release.cluster: the MbarrierInit() of this thread before
// are seen by the cluster, after a barrier of it, and by the async proxy.
__device__ inline void FenceMbarrierInit(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  emulator::FenceMbarrierInit(site);
#else
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}

// fence.acq_rel.cluster: __threadfence() for the blocks of the cluster.
__device__ inline void FenceAcqRelCluster() {
#if defined(TILEWORK_EMULATED)
  __threadfence();
#else
  asm volatile("fence.acq_rel.cluster;" ::: "memory");
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_FENCE_H_
