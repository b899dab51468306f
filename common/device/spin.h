// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Waiting for what other threads do, with an end: a wait of many seconds is a
// fault of the kernel, and says who waits for what.

#ifndef TILEWORK_COMMON_DEVICE_SPIN_H_
#define TILEWORK_COMMON_DEVICE_SPIN_H_

#include <cstdint>
#include <cstdio>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/delay.h"
#include "tilework/common/device/site.h"

namespace tilework {

namespace device_internal {

#if !defined(TILEWORK_EMULATED)
// About ten seconds.
inline constexpr long long kMostCycles = 20'000'000'000;

static __device__ unsigned reporter;

// Without arguments printf() needs no stack, of which kernels have none.
__device__ inline void PrintText(const char* text) { printf(text); }

__device__ inline void PrintNumber(const char* name, uint32_t number) {
  static __device__ const char kDigits[] =
      "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
  PrintText(name);
  uint32_t power = 1'000'000'000;
  while (power > 1 && number < power) power /= 10;
  for (; power > 0; power /= 10) PrintText(&kDigits[number / power % 10 * 2]);
}

// The first thread that waits in vain says so, and ends the kernel.
__device__ inline void TimedOut(const char* what, uint32_t expected,
                                uint32_t seen) {
  if (atomicExch(&reporter, 1u) != 0) return;
  PrintNumber("block (", blockIdx.x);
  PrintNumber(",", blockIdx.y);
  PrintNumber(",", blockIdx.z);
  PrintNumber(") thread (", threadIdx.x);
  PrintNumber(",", threadIdx.y);
  PrintNumber(",", threadIdx.z);
  PrintText(") waits in vain: ");
  PrintText(what);
  PrintNumber(", expected ", expected);
  PrintNumber(", saw ", seen);
  PrintText("\n");
  __trap();
}
#endif

}  // namespace device_internal

// Waits until `done()`, which only looks, and orders nothing but by what it
// looks with. `what` says what is waited for; `expected` is of use to whoever
// reads the message. In the emulator others run meanwhile.
template <typename Done>
__device__ inline void SpinUntil(const Done& done, const char* what,
                                 uint32_t expected TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  static_cast<void>(expected);
  const auto look = [&]() -> bool { return done(); };
  emulator::ThisMachine(site).WaitUntil(look, what, site);
#else
  device_internal::DelayPoint();
  if (done()) return;
  const long long start = clock64();
  while (!done()) {
    __nanosleep(20);
    if (clock64() - start > device_internal::kMostCycles) {
      device_internal::TimedOut(what, expected, 0);
    }
  }
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_SPIN_H_
