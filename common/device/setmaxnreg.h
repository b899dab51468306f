// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How many registers each thread of a warpgroup may use from here on (PTX ISA,
// setmaxnreg; sm_90a). Producers give some back, consumers take them.

#ifndef TILEWORK_COMMON_DEVICE_SETMAXNREG_H_
#define TILEWORK_COMMON_DEVICE_SETMAXNREG_H_

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/site.h"
#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/setmaxnreg.h"
#endif

namespace tilework {

// setmaxnreg.dec.sync.aligned.u32: gives registers beyond kRegisters (24 to
// 256, a multiple of 8) back to the block. All warps of the warpgroup execute
// it, and synchronize before another one. The kernel needs
// __launch_bounds__(threads, blocks), and kRegisters must be no more than it
// had.
template <int kRegisters>
__device__ inline void SetmaxnregDec(TILEWORK_SITE_ONLY) {
  static_assert(kRegisters >= 24 && kRegisters <= 256 && kRegisters % 8 == 0);
#if defined(TILEWORK_EMULATED)
  emulator::Setmaxnreg(kRegisters, site);
#else
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
#endif
}

// setmaxnreg.inc.sync.aligned.u32: waits until the block has given back enough
// registers.
template <int kRegisters>
__device__ inline void SetmaxnregInc(TILEWORK_SITE_ONLY) {
  static_assert(kRegisters >= 24 && kRegisters <= 256 && kRegisters % 8 == 0);
#if defined(TILEWORK_EMULATED)
  emulator::Setmaxnreg(kRegisters, site);
#else
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(kRegisters));
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_SETMAXNREG_H_
