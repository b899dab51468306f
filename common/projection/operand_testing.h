// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_PROJECTION_OPERAND_TESTING_H_
#define TILEWORK_COMMON_PROJECTION_OPERAND_TESTING_H_

#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"

namespace tilework {

// PrepareOperand() of the best SIMD target, or the one under test.
Operand PrepareOperandOnTarget(const OperandArgs& args, ScratchScope& scratch,
                               HostContext& context);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_OPERAND_TESTING_H_
