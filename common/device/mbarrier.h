// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// mbarrier: barriers in shared memory that count arrivals and bytes. (PTX:
// Parallel Synchronization and Communication Instructions, mbarrier)
//
// A phase completes when as many arrivals as MbarrierInit() said have come and
// all expected bytes; then the next one begins, with the same number. Phases
// have parities 0, 1, 0 and so on. A wait for the parity of the phase before
// the current one returns at once: before anything has completed, that for 1.
//
// One thread initializes; then a __syncthreads(), or a barrier of the cluster
// with FenceMbarrierInit() before, lets others use the barrier. Copies by TMA
// need that fence, or FenceProxyAsync(), too.

#ifndef TILEWORK_COMMON_DEVICE_MBARRIER_H_
#define TILEWORK_COMMON_DEVICE_MBARRIER_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/delay.h"
#include "tilework/common/device/shared_address.h"
#include "tilework/common/device/site.h"
#include "tilework/common/device/spin.h"

#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/mbarrier_model.h"
#endif

namespace tilework {

// In shared memory; its bytes mean nothing to kernels.
struct alignas(8) Mbarrier {
  uint64_t opaque;
};

// mbarrier.init: `arrivals` are awaited in each phase. The object must not be
// one already (MbarrierInval() ends one).
__device__ inline void MbarrierInit(Mbarrier& barrier,
                                    uint32_t arrivals TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierInit(&barrier, arrivals, site);
#else
  asm volatile(
      "mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(SharedAddress(&barrier)),
      "r"(arrivals)
      : "memory");
#endif
}

// mbarrier.inval: the memory may be used for something else.
__device__ inline void MbarrierInval(
    Mbarrier& barrier TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierInval(&barrier, site);
#else
  asm volatile(
      "mbarrier.inval.shared::cta.b64 [%0];" ::"r"(SharedAddress(&barrier))
      : "memory");
#endif
}

// mbarrier.arrive (release, of the block): what the thread wrote before is seen
// by those whose wait for this phase returns.
__device__ inline void MbarrierArrive(
    Mbarrier& barrier TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierArrive(&barrier, site);
#else
  asm volatile(
      "mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(SharedAddress(&barrier))
      : "memory");
#endif
}

// mbarrier.arrive (release, of the cluster) on the barrier that lies at the
// same place in the memory of the block with this rank in the cluster, which
// may be the own one.
__device__ inline void MbarrierArriveCluster(
    Mbarrier& barrier, uint32_t rank TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierArriveCluster(&barrier, rank, site);
#else
  asm volatile(
      "{\n"
      ".reg .b32 remote;\n"
      "mapa.shared::cluster.u32 remote, %0, %1;\n"
      "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\n"
      "}" ::"r"(SharedAddress(&barrier)),
      "r"(rank)
      : "memory");
#endif
}

// mbarrier.expect_tx: the current phase awaits so many bytes more. Copies may
// have completed some of them before.
__device__ inline void MbarrierExpectTx(
    Mbarrier& barrier, uint32_t bytes TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierExpectTx(&barrier, bytes, site);
#else
  asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], %1;" ::"r"(
                   SharedAddress(&barrier)),
               "r"(bytes)
               : "memory");
#endif
}

// mbarrier.arrive.expect_tx: expects, then arrives.
__device__ inline void MbarrierArriveExpectTx(
    Mbarrier& barrier, uint32_t bytes TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierArriveExpectTx(&barrier, bytes, site);
#else
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
                   SharedAddress(&barrier)),
               "r"(bytes)
               : "memory");
#endif
}

// mbarrier.complete_tx: as if a copy of so many bytes had been done.
__device__ inline void MbarrierCompleteTx(
    Mbarrier& barrier, uint32_t bytes TILEWORK_SITE_PARAMETER) {
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierCompleteTx(&barrier, bytes, site);
#else
  asm volatile(
      "mbarrier.complete_tx.relaxed.cluster.shared::cluster.b64 [%0], %1;" ::
          "r"(SharedAddress(&barrier)),
      "r"(bytes)
      : "memory");
#endif
}

// mbarrier.test_wait.parity (acquire, of the block): whether the phase has
// completed.
__device__ inline bool MbarrierTestWaitParity(
    Mbarrier& barrier, uint32_t parity TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  return emulator::MbarrierTestWaitParity(&barrier, parity, site);
#else
  uint32_t completed;
  asm volatile(
      "{\n"
      ".reg .pred p;\n"
      "mbarrier.test_wait.parity.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n"
      "}"
      : "=r"(completed)
      : "r"(SharedAddress(&barrier)), "r"(parity)
      : "memory");
  return completed != 0;
#endif
}

#if !defined(TILEWORK_EMULATED)
namespace device_internal {

// mbarrier.try_wait.parity: the same, after waiting for some time.
template <bool kCluster>
__device__ inline bool MbarrierTryWaitParity(uint32_t address,
                                             uint32_t parity) {
  uint32_t completed;
  if constexpr (kCluster) {
    asm volatile(
        "{\n"
        ".reg .pred p;\n"
        "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, [%1], "
        "%2;\n"
        "selp.u32 %0, 1, 0, p;\n"
        "}"
        : "=r"(completed)
        : "r"(address), "r"(parity)
        : "memory");
  } else {
    asm volatile(
        "{\n"
        ".reg .pred p;\n"
        "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
        "selp.u32 %0, 1, 0, p;\n"
        "}"
        : "=r"(completed)
        : "r"(address), "r"(parity)
        : "memory");
  }
  return completed != 0;
}

// A wait in vain ends the kernel without a word: ptxas 13.0 makes all wgmma of
// a kernel wait for each other if there is a call, such as printf(), while any
// are under way (C7510). compute-sanitizer and cuda-gdb say which threads were
// in the trap.
template <bool kCluster>
__device__ inline void MbarrierWait(Mbarrier& barrier, uint32_t parity) {
  DelayPoint();
  const uint32_t address = SharedAddress(&barrier);
  if (MbarrierTryWaitParity<kCluster>(address, parity)) return;
  const long long start = clock64();
  while (!MbarrierTryWaitParity<kCluster>(address, parity)) {
    if (clock64() - start > kMostCycles) __trap();
  }
}

}  // namespace device_internal
#endif

// Waits for the phase of this parity (acquire, of the block): then what was
// written before the arrivals, and by the copies, is seen.
__device__ inline void MbarrierWaitParity(
    Mbarrier& barrier, uint32_t parity TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierWaitParity(&barrier, parity, site);
#else
  device_internal::MbarrierWait<false>(barrier, parity);
#endif
}

// The same (acquire, of the cluster), where other blocks arrive.
__device__ inline void MbarrierWaitParityCluster(
    Mbarrier& barrier, uint32_t parity TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  emulator::MbarrierWaitParity(&barrier, parity, site);
#else
  device_internal::MbarrierWait<true>(barrier, parity);
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_MBARRIER_H_
