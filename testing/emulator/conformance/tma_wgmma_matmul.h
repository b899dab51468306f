// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The smallest matmul that has all of a fast one: a producer warp copies tiles
// by TMA into two stages, a consumer warpgroup multiplies them by wgmma, and
// the result leaves by TMA. Full and empty mbarriers hand the stages back and
// forth.
//
// Faults can be planted in it, to see that they are found.

#ifndef TILEWORK_TESTING_EMULATOR_CONFORMANCE_TMA_WGMMA_MATMUL_H_
#define TILEWORK_TESTING_EMULATOR_CONFORMANCE_TMA_WGMMA_MATMUL_H_

#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/elect.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/mbarrier.h"
#include "tilework/common/device/named_barrier.h"
#include "tilework/common/device/shared_address.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tma.h"
#include "tilework/common/device/wgmma.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tiling/fragment.h"
#include "tilework/common/tiling/operand_layout.h"

namespace tilework {

enum class PlantedFault {
  kNone,
  kNoFullWait,     // multiplies without waiting for the tiles
  kReleasedEarly,  // hands a stage back before it has multiplied
  kNoWgmmaWait,    // hands a stage back while it multiplies
  kWrongParity,    // the producer's first wait is for the other parity
  kNoProxyFence,   // the result is stored without a fence of the proxy
  kWrongSwizzle,   // multiplies as if tiles had a swizzle of 64 bytes
  kWrongStride,    // multiplies as if eight rows were further apart
  kTooFewBytes,    // expects the bytes of A alone
  kTooManyBytes,   // expects more bytes than come
  kNoWgmmaFence,   // of its registers
  kNoCommit,       // waits for instructions that are in no group
  kNoStoreWait,    // returns before the store has read its memory
};

inline constexpr int kMatmulTile = 64;  // rows, columns, and of K
inline constexpr int kMatmulStages = 2;
inline constexpr int kMatmulConsumers = 128;
inline constexpr int kMatmulThreads = kMatmulConsumers + 32;

struct MatmulStorage {
  alignas(1024) BFloat16 a[kMatmulStages][kMatmulTile * kMatmulTile];
  alignas(1024) BFloat16 b[kMatmulStages][kMatmulTile * kMatmulTile];
  alignas(128) float d[kMatmulTile * kMatmulTile];
  Mbarrier full[kMatmulStages];
  Mbarrier empty[kMatmulStages];
};

template <PlantedFault kFault>
__device__ void Produce(const TensorMap& a, const TensorMap& b, int k_tiles) {
  MatmulStorage& shared = SharedMemory<MatmulStorage>();
  uint32_t bytes = sizeof(shared.a[0]) + sizeof(shared.b[0]);
  if (kFault == PlantedFault::kTooFewBytes) bytes = sizeof(shared.a[0]);
  if (kFault == PlantedFault::kTooManyBytes) bytes += 16;
  const uint32_t first = kFault == PlantedFault::kWrongParity ? 0 : 1;
  for (int tile = 0; tile < k_tiles; ++tile) {
    const int stage = tile % kMatmulStages;
    const uint32_t round = static_cast<uint32_t>(tile / kMatmulStages);
    // The first round finds all stages empty.
    MbarrierWaitParity(shared.empty[stage], (round & 1) ^ first);
    MbarrierArriveExpectTx(shared.full[stage], bytes);
    const int k = tile * kMatmulTile;
    CpAsyncBulkTensorToShared(shared.a[stage], a,
                              {k, static_cast<int>(blockIdx.y) * kMatmulTile},
                              shared.full[stage]);
    CpAsyncBulkTensorToShared(shared.b[stage], b,
                              {k, static_cast<int>(blockIdx.x) * kMatmulTile},
                              shared.full[stage]);
  }
}

template <PlantedFault kFault>
__device__ void MultiplyStage(int stage, bool accumulate,
                              float (&d)[kMatmulTile / 2]) {
  MatmulStorage& shared = SharedMemory<MatmulStorage>();
  constexpr OperandLayout kLayout = {
      .swizzle = kFault == PlantedFault::kWrongSwizzle ? Swizzle::k64B
                                                       : Swizzle::k128B,
      .mn = kMatmulTile,
      .k = kMatmulTile};
  constexpr uint64_t kOff =
      kFault == PlantedFault::kWrongStride
          ? EncodeMatrixDescriptor({.stride_byte_offset = 1024})
          : 0;
  if (kFault != PlantedFault::kNoWgmmaFence) WgmmaFence();
#pragma unroll
  for (uint32_t k = 0; k < kMatmulTile; k += 16) {
    WgmmaMmaAsync<BFloat16, BFloat16>(
        d, kLayout.Descriptor(SharedAddress(shared.a[stage]), 0, k) + kOff,
        kLayout.Descriptor(SharedAddress(shared.b[stage]), 0, k),
        accumulate || k > 0);
  }
  if (kFault != PlantedFault::kNoCommit) WgmmaCommitGroup();
}

// By each warp of the consumers, for one of its lanes.
__device__ inline void ReleaseStage(int stage) {
  __syncwarp();
  if (threadIdx.x % 32 == 0) {
    MbarrierArrive(SharedMemory<MatmulStorage>().empty[stage]);
  }
}

template <PlantedFault kFault>
__device__ void Consume(int k_tiles, float (&d)[kMatmulTile / 2]) {
  MatmulStorage& shared = SharedMemory<MatmulStorage>();
  for (int tile = 0; tile < k_tiles; ++tile) {
    const int stage = tile % kMatmulStages;
    const uint32_t round = static_cast<uint32_t>(tile / kMatmulStages);
    if (kFault != PlantedFault::kNoFullWait) {
      MbarrierWaitParity(shared.full[stage], round & 1);
    }
    if (kFault == PlantedFault::kReleasedEarly) ReleaseStage(stage);
    MultiplyStage<kFault>(stage, tile > 0, d);
    // The stage before this one is done when only this one is under way.
    if (kFault != PlantedFault::kNoWgmmaWait) WgmmaWaitGroup<1>();
    if (kFault != PlantedFault::kReleasedEarly && tile > 0) {
      ReleaseStage((tile - 1) % kMatmulStages);
    }
  }
  WgmmaWaitGroup<0>(d);
}

template <PlantedFault kFault>
__device__ void StoreResult(const TensorMap& map,
                            const float (&d)[kMatmulTile / 2]) {
  MatmulStorage& shared = SharedMemory<MatmulStorage>();
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int i = 0; i < kMatmulTile / 2; ++i) {
    const MatrixElement at =
        AccumulatorFragment::ToMatrix({thread / 32, thread % 32, i});
    shared.d[at.row * kMatmulTile + at.column] = d[i];
  }
  if (kFault != PlantedFault::kNoProxyFence) FenceProxyAsync();
  BarSync(1, kMatmulConsumers);
  if (thread != 0) return;
  CpAsyncBulkTensorToGlobal(map,
                            {static_cast<int>(blockIdx.x) * kMatmulTile,
                             static_cast<int>(blockIdx.y) * kMatmulTile},
                            shared.d);
  CpAsyncBulkCommitGroup();
  if (kFault != PlantedFault::kNoStoreWait) CpAsyncBulkWaitGroup<0>();
}

