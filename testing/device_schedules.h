// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Runs of a test of device code by several schedules of the emulator.

#ifndef TILEWORK_TESTING_DEVICE_SCHEDULES_H_
#define TILEWORK_TESTING_DEVICE_SCHEDULES_H_

#include "absl/functional/function_ref.h"

namespace tilework {

// Calls `test` with each mode of asynchrony and some seeds of each; the first
// schedule that fails is the last, and is printed. Where the environment has
// TILEWORK_EMULATOR_SEED or TILEWORK_EMULATOR_ASYNC, once with these;
// TILEWORK_EMULATOR_SEEDS=100 sets how many seeds there are. On a GPU, once.
void ForEachSchedule(absl::FunctionRef<void()> test);

}  // namespace tilework

#endif  // TILEWORK_TESTING_DEVICE_SCHEDULES_H_
