// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The model of setmaxnreg: whole warps execute it, and when all warps of a
// block have, they may not have more registers than a multiprocessor. How many
// registers code really uses is nothing that the emulator knows.

#ifndef TILEWORK_TESTING_EMULATOR_SETMAXNREG_H_
#define TILEWORK_TESTING_EMULATOR_SETMAXNREG_H_

#include <cstdint>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

void Setmaxnreg(uint32_t registers, const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_SETMAXNREG_H_