// d = a b^T: a is [M, K], b [N, K], both bf16 with boxes of [64, 64] and a
// swizzle of 128 bytes; d is f32 [M, N] with boxes of [64, 64]. One block a
// tile of d, x along N; `k_tiles` tiles of K, at least one.
template <PlantedFault kFault>
__global__ void __launch_bounds__(kMatmulThreads)
    MatmulKernel(const __grid_constant__ TensorMap a,
                 const __grid_constant__ TensorMap b,
                 const __grid_constant__ TensorMap d, int k_tiles) {
  MatmulStorage& shared = SharedMemory<MatmulStorage>();
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < kMatmulStages; ++stage) {
      MbarrierInit(shared.full[stage], 1);
      MbarrierInit(shared.empty[stage], kMatmulConsumers / 32);
    }
    FenceMbarrierInit();
  }
  __syncthreads();
  if (threadIdx.x >= kMatmulConsumers) {
    if (ElectSync()) Produce<kFault>(a, b, k_tiles);
    return;
  }
  float accumulators[kMatmulTile / 2];
  Consume<kFault>(k_tiles, accumulators);
  StoreResult<kFault>(d, accumulators);
}

}  // namespace tilework

#endif  // TILEWORK_TESTING_EMULATOR_CONFORMANCE_TMA_WGMMA_MATMUL_H_
