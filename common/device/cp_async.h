// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// cp.async: copies from global to shared memory without a register, by each
// thread. (PTX: Data Movement and Conversion Instructions, cp.async)
//
// What a copy writes is seen by the thread that issued it, once it has waited;
// by others of the block after a barrier that follows. To the async proxy it is
// a store like any other (FenceProxyAsync()). The memory that is copied must
// not change before the wait, nor that which is written be used.

#ifndef TILEWORK_COMMON_DEVICE_CP_ASYNC_H_
#define TILEWORK_COMMON_DEVICE_CP_ASYNC_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/delay.h"
#include "tilework/common/device/mbarrier.h"
#include "tilework/common/device/shared_address.h"
#include "tilework/common/device/site.h"

#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/async.h"
#include "tilework/testing/emulator/cp_async_model.h"
#endif

namespace tilework {

// Copies kBytes bytes: 4, 8 or 16, both addresses a multiple of it. Only the
// first `valid` bytes are read; zeros are written for the others. Those of 16
// bytes pass by the first-level cache.
template <int kBytes>
__device__ inline void CpAsync(
    void* shared, const void* global,
    uint32_t valid = kBytes TILEWORK_SITE_PARAMETER) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsync(shared, global, kBytes, valid, site);
#else
  if constexpr (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                     SharedAddress(shared)),
                 "l"(global), "r"(valid)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(
                     SharedAddress(shared)),
                 "l"(global), "n"(kBytes), "r"(valid)
                 : "memory");
  }
#endif
}

// cp.async.commit_group: the thread's copies since the last one are a group.
__device__ inline void CpAsyncCommitGroup(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  emulator::CommitAsyncGroup(emulator::AsyncKind::kCopy, site);
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// cp.async.wait_group: waits until at most the kPending youngest groups of the
// thread are under way.
template <int kPending>
__device__ inline void CpAsyncWaitGroup(TILEWORK_SITE_ONLY) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::WaitAsyncGroup(emulator::AsyncKind::kCopy, kPending,
                           /*read=*/false, "cp.async.wait_group", site);
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

// cp.async.wait_all: waits for all copies of the thread, in groups or not.
__device__ inline void CpAsyncWaitAll(TILEWORK_SITE_ONLY) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::WaitAsyncAll(emulator::AsyncKind::kCopy, "cp.async.wait_all", site);
#else
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

// cp.async.mbarrier.arrive.noinc: the thread arrives on the barrier when all
// its copies so far are complete, one of the arrivals that MbarrierInit() was
// told.
__device__ inline void CpAsyncMbarrierArriveNoinc(
    Mbarrier& barrier TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncMbarrierArrive(&barrier, /*increment=*/false, site);
#else
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(
                   SharedAddress(&barrier))
               : "memory");
#endif
}

// cp.async.mbarrier.arrive: the same, one more arrival in this phase.
__device__ inline void CpAsyncMbarrierArrive(
    Mbarrier& barrier TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::CpAsyncMbarrierArrive(&barrier, /*increment=*/true, site);
#else
  asm volatile("cp.async.mbarrier.arrive.shared::cta.b64 [%0];" ::"r"(
                   SharedAddress(&barrier))
               : "memory");
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_CP_ASYNC_H_
