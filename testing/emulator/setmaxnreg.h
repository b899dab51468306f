// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The model of setmaxnreg: whole warps execute it, those of a warpgroup the
// same ones, and each waits until the block has as many registers. The block
// has what it began with, which is as many as the compiler can have given it:
// how many code really uses is nothing that the emulator knows.

#ifndef TILEWORK_TESTING_EMULATOR_SETMAXNREG_H_
#define TILEWORK_TESTING_EMULATOR_SETMAXNREG_H_

#include <cstdint>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

void Setmaxnreg(uint32_t registers, const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_SETMAXNREG_H_
