// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The one way to a block's shared memory.
//
//   struct SharedStorage {
//     float partial[32];
//   };
//   auto& shared = SharedMemory<SharedStorage>();
//
// and .shared_bytes = sizeof(SharedStorage) in the LaunchShape. A kernel has
// one such struct. It starts uninitialized, at a multiple of 1024 bytes.

#ifndef TILEWORK_COMMON_DEVICE_SHARED_MEMORY_H_
#define TILEWORK_COMMON_DEVICE_SHARED_MEMORY_H_

#include <type_traits>

#include "tilework/common/device/cuda.h"

namespace tilework {

#if !defined(TILEWORK_EMULATED)
namespace device_internal {
extern __shared__ __align__(1024) unsigned char shared_arena[];
}  // namespace device_internal
#endif

template <typename SharedStorage>
__device__ inline SharedStorage& SharedMemory() {
  static_assert(std::is_trivially_destructible_v<SharedStorage>);
  static_assert(alignof(SharedStorage) <= 1024);
#if defined(TILEWORK_EMULATED)
  return *static_cast<SharedStorage*>(
      emulator::SharedArena(sizeof(SharedStorage)));
#else
  return *reinterpret_cast<SharedStorage*>(device_internal::shared_arena);
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_SHARED_MEMORY_H_
