// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The model of wgmma (common/device/wgmma.h says what it is of).
//
// Each warp computes its sixteen rows on its own, when it has issued the
// instruction: hardware promises no more. Operands in shared memory are read
// at once, at the wait, or at some time in between. From the instruction to the
// wait accumulators are poison. Descriptors are decoded from their bits.
//
// Faults:
// - warps of a warpgroup that execute different instructions, or threads of a
//   warp that do not execute the same one, with the same descriptors;
// - descriptors with bits that mean nothing, with a base offset (not modelled),
//   or of memory that is not the block's;
// - operands that ordinary stores have written without a fence of the proxy;
// - accumulators that are written before the wait, or in use as they change
//   their size;
// - registers that are used for the first time since a commit or wait, or that
//   were written since, without a fence;
// - waits that name results of instructions that are not done by then;
// - a block that ends with instructions that nobody has waited for.

#ifndef TILEWORK_TESTING_EMULATOR_WGMMA_H_
#define TILEWORK_TESTING_EMULATOR_WGMMA_H_

#include <cstdint>

#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tiling/operand_layout.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

struct WgmmaInstruction {
  DType a = DType::kNone;
  DType b = DType::kNone;
  Major a_major = Major::kK;
  Major b_major = Major::kK;
  bool negate = false;
  bool scale_d = false;
  // A: in registers, else in shared memory.
  bool a_in_registers = false;
  uint32_t a_registers[4] = {};  // of the thread
  uint64_t a_descriptor = 0;
  uint64_t b_descriptor = 0;
};

void WgmmaFence(const Site& site);
void WgmmaMmaAsync(const WgmmaInstruction& instruction, absl::Span<float> d,
                   const Site& site);
void WgmmaCommitGroup(const Site& site);
void WgmmaWaitGroup(int pending, absl::Span<const absl::Span<float>> results,
                    const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_WGMMA_H_
