// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Clusters: ranks, barriers, distributed shared memory; barriers of the grid.

#include "tilework/common/device/cluster.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/grid_barrier.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/spin.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_test.h"

namespace tilework {
namespace {

class ClusterTest : public DeviceTest {};

__global__ void Ranks(uint32_t* out) {
  const unsigned block =
      blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  out[block] = ClusterRank() * 100 + ClusterBlocks();
}

TEST_F(ClusterTest, RanksGoAlongXFirst) {
  uint32_t* out = Allocate<uint32_t>(24);
  const absl::Status status =
      Launch(Ranks, {.kernel = "ranks", .grid = {4, 6}, .cluster = {2, 3}},
             context(), out);
  ASSERT_TRUE(status.ok()) << status;
  const std::vector<uint32_t> seen = Download(out, 24);
  for (uint32_t y = 0; y < 6; ++y) {
    for (uint32_t x = 0; x < 4; ++x) {
      EXPECT_EQ(seen[y * 4 + x], (x % 2 + y % 3 * 2) * 100 + 6);
    }
  }
}

struct Words {
  int words[64];
};

// Values go round the blocks of the cluster, by stores into the next one's
// memory.
__global__ void RoundTheCluster(int* out) {
  auto& shared = SharedMemory<Words>();
  const uint32_t next = (ClusterRank() + 1) % ClusterBlocks();
  int value = static_cast<int>(blockIdx.x * 1000 + threadIdx.x);
  int* there = Mapa(&shared.words[63 - threadIdx.x], next);
  ClusterSync();
  for (uint32_t i = 0; i < ClusterBlocks(); ++i) {
    *there = value;
    ClusterSync();
    value = shared.words[threadIdx.x];
    FenceAcqRelCluster();
    ClusterArriveRelaxed();
    ClusterWait();
  }
  out[blockIdx.x * 64 + threadIdx.x] = value;
}

// Of each block, a warp arrives and returns: the others are still awaited.
__global__ void ArriveAndReturn(int* out) {
  auto& shared = SharedMemory<Words>();
  const int i = static_cast<int>(threadIdx.x);
  ClusterSync();
  if (i >= 32) {
    ClusterArrive();
    return;
  }
  *Mapa(&shared.words[i], ClusterRank() ^ 1) = i;
  ClusterSync();
  out[blockIdx.x * 32 + threadIdx.x] = shared.words[i];
}

TEST_F(ClusterTest, ThoseThatArrivedAndReturnedStandForNobody) {
  std::vector<int> expected;
  for (int i = 0; i < 64; ++i) expected.push_back(i % 32);
  ForEachSchedule([&] {
    int* out = Allocate<int>(64);
    const absl::Status status = Launch(ArriveAndReturn,
                                       {.kernel = "arrive and return",
                                        .grid = {2},
                                        .block = {64},
                                        .cluster = {2},
                                        .shared_bytes = sizeof(Words)},
                                       context(), out);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(Download(out, 64), expected);
  });
}

TEST_F(ClusterTest, DistributedSharedMemory) {
  ForEachSchedule([&] {
    int* out = Allocate<int>(8 * 64);
    const absl::Status status = Launch(RoundTheCluster,
                                       {.kernel = "round",
                                        .grid = {8},
                                        .block = {64},
                                        .cluster = {4},
                                        .shared_bytes = sizeof(Words)},
                                       context(), out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, 8 * 64);
    // After all four, each is at home again.
    for (int i = 0; i < 8 * 64; ++i) {
      EXPECT_EQ(seen[i], i / 64 * 1000 + i % 64);
    }
  });
}

// Each round, all blocks read what all wrote in the round before.
__global__ void GridRounds(int* values, uint32_t* state, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const int* from = values + round % 2 * gridDim.x;
    int* to = values + (round + 1) % 2 * gridDim.x;
    if (threadIdx.x == 0) {
      int sum = 0;
      for (unsigned i = 0; i < gridDim.x; ++i) sum += from[i];
      to[blockIdx.x] = sum % 1000 + static_cast<int>(blockIdx.x);
    }
    GridSync(state);
  }
}

TEST_F(ClusterTest, GridBarriers) {
  ForEachSchedule([&] {
    constexpr int kBlocks = 7;
    constexpr int kRounds = 5;
    int* values = Upload(std::vector<int>(2 * kBlocks, 3));
    uint32_t* state = Upload(std::vector<uint32_t>{0});
    std::vector<int> expected(kBlocks, 3);
    // Twice: the barrier is used again as it was left.
    for (int launch = 0; launch < 2; ++launch) {
      const absl::Status status = Launch(GridRounds,
                                         {.kernel = "grid_rounds",
                                          .grid = {kBlocks},
                                          .block = {40},
                                          .co_resident = true},
                                         context(), values, state, 2 * kRounds);
      ASSERT_TRUE(status.ok()) << status;
      for (int round = 0; round < 2 * kRounds; ++round) {
        int sum = 0;
        for (const int x : expected) sum += x;
        for (int i = 0; i < kBlocks; ++i) expected[i] = sum % 1000 + i;
      }
    }
    EXPECT_EQ(Download(values, kBlocks), expected);
  });
}

// Blocks take tickets, and wait for the one with the ticket before: it runs.
__global__ void Chain(uint32_t* tickets, uint32_t* done, int* order) {
  if (threadIdx.x != 0) return;
  const uint32_t mine = atomicAdd(tickets, 1u);
  SpinUntil([&] { return LoadAcquire(done) == mine; }, "the block before",
            mine);
  order[mine] = static_cast<int>(blockIdx.x);
  StoreRelease(done, mine + 1);
}

TEST_F(ClusterTest, BlocksWaitForThoseThatBeganBefore) {
  ForEachSchedule([&] {
    constexpr int kBlocks = 20;
    uint32_t* counters = Upload(std::vector<uint32_t>{0, 0});
    int* order = Allocate<int>(kBlocks);
    const absl::Status status =
        Launch(Chain, {.kernel = "chain", .grid = {kBlocks}, .block = {32}},
               context(), counters, counters + 1, order);
    ASSERT_TRUE(status.ok()) << status;
    std::vector<bool> seen(kBlocks);
    for (const int block : Download(order, kBlocks)) {
      ASSERT_TRUE(block >= 0 && block < kBlocks);
      EXPECT_FALSE(seen[block]);
      seen[block] = true;
    }
  });
}

}  // namespace
}  // namespace tilework
