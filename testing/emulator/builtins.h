// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The words of CUDA C++: what marks functions, who the calling thread is, the
// barrier of a block, fences.
//
// There is no __shared__: see common/device/shared_memory.h.

#ifndef TILEWORK_TESTING_EMULATOR_BUILTINS_H_
#define TILEWORK_TESTING_EMULATOR_BUILTINS_H_

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/vector_types.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))

#define threadIdx (::tilework::emulator::ThreadIndex())
#define blockIdx (::tilework::emulator::BlockIndex())
#define blockDim (::tilework::emulator::BlockShape())
#define gridDim (::tilework::emulator::GridShapeInBlocks())
#define warpSize 32

// A condition that does not hold is a fault of the launch.
#undef assert
#define assert(condition)             \
  ((condition) ? static_cast<void>(0) \
               : ::tilework::emulator::Trap("assert(" #condition ")"))

namespace tilework::emulator {

inline const uint3& ThreadIndex(Site site = Site::current()) {
  return ThisMachine(site).thread().index;
}
inline const uint3& BlockIndex(Site site = Site::current()) {
  return ThisMachine(site).block().index;
}
inline const dim3& BlockShape(Site site = Site::current()) {
  return ThisMachine(site).shape().block;
}
inline const dim3& GridShapeInBlocks(Site site = Site::current()) {
  return ThisMachine(site).shape().grid;
}

[[noreturn]] void Trap(const char* what, Site site = Site::current());

// The calling block's shared memory, of which the kernel uses `bytes` bytes: a
// fault if the launch gives it less.
void* SharedArena(size_t bytes, Site site = Site::current());

}  // namespace tilework::emulator

void __syncthreads(
    tilework::emulator::Site site = tilework::emulator::Site::current());
int __syncthreads_count(int predicate, tilework::emulator::Site site =
                                           tilework::emulator::Site::current());
int __syncthreads_and(int predicate, tilework::emulator::Site site =
                                         tilework::emulator::Site::current());
int __syncthreads_or(int predicate, tilework::emulator::Site site =
                                        tilework::emulator::Site::current());

// One thread of the host runs all: what is written is seen. Others may run
// first.
void __threadfence();
void __threadfence_block();
void __threadfence_system();

void __nanosleep(unsigned nanoseconds);
// Counts switches between threads.
long long clock64();

[[noreturn]] inline void __trap(
    tilework::emulator::Site site = tilework::emulator::Site::current()) {
  tilework::emulator::Trap("__trap()", site);
}

// Which lanes happen to run together is nothing that code may rest on: a fault.
unsigned __activemask(
    tilework::emulator::Site site = tilework::emulator::Site::current());

#endif  // TILEWORK_TESTING_EMULATOR_BUILTINS_H_
