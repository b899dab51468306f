// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/setmaxnreg.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {
namespace {

constexpr uint32_t kRegistersOfMultiprocessor = 65536;

void SetRegisters(Warp& warp, uint32_t) {
  warp.registers = warp.threads[0].parameter;
}

}  // namespace

void Setmaxnreg(uint32_t registers, const Site& site) {
  Machine& machine = ThisMachine(site);
  machine.Meet(0xFFFFFFFF, "setmaxnreg", 0, registers, SetRegisters, site);
  uint32_t sum = 0;
  for (const Warp& warp : machine.block().warps) {
    if (warp.registers == 0) return;
    sum += warp.registers * kWarpSize;
  }
  if (sum > kRegistersOfMultiprocessor) {
    machine.Fault(
        absl::StrCat("setmaxnreg: the warps of the block would have ", sum,
                     " registers, of ", kRegistersOfMultiprocessor),
        site);
  }
}

}  // namespace tilework::emulator
