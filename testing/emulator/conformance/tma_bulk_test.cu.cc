// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Copies of plain memory, and copies to several blocks of a cluster.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cluster.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/mbarrier.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_map.h"
#include "tilework/common/device/tma.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/swizzle.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/emulator/conformance/device_case.h"

namespace tilework {
namespace {

constexpr int kWords = 1024;
constexpr int kChunk = 256;  // words of one copy
constexpr int kThreads = 64;
constexpr int kBlocks = 4;  // of a cluster

struct Storage {
  alignas(1024) int32_t words[kWords];
  Mbarrier barrier;
};

__device__ void BeginWith(uint32_t bytes) {
  Storage& shared = SharedMemory<Storage>();
  if (threadIdx.x == 0) {
    MbarrierInit(shared.barrier, 1);
    FenceMbarrierInit();
    MbarrierArriveExpectTx(shared.barrier, bytes);
  }
  __syncthreads();
}

__device__ void WriteOut(int32_t* out) {
  for (int i = static_cast<int>(threadIdx.x); i < kWords; i += kThreads) {
    out[i] = SharedMemory<Storage>().words[i];
  }
}

// Into shared memory in several copies, plus 1, and out again in two groups.
__global__ void ThereAndBackKernel(const int32_t* in, int32_t* out) {
  Storage& shared = SharedMemory<Storage>();
  BeginWith(sizeof(shared.words));
  if (threadIdx.x == 0) {
    CpAsyncBulkPrefetchL2(in, sizeof(shared.words));
    for (int i = 0; i < kWords; i += kChunk) {
      CpAsyncBulkToShared(shared.words + i, in + i, 4 * kChunk, shared.barrier);
    }
  }
  MbarrierWaitParity(shared.barrier, 0);
  for (int i = static_cast<int>(threadIdx.x); i < kWords; i += kThreads) {
    ++shared.words[i];
  }
  FenceProxyAsync();
  __syncthreads();
  if (threadIdx.x != 0) return;
  CpAsyncBulkToGlobal(out, shared.words, 2 * kWords);
  CpAsyncBulkCommitGroup();
  CpAsyncBulkToGlobal(out + kWords / 2, shared.words + kWords / 2, 2 * kWords);
  CpAsyncBulkCommitGroup();
  CpAsyncBulkWaitGroupRead<1>();
  shared.words[0] = -1;  // of the first group
  CpAsyncBulkWaitGroup<0>();
}

// Each block sends its memory to the next one of the cluster.
__global__ void RingKernel(int32_t* out) {
  Storage& shared = SharedMemory<Storage>();
  const uint32_t rank = ClusterRank();
  const uint32_t next = (rank + 1) % kBlocks;
  constexpr int kHalf = kWords / 2;
  BeginWith(4 * kHalf);
  for (int i = static_cast<int>(threadIdx.x); i < kHalf; i += kThreads) {
    shared.words[i] = static_cast<int32_t>(rank) * kWords + i;
  }
  FenceProxyAsync();
  ClusterSync();
  if (threadIdx.x == 0) {
    CpAsyncBulkToSharedCluster(Mapa(shared.words + kHalf, next), shared.words,
                               4 * kHalf, *Mapa(&shared.barrier, next));
  }
  MbarrierWaitParityCluster(shared.barrier, 0);
  WriteOut(out + blockIdx.x * kWords);
  ClusterSync();
}

// Block r reads chunk r for all, or for those of the mask.
__global__ void MulticastKernel(const int32_t* in, uint16_t mask,
                                int32_t* out) {
  Storage& shared = SharedMemory<Storage>();
  const uint32_t rank = ClusterRank();
  const bool receives = (mask >> rank & 1) != 0;
  BeginWith(receives ? sizeof(shared.words) : 0);
  for (int i = static_cast<int>(threadIdx.x); i < kWords; i += kThreads) {
    if (!receives) shared.words[i] = -1;
  }
  ClusterSync();
  if (threadIdx.x == 0) {
    const uint32_t first = rank * kChunk;
    CpAsyncBulkToSharedMulticast(shared.words + first, in + first, 4 * kChunk,
                                 shared.barrier, mask);
  }
  MbarrierWaitParityCluster(shared.barrier, 0);
  WriteOut(out + blockIdx.x * kWords);
  ClusterSync();
}

// The same with boxes of 32 x 8 words.
__global__ void TensorMulticastKernel(const __grid_constant__ TensorMap map,
                                      int32_t* out) {
  Storage& shared = SharedMemory<Storage>();
  const int rank = static_cast<int>(ClusterRank());
  BeginWith(sizeof(shared.words));
  ClusterSync();
  if (threadIdx.x == 0) {
    CpAsyncBulkTensorToSharedMulticast(shared.words + rank * kChunk, map,
                                       {0, 8 * rank}, shared.barrier,
                                       (1u << kBlocks) - 1);
  }
  MbarrierWaitParityCluster(shared.barrier, 0);
  WriteOut(out + blockIdx.x * kWords);
  ClusterSync();
}

class TmaBulkTest : public DeviceCase {
 protected:
  static std::vector<int32_t> Numbers() {
    std::vector<int32_t> numbers(kWords);
    for (int i = 0; i < kWords; ++i) numbers[static_cast<size_t>(i)] = 7 * i;
    return numbers;
  }

