// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// PrepareOperand() is in operand.h.

#ifndef TILEWORK_COMMON_PROJECTION_OPERAND_INL_H_
#define TILEWORK_COMMON_PROJECTION_OPERAND_INL_H_

#include "tilework/common/projection/operand.h"

#endif  // TILEWORK_COMMON_PROJECTION_OPERAND_INL_H_
