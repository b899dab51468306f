// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Asynchronous copies of many bytes by the tensor memory accelerator, each
// started by one thread (PTX ISA, "Data Movement and Conversion Instructions:
// Bulk copy" and "Tensor copy").
//
// Addresses of shared memory are generic pointers. Bytes and addresses of plain
// copies are multiples of 16; boxes of tensor maps lie at multiples of 128 in
// shared memory, and of the pattern of their swizzle.
//
// Rules of order, of copies into shared memory:
// - They complete on an mbarrier: its transaction count falls by the bytes that
//   have arrived. A thread that has waited for its phase sees them. Some
//   thread says how many are expected, by MbarrierArriveExpectTx(), before or
//   after: elements of a box outside of the tensor count as well.
// - Whoever read or wrote the memory before must be known to be done: by an
//   mbarrier or a barrier of the block. If it was written with ordinary stores,
//   by threads that executed FenceProxyAsync() after them.
// Of copies out of shared memory:
// - What ordinary stores have written needs FenceProxyAsync() by the threads
//   that did, then a barrier, then the copy.
// - They complete in groups, each thread's own: CpAsyncBulkCommitGroup(), then
//   CpAsyncBulkWaitGroupRead() before the shared memory is written again, and
//   CpAsyncBulkWaitGroup() before the block ends or somebody reads what was
//   written.
//
// Coordinates are those of the first element of the box, innermost dimension
// first; they may lie outside of the tensor. Elements outside are filled in by
// loads and left out by stores.

#ifndef TILEWORK_COMMON_DEVICE_TMA_H_
#define TILEWORK_COMMON_DEVICE_TMA_H_

#include <cstddef>
#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/delay.h"
#include "tilework/common/device/mbarrier.h"
#include "tilework/common/device/shared_address.h"
#include "tilework/common/device/site.h"
#include "tilework/common/device/tensor_map.h"
#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/tma.h"
#endif

namespace tilework {

#if !defined(TILEWORK_EMULATED)
namespace device_internal {

__device__ __forceinline__ uint64_t GlobalAddress(const void* global) {
  return static_cast<uint64_t>(__cvta_generic_to_global(global));
}

}  // namespace device_internal
#endif

// cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes: `bytes`
// bytes from global memory into shared memory of the block, or of another one
// of its cluster; `mbarrier` is in the same block as `shared`.
__device__ inline void CpAsyncBulkToShared(
    void* shared, const void* global, uint32_t bytes,
    Mbarrier& mbarrier TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkToShared(shared, global, bytes, &mbarrier, site);
#else
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes "
      "[%0], [%1], %2, [%3];\n" ::"r"(SharedAddress(shared)),
      "l"(device_internal::GlobalAddress(global)), "r"(bytes),
      "r"(SharedAddress(&mbarrier))
      : "memory");
#endif
}

// The same with .multicast::cluster: into the block of each rank whose bit is
// set in `blocks`, at the place that `shared` has in the calling one; the
// mbarrier at the place of `mbarrier` in each is signalled.
__device__ inline void CpAsyncBulkToSharedMulticast(
    void* shared, const void* global, uint32_t bytes, Mbarrier& mbarrier,
    uint16_t blocks TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkToSharedMulticast(shared, global, bytes, &mbarrier,
                                         blocks, site);
#else
  asm volatile(
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes"
      ".multicast::cluster [%0], [%1], %2, [%3], %4;\n" ::"r"(
          SharedAddress(shared)),
      "l"(device_internal::GlobalAddress(global)), "r"(bytes),
      "r"(SharedAddress(&mbarrier)), "h"(blocks)
      : "memory");
#endif
}

// cp.async.bulk.global.shared::cta.bulk_group: out of shared memory of the
// block.
__device__ inline void CpAsyncBulkToGlobal(
    void* global, const void* shared, uint32_t bytes TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkToGlobal(global, shared, bytes, site);
#else
  asm volatile(
      "cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;\n" ::"l"(
          device_internal::GlobalAddress(global)),
      "r"(SharedAddress(shared)), "r"(bytes)
      : "memory");
#endif
}

// cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes: from
// shared memory of the block into that of another one of its cluster, which has
// `mbarrier`.
__device__ inline void CpAsyncBulkToSharedCluster(
    void* cluster_shared, const void* shared, uint32_t bytes,
    Mbarrier& mbarrier TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkToSharedCluster(cluster_shared, shared, bytes, &mbarrier,
                                       site);
#else
  asm volatile(
      "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes "
      "[%0], [%1], %2, [%3];\n" ::"r"(SharedAddress(cluster_shared)),
      "r"(SharedAddress(shared)), "r"(bytes), "r"(SharedAddress(&mbarrier))
      : "memory");
#endif
}

// cp.async.bulk.prefetch.L2.global: into the second-level cache.
__device__ inline void CpAsyncBulkPrefetchL2(
    const void* global, uint32_t bytes TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkPrefetchL2(global, bytes, site);
#else
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;\n" ::"l"(
                   device_internal::GlobalAddress(global)),
               "r"(bytes)
               : "memory");
#endif
}

// Tensor copies of each rank. The instruction is `prefix`, the rank, `middle`,
// the tensor map (%0) with the coordinates (%4 to %8, of which it has some),
// `tail`; %1 is the shared memory, %2 the mbarrier, %3 the mask of blocks.
#if !defined(TILEWORK_EMULATED)
namespace device_internal {

struct TensorCopy {
  const TensorMap* map;
  uint32_t shared = 0;
  uint32_t mbarrier = 0;
  uint16_t blocks = 0;
  int32_t at[TensorMapFields::kMaxRank] = {};

  template <size_t kRank>
  __device__ __forceinline__ TensorCopy(const TensorMap& map,
                                        const void* shared,
                                        const Mbarrier* mbarrier,
                                        uint16_t blocks,
                                        const int32_t (&coordinates)[kRank])
      : map(&map),
        shared(SharedAddress(shared)),
        mbarrier(SharedAddress(mbarrier)),
        blocks(blocks) {
    static_assert(kRank <= TensorMapFields::kMaxRank);
#pragma unroll
    for (size_t i = 0; i < kRank; ++i) at[i] = coordinates[i];
  }
};

}  // namespace device_internal

#define TILEWORK_TMA_OF_RANK(rank, coordinates, prefix, middle, tail)  \
  if constexpr (kRank == rank)                                         \
  asm volatile(prefix #rank "d" middle "[%0, {" coordinates "}]" tail  \
                            ";\n" ::"l"(copy.map),                     \
               "r"(copy.shared), "r"(copy.mbarrier), "h"(copy.blocks), \
               "r"(copy.at[0]), "r"(copy.at[1]), "r"(copy.at[2]),      \
               "r"(copy.at[3]), "r"(copy.at[4])                        \
               : "memory")
#define TILEWORK_TMA(prefix, middle, tail)                         \
  TILEWORK_TMA_OF_RANK(1, "%4", prefix, middle, tail);             \
  TILEWORK_TMA_OF_RANK(2, "%4, %5", prefix, middle, tail);         \
  TILEWORK_TMA_OF_RANK(3, "%4, %5, %6", prefix, middle, tail);     \
  TILEWORK_TMA_OF_RANK(4, "%4, %5, %6, %7", prefix, middle, tail); \
  TILEWORK_TMA_OF_RANK(5, "%4, %5, %6, %7, %8", prefix, middle, tail)
#endif

// cp.async.bulk.tensor.Nd.shared::cluster.global.tile.mbarrier::complete_tx
// ::bytes: a box into shared memory of the block, or of another one of its
// cluster, which has `mbarrier` as well.
template <size_t kRank>
__device__ inline void CpAsyncBulkTensorToShared(
    void* shared, const TensorMap& map, const int32_t (&coordinates)[kRank],
    Mbarrier& mbarrier TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkTensorToShared(shared, map, coordinates, &mbarrier,
                                      site);
#else
  const device_internal::TensorCopy copy(map, shared, &mbarrier, 0,
                                         coordinates);
  TILEWORK_TMA(
      "cp.async.bulk.tensor.",
      ".shared::cluster.global.tile.mbarrier::complete_tx::bytes [%1], ",
      ", [%2]");
#endif
}

