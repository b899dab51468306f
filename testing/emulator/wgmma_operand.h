// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Operands of wgmma, read as its descriptors and register fragments say.

#ifndef TILEWORK_TESTING_EMULATOR_WGMMA_OPERAND_H_
#define TILEWORK_TESTING_EMULATOR_WGMMA_OPERAND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tiling/operand_layout.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

// K of one instruction.
constexpr uint32_t WgmmaK(DType dtype) {
  return 32 / static_cast<uint32_t>(SizeOf(dtype));
}

// What is wrong with the descriptor of an operand, "" if nothing.
std::string CheckDescriptor(uint64_t descriptor);

struct SharedOperand {
  uint64_t descriptor = 0;
  Major major = Major::kK;
  DType dtype = DType::kNone;
};

// Rows [first, first + count) of the operand, WgmmaK() numbers each; a fault if
// some are not in shared memory of `block`, or were stored without a fence.
std::vector<float> ReadSharedOperand(Block& block, const SharedOperand& operand,
                                     uint32_t first, uint32_t count,
                                     const Site& site);

// The sixteen rows of A that a warp has in registers, four of each lane one
// after the other.
std::vector<float> ReadRegisterOperand(DType dtype,
                                       absl::Span<const uint32_t> registers);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_WGMMA_OPERAND_H_
