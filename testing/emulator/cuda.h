// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// CUDA C++ for the host's compiler: all that common/device/cuda.h promises.

#ifndef TILEWORK_TESTING_EMULATOR_CUDA_H_
#define TILEWORK_TESTING_EMULATOR_CUDA_H_

#include "tilework/testing/emulator/atomics.h"
#include "tilework/testing/emulator/builtins.h"
#include "tilework/testing/emulator/device_math.h"
#include "tilework/testing/emulator/memory_access.h"
#include "tilework/testing/emulator/vector_types.h"
#include "tilework/testing/emulator/warp_operations.h"

#endif  // TILEWORK_TESTING_EMULATOR_CUDA_H_