  LaunchShape Shape(uint32_t blocks) {
    return {.kernel = "bulk copy",
            .grid = {blocks},
            .block = {kThreads},
            .cluster = {blocks},
            .shared_bytes = sizeof(Storage)};
  }

  Tensor Output(int blocks) {
    const int64_t words = int64_t{blocks} * kWords;
    return Upload(Dims{words},
                  std::vector<int32_t>(static_cast<size_t>(words)));
  }

  void ExpectOk(const absl::Status& status) {
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(context().Synchronize().ok());
  }
};

TEST_F(TmaBulkTest, ThereAndBack) {
  ForEachSchedule([&] {
    const Tensor in = Upload(Dims{kWords}, Numbers());
    const Tensor out = Output(1);
    ExpectOk(Launch(ThereAndBackKernel, Shape(1), context(), in.data<int32_t>(),
                    out.data<int32_t>()));
    std::vector<int32_t> expected = Numbers();
    for (int32_t& word : expected) ++word;
    EXPECT_EQ(Download<int32_t>(out), expected);
  });
}

TEST_F(TmaBulkTest, FromBlockToBlock) {
  ForEachSchedule([&] {
    const Tensor out = Output(kBlocks);
    ExpectOk(
        Launch(RingKernel, Shape(kBlocks), context(), out.data<int32_t>()));
    const std::vector<int32_t> got = Download<int32_t>(out);
    for (int block = 0; block < kBlocks; ++block) {
      for (int i = 0; i < kWords; ++i) {
        const int from =
            i < kWords / 2 ? block : (block + kBlocks - 1) % kBlocks;
        ASSERT_EQ(got[static_cast<size_t>(block * kWords + i)],
                  from * kWords + i % (kWords / 2));
      }
    }
  });
}

TEST_F(TmaBulkTest, Multicast) {
  for (uint16_t mask : {0b1111, 0b1010, 0b0001}) {
    ForEachSchedule([&] {
      const Tensor in = Upload(Dims{kWords}, Numbers());
      const Tensor out = Output(kBlocks);
      ExpectOk(Launch(MulticastKernel, Shape(kBlocks), context(),
                      in.data<int32_t>(), mask, out.data<int32_t>()));
      const std::vector<int32_t> got = Download<int32_t>(out);
      for (int i = 0; i < kBlocks * kWords; ++i) {
        const bool receives = (mask >> (i / kWords) & 1) != 0;
        ASSERT_EQ(got[static_cast<size_t>(i)], receives ? i % kWords * 7 : -1);
      }
    });
  }
}

TEST_F(TmaBulkTest, TensorMulticast) {
  ForEachSchedule([&] {
    const Tensor in = Upload(Dims{32, 32}, Numbers());
    const absl::StatusOr<TensorMap> map =
        MakeTensorMap(in, {.box = {8, 32}, .swizzle = Swizzle::k128B});
    ASSERT_TRUE(map.ok()) << map.status();
    const Tensor out = Output(kBlocks);
    ExpectOk(Launch(TensorMulticastKernel, Shape(kBlocks), context(), *map,
                    out.data<int32_t>()));
    const std::vector<int32_t> got = Download<int32_t>(out);
    for (uint32_t i = 0; i < kBlocks * kWords; ++i) {
      const uint32_t from = ApplySwizzle(Swizzle::k128B, i % kWords * 4) / 4;
      ASSERT_EQ(got[i], static_cast<int32_t>(from * 7));
    }
  });
}

}  // namespace
}  // namespace tilework
