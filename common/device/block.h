// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Reductions and scans within a block of one dimension, whose threads are whole
// warps. All threads of the block call them at the same place. The order of
// operations is fixed by the number of threads alone.

#ifndef TILEWORK_COMMON_DEVICE_BLOCK_H_
#define TILEWORK_COMMON_DEVICE_BLOCK_H_

#include <bit>
#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/warp.h"

namespace tilework {

// Up to kMost reductions of 32-bit values at once; a part of SharedStorage.
template <int kMost>
struct BlockReduceStorage {
  // Two of them: a warp that is one reduction ahead of another writes where the
  // other one no longer reads, so that each reduction needs one barrier.
  uint32_t partial[2][kMost][kWarpLanes];
};

// A thread's view of its block's reductions; one object for all of them.
template <int kMost>
class BlockReducer {
 public:
  // Over groups of `threads` threads: a power of two up to 32, or the block.
  __device__ BlockReducer(BlockReduceStorage<kMost>& storage, int threads)
      : storage_(storage), threads_(threads) {}

  // All threads of a group get the same bits.
  template <typename T, int kNum, class Operation>
  __device__ void Reduce(Operation operation, T (&values)[kNum]) {
    static_assert(kNum <= kMost && sizeof(T) == sizeof(uint32_t));
    if (threads_ <= kWarpLanes) {
      WarpReduce(operation, threads_, values);
      return;
    }
    WarpReduce(operation, kWarpLanes, values);
    auto& partial = storage_.partial[phase_];
    phase_ ^= 1;
    const int lane = LaneOfThread();
    if (lane == 0) {
      TILEWORK_UNROLL
      for (int i = 0; i < kNum; ++i) {
        partial[i][WarpOfThread()] = std::bit_cast<uint32_t>(values[i]);
      }
    }
    __syncthreads();
    const bool is_warp = lane < threads_ / kWarpLanes;
    TILEWORK_UNROLL
    for (int i = 0; i < kNum; ++i) {
      values[i] = is_warp ? std::bit_cast<T>(partial[i][lane])
                          : Operation::template Identity<T>();
    }
    WarpReduce(operation, kWarpLanes, values);
  }

  __device__ float Sum(float value) {
    float values[1] = {value};
    Reduce(SumOperation(), values);
    return values[0];
  }
  __device__ uint32_t Max(uint32_t value) {
    uint32_t values[1] = {value};
    Reduce(MaxOperation(), values);
    return values[0];
  }

  // The sum over this thread of the group and those before it; `total` is that
  // of all of them. A group that is not the block is a whole warp.
  template <typename T>
  __device__ T InclusiveSum(T value, T& total) {
    static_assert(sizeof(T) == sizeof(uint32_t));
    const T in_warp = WarpInclusiveSum(value);
    if (threads_ == kWarpLanes) {
      total = __shfl_sync(kAllLanes, in_warp, kWarpLanes - 1);
      return in_warp;
    }
    auto& partial = storage_.partial[phase_][0];
    phase_ ^= 1;
    const int lane = LaneOfThread();
    const int warp = WarpOfThread();
    if (lane == kWarpLanes - 1) {
      partial[warp] = std::bit_cast<uint32_t>(in_warp);
    }
    __syncthreads();
    const int warps = threads_ / kWarpLanes;
    const T of_warps =
        WarpInclusiveSum(lane < warps ? std::bit_cast<T>(partial[lane]) : T{0});
    total = __shfl_sync(kAllLanes, of_warps, warps - 1);
    const T before = __shfl_sync(kAllLanes, of_warps, warp == 0 ? 0 : warp - 1);
    return warp == 0 ? in_warp : before + in_warp;
  }

 private:
  BlockReduceStorage<kMost>& storage_;
  int threads_;
  int phase_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_BLOCK_H_
