// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/setmaxnreg.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {
namespace {

constexpr uint32_t kRegistersOfMultiprocessor = 65536;
constexpr uint32_t kMostRegisters = 256;  // of a thread
constexpr size_t kWarpsOfGroup = 4;

// The most that each thread of a block can have begun with.
uint32_t RegistersAtFirst(const Block& block) {
  const auto threads = static_cast<uint32_t>(block.threads.size());
  return std::min(kMostRegisters, kRegistersOfMultiprocessor / threads / 8 * 8);
}

// Whether the block has so many for each lane of `self`, with what the others
// have left.
bool Fits(const Block& block, const Warp& self, uint32_t registers) {
  const uint32_t at_first = RegistersAtFirst(block);
  uint32_t sum = 0;
  for (const Warp& warp : block.warps) {
    sum += &warp == &self        ? registers
           : warp.registers == 0 ? at_first
                                 : warp.registers;
  }
  return sum <= at_first * block.warps.size();
}

[[noreturn]] void Fault(const Warp& warp, const char* what) {
  const Site& site = *reinterpret_cast<const Site*>(warp.threads[0].operand);
  Machine::Current()->Fault(absl::StrCat("setmaxnreg: ", what), site);
}

// The warps of a warpgroup execute the same ones, and meet in between.
void CheckGroup(const Warp& self) {
  const size_t first = self.index / kWarpsOfGroup * kWarpsOfGroup;
  const auto& warps = self.block->warps;
  const size_t end = std::min(first + kWarpsOfGroup, warps.size());
  for (size_t i = first; i < end; ++i) {
    const Warp& warp = warps[i];
    const uint32_t executed = warp.registers == 0 ? 0 : warp.setmaxnregs;
    if (executed + 1 < self.setmaxnregs) {
      Fault(self,
            "another warp of its warpgroup has not yet executed the one "
            "before");
    }
    if (executed == self.setmaxnregs &&
        warp.asked_registers != self.asked_registers) {
      Fault(self,
            "another warp of its warpgroup has executed it for another number "
            "of registers");
    }
  }
}

void Ask(Warp& warp, uint32_t lanes) {
  if (lanes != 0xFFFFFFFF) {
    const int lane = std::countr_zero(lanes);
    Machine::Current()->Fault("setmaxnreg: not by all lanes of a warp",
                              warp.threads[lane].site);
  }
  if (warp.registers == 0) {
    warp.registers = RegistersAtFirst(*warp.block);
    warp.setmaxnregs = 0;
  }
  ++warp.setmaxnregs;
  warp.asked_registers = warp.threads[0].parameter;
  CheckGroup(warp);
}

}  // namespace

void Setmaxnreg(uint32_t registers, const Site& site) {
  Machine& machine = ThisMachine(site);
  machine.Meet(0xFFFFFFFF, "setmaxnreg", reinterpret_cast<uint64_t>(&site),
               registers, Ask, site);
  Warp& warp = *machine.thread().warp;
  if (machine.thread().lane == 0) {
    const auto fits = [&] { return Fits(*warp.block, warp, registers); };
    // Another warp may take them before this one goes on.
    while (!fits()) {
      machine.WaitUntil(fits, "registers by setmaxnreg", site);
    }
    warp.registers = registers;
    machine.Progress();
  }
  machine.Meet(0xFFFFFFFF, "setmaxnreg", 0, 0, nullptr, site);
}

}  // namespace tilework::emulator
