// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Reductions and scans within a warp. All 32 threads of the warp call them at
// the same place. The order of operations is fixed by the number of lanes
// alone, so that sums have the same bits whatever else runs.

#ifndef TILEWORK_COMMON_DEVICE_WARP_H_
#define TILEWORK_COMMON_DEVICE_WARP_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"

namespace tilework {

inline constexpr int kWarpLanes = 32;
inline constexpr uint32_t kAllLanes = 0xFFFFFFFFu;

// In blocks of one dimension.
__device__ inline int WarpOfThread() {
  return static_cast<int>(threadIdx.x) / kWarpLanes;
}
__device__ inline int LaneOfThread() {
  return static_cast<int>(threadIdx.x) % kWarpLanes;
}

// What may be reduced, with the value that changes nothing. Of the bits of
// numbers without their sign, the largest is that of the largest magnitude, or
// of a NaN if there is one.
struct SumOperation {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
  template <typename T>
  __device__ static T Identity() {
    return T{0};
  }
};
struct MaxOperation {
  __device__ uint32_t operator()(uint32_t a, uint32_t b) const {
    return a < b ? b : a;
  }
  template <typename T>
  __device__ static T Identity() {
    return T{0};
  }
};

// Over groups of `lanes` (a power of two) neighbouring lanes; all lanes of a
// group get the same bits. kNum reductions at once.
template <typename T, int kNum, class Operation>
__device__ inline void WarpReduce(Operation operation, int lanes,
                                  T (&values)[kNum]) {
  for (int step = lanes / 2; step > 0; step /= 2) {
    TILEWORK_UNROLL
    for (int i = 0; i < kNum; ++i) {
      // a + b and b + a are the same bits.
      values[i] =
          operation(values[i], __shfl_xor_sync(kAllLanes, values[i], step));
    }
  }
}

template <typename T>
__device__ inline T WarpSum(T value, int lanes = kWarpLanes) {
  T values[1] = {value};
  WarpReduce(SumOperation(), lanes, values);
  return values[0];
}
__device__ inline uint32_t WarpMax(uint32_t value, int lanes = kWarpLanes) {
  uint32_t values[1] = {value};
  WarpReduce(MaxOperation(), lanes, values);
  return values[0];
}

// The sum over this lane and those below it.
template <typename T>
__device__ inline T WarpInclusiveSum(T value) {
  const int lane = LaneOfThread();
  TILEWORK_UNROLL
  for (int step = 1; step < kWarpLanes; step *= 2) {
    const T below =
        __shfl_up_sync(kAllLanes, value, static_cast<unsigned>(step));
    if (lane >= step) value = below + value;
  }
  return value;
}
// The sum over the lanes below this one.
template <typename T>
__device__ inline T WarpExclusiveSum(T value) {
  const T inclusive = WarpInclusiveSum(value);
  const T below = __shfl_up_sync(kAllLanes, inclusive, 1u);
  return LaneOfThread() == 0 ? T{0} : below;
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_WARP_H_
