// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Feeds a file reader with damaged files.

#ifndef TILEWORK_COMMON_TENSOR_FILE_FUZZER_H_
#define TILEWORK_COMMON_TENSOR_FILE_FUZZER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace tilework {

struct FuzzCount {
  int64_t files = 0;     // fed to the reader
  int64_t accepted = 0;  // for which it returned true
};

// Calls `read`, which says whether it took the file for a valid one, for each
// of the valid `files`, for each truncation of them, and then for copies with
// random damage: flipped bits, extreme values in place of numbers, removed,
// repeated and exchanged ranges. Runs a few thousand rounds, or for
// TILEWORK_FUZZ_SECONDS where the environment sets that. The random numbers
// depend on gtest's --gtest_random_seed. Each file lies in a heap block of
// exactly its size, so that an address sanitizer sees reads outside.
FuzzCount FuzzReader(
    absl::Span<const std::string> files,
    absl::FunctionRef<bool(absl::Span<const std::byte> bytes)> read);

}  // namespace tilework

#endif  // TILEWORK_COMMON_TENSOR_FILE_FUZZER_H_
