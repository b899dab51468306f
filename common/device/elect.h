// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// elect.sync: one lane of a warp, to issue what is issued once.

#ifndef TILEWORK_COMMON_DEVICE_ELECT_H_
#define TILEWORK_COMMON_DEVICE_ELECT_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/site.h"

#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/cluster_model.h"
#endif

namespace tilework {

// True in one of the lanes of `mask`, all of which call. Always the same one
// for the same mask; which one it is, nothing may depend on.
__device__ inline bool ElectSync(
    uint32_t mask = 0xFFFFFFFFu TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  return emulator::ElectSync(mask, site);
#else
  uint32_t elected;
  asm volatile(
      "{\n"
      ".reg .pred p;\n"
      "elect.sync _|p, %1;\n"
      "selp.u32 %0, 1, 0, p;\n"
      "}"
      : "=r"(elected)
      : "r"(mask)
      : "memory");
  return elected != 0;
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_ELECT_H_