// The same with .multicast::cluster: see CpAsyncBulkToSharedMulticast().
template <size_t kRank>
__device__ inline void CpAsyncBulkTensorToSharedMulticast(
    void* shared, const TensorMap& map, const int32_t (&coordinates)[kRank],
    Mbarrier& mbarrier, uint16_t blocks TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkTensorToSharedMulticast(shared, map, coordinates,
                                               &mbarrier, blocks, site);
#else
  const device_internal::TensorCopy copy(map, shared, &mbarrier, blocks,
                                         coordinates);
  TILEWORK_TMA("cp.async.bulk.tensor.",
               ".shared::cluster.global.tile.mbarrier::complete_tx::bytes"
               ".multicast::cluster [%1], ",
               ", [%2], %3");
#endif
}

// cp.async.bulk.tensor.Nd.global.shared::cta.tile.bulk_group: a box out of
// shared memory of the block.
template <size_t kRank>
__device__ inline void CpAsyncBulkTensorToGlobal(
    const TensorMap& map, const int32_t (&coordinates)[kRank],
    const void* shared TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkTensorToGlobal(map, coordinates, shared, site);
#else
  const device_internal::TensorCopy copy(map, shared, nullptr, 0, coordinates);
  TILEWORK_TMA("cp.async.bulk.tensor.", ".global.shared::cta.tile.bulk_group ",
               ", [%1]");
#endif
}

// cp.reduce.async.bulk.tensor.Nd.global.shared::cta.add.tile.bulk_group: adds a
// box to what is there, element by element. Of several such copies to one
// element the order is open: of floating-point types, only one may be under
// way.
template <size_t kRank>
__device__ inline void CpReduceAsyncBulkTensorAdd(
    const TensorMap& map, const int32_t (&coordinates)[kRank],
    const void* shared TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpReduceAsyncBulkTensorAdd(map, coordinates, shared, site);
#else
  const device_internal::TensorCopy copy(map, shared, nullptr, 0, coordinates);
  TILEWORK_TMA("cp.reduce.async.bulk.tensor.",
               ".global.shared::cta.add.tile.bulk_group ", ", [%1]");
#endif
}

// cp.async.bulk.prefetch.tensor.Nd.L2.global.tile: a box into the second-level
// cache.
template <size_t kRank>
__device__ inline void CpAsyncBulkPrefetchTensor(
    const TensorMap& map,
    const int32_t (&coordinates)[kRank] TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkPrefetchTensor(map, coordinates, site);
#else
  const device_internal::TensorCopy copy(map, nullptr, nullptr, 0, coordinates);
  TILEWORK_TMA("cp.async.bulk.prefetch.tensor.", ".L2.global.tile ", "");
#endif
}

#if !defined(TILEWORK_EMULATED)
#undef TILEWORK_TMA
#undef TILEWORK_TMA_OF_RANK
#endif

// prefetch.tensormap: so that the first copy need not wait for the map.
__device__ inline void PrefetchTensormap(
    const TensorMap& map TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::PrefetchTensormap(map, site);
#else
  asm volatile("prefetch.tensormap [%0];\n" ::"l"(&map) : "memory");
#endif
}

// cp.async.bulk.commit_group: what the calling thread has copied out of shared
// memory since its last one is a group.
__device__ inline void CpAsyncBulkCommitGroup(TILEWORK_SITE_ONLY) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkCommitGroup(site);
#else
  asm volatile("cp.async.bulk.commit_group;\n" ::: "memory");
#endif
}

// cp.async.bulk.wait_group: until at most kPending groups of the calling thread
// are not done: what they wrote is there.
template <int kPending>
__device__ inline void CpAsyncBulkWaitGroup(TILEWORK_SITE_ONLY) {
  device_internal::DelayPoint();
  static_assert(kPending >= 0);
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkWaitGroup(kPending, site);
#else
  asm volatile("cp.async.bulk.wait_group %0;\n" ::"n"(kPending) : "memory");
#endif
}

// cp.async.bulk.wait_group.read: until at most kPending groups have not read
// all of their shared memory.
template <int kPending>
__device__ inline void CpAsyncBulkWaitGroupRead(TILEWORK_SITE_ONLY) {
  device_internal::DelayPoint();
  static_assert(kPending >= 0);
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncBulkWaitGroupRead(kPending, site);
#else
  asm volatile("cp.async.bulk.wait_group.read %0;\n" ::"n"(kPending)
               : "memory");
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_TMA_H_
