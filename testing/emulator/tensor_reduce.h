// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the reductions of copies do to elements in memory.

#ifndef TILEWORK_TESTING_EMULATOR_TENSOR_REDUCE_H_
#define TILEWORK_TESTING_EMULATOR_TENSOR_REDUCE_H_

#include <cstddef>
#include <cstdint>

#include "tilework/common/dtype/dtype.h"

namespace tilework::emulator {

// Adds the elements in `bytes` bytes at `from` to those at `to`; false if there
// is no such addition of `dtype`. Those of 16 bits are rounded to nearest.
bool AddElements(DType dtype, const std::byte* from, uint32_t bytes,
                 std::byte* to);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_TENSOR_REDUCE_H_
