// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Clusters: blocks that run at the same time and reach each other's shared
// memory. (PTX: barrier.cluster, mapa)
//
// A block's shared memory may be used by others after the first ClusterSync(),
// which says that it runs, and until the last, which must come after all that
// others do with it: a block must not return before. A launch without clusters
// has clusters of one block.

#ifndef TILEWORK_COMMON_DEVICE_CLUSTER_H_
#define TILEWORK_COMMON_DEVICE_CLUSTER_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/delay.h"
#include "tilework/common/device/site.h"

#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/cluster_model.h"
#include "tilework/testing/emulator/shared_model.h"
#endif

namespace tilework {

// %cluster_ctarank: of the calling block, x fastest.
__device__ inline uint32_t ClusterRank(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  return emulator::ThisMachine(site).block().rank;
#else
  uint32_t rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
#endif
}

// %cluster_nctarank: blocks in the cluster.
__device__ inline uint32_t ClusterBlocks(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  return emulator::ThisMachine(site).block().cluster->num_blocks;
#else
  uint32_t blocks;
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(blocks));
  return blocks;
#endif
}

// mapa: where `shared`, in the calling block's shared memory, lies in that of
// the block with this rank. Loads and stores through the result are those of
// distributed shared memory.
template <typename T>
__device__ inline T* Mapa(T* shared, uint32_t rank TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  return static_cast<T*>(emulator::PeerPointer(shared, rank, "mapa", site));
#else
  uint64_t remote;
  asm("mapa.u64 %0, %1, %2;"
      : "=l"(remote)
      : "l"(reinterpret_cast<uint64_t>(shared)), "r"(rank));
  return reinterpret_cast<T*>(remote);
#endif
}

// barrier.cluster.arrive (release): all threads of the cluster that have not
// returned arrive, then wait, whole warps together.
__device__ inline void ClusterArrive(TILEWORK_SITE_ONLY) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::ClusterArrive(site);
#else
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}

// barrier.cluster.arrive.relaxed: orders nothing of what the thread did before,
// but what a fence did.
__device__ inline void ClusterArriveRelaxed(TILEWORK_SITE_ONLY) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::ClusterArrive(site);
#else
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
#endif
}

// barrier.cluster.wait (acquire).
__device__ inline void ClusterWait(TILEWORK_SITE_ONLY) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::ClusterWait(site);
#else
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

__device__ inline void ClusterSync(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  emulator::ClusterArrive(site);
  emulator::ClusterWait(site);
#else
  ClusterArrive();
  ClusterWait();
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_CLUSTER_H_
