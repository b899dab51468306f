// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What device code is written with: __global__, threadIdx, __syncthreads(),
// shuffles, atomics. From CUDA where nvcc compiles, else from the emulator,
// and then TILEWORK_EMULATED is defined. Include it in device code alone.

#ifndef TILEWORK_COMMON_DEVICE_CUDA_H_
#define TILEWORK_COMMON_DEVICE_CUDA_H_

#if defined(__CUDACC__)
#include <cuda_runtime.h>
// Before a loop whose number of rounds is a constant: all of it is unrolled, so
// that arrays indexed by its counter stay in registers.
#define TILEWORK_UNROLL _Pragma("unroll")
// Before a loop that is compiled as one: its body is large.
#define TILEWORK_NO_UNROLL _Pragma("unroll 1")
#else
#define TILEWORK_EMULATED 1
#define TILEWORK_UNROLL
#define TILEWORK_NO_UNROLL
#include "tilework/testing/emulator/cuda.h"
#endif

#endif  // TILEWORK_COMMON_DEVICE_CUDA_H_
