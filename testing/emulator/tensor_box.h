// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Where the elements of a box of a tensor map are, in global and in shared
// memory.

#ifndef TILEWORK_TESTING_EMULATOR_TENSOR_BOX_H_
#define TILEWORK_TESTING_EMULATOR_TENSOR_BOX_H_

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "tilework/common/device/tensor_map.h"

namespace tilework::emulator {

// Some bytes of a box that are adjacent both in global memory and, without a
// swizzle, in shared memory, where they are within one chunk of 16 bytes.
struct BoxPiece {
  uint32_t offset;    // in shared memory, from the start of the box
  std::byte* global;  // null if they are outside of the tensor
  uint32_t bytes;
};

// Calls `visit` for all pieces of the box at `coordinates`, in order of
// `offset`.
void ForEachPiece(const TensorMapFields& map,
                  absl::Span<const int32_t> coordinates,
                  absl::FunctionRef<void(const BoxPiece&)> visit);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_TENSOR_BOX_H_
