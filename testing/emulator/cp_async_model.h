// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// cp.async.

#ifndef TILEWORK_TESTING_EMULATOR_CP_ASYNC_MODEL_H_
#define TILEWORK_TESTING_EMULATOR_CP_ASYNC_MODEL_H_

#include <cstdint>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

void CpAsync(void* shared, const void* global, uint32_t bytes, uint32_t valid,
             const Site& site);
void CpAsyncMbarrierArrive(void* object, bool increment, const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_CP_ASYNC_MODEL_H_
