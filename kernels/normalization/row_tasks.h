// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How rows are cut into tasks and lie in scratch memory.

#ifndef TILEWORK_KERNELS_NORMALIZATION_ROW_TASKS_H_
#define TILEWORK_KERNELS_NORMALIZATION_ROW_TASKS_H_

#include <algorithm>
#include <cstdint>

namespace tilework {

// Enough rows for a task to be worth a thread's attention, and not many more
// than 256 tasks.
constexpr int64_t RowsPerTask(int64_t rows, int64_t size) {
  constexpr int64_t kElements = int64_t{1} << 16;
  return std::max<int64_t>({rows / 256, kElements / size, 1});
}

// Elements of a row in scratch, for the next one to be aligned.
constexpr int64_t PaddedSize(int64_t size) { return (size + 15) / 16 * 16; }

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_ROW_TASKS_H_
