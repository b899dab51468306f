// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// mbarrier: phases, parities, bytes before they are expected, arrivals by
// copies and by other blocks.

#include "tilework/common/device/mbarrier.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cluster.h"
#include "tilework/common/device/cp_async.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_test.h"

namespace tilework {
namespace {

class MbarrierTest : public DeviceTest {};

constexpr int kSlots = 2;

struct RingStorage {
  Mbarrier full[kSlots];
  Mbarrier empty[kSlots];
  int slot[kSlots][32];
};

// One warp produces, two consume; each slot is used again when both have read
// it.
__global__ void Ring(int* out, int rounds) {
  auto& shared = SharedMemory<RingStorage>();
  if (threadIdx.x == 0) {
    for (int i = 0; i < kSlots; ++i) {
      MbarrierInit(shared.full[i], 32);
      MbarrierInit(shared.empty[i], 64);
    }
  }
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  for (int i = 0; i < rounds; ++i) {
    const int s = i % kSlots;
    const auto parity = static_cast<uint32_t>(i / kSlots % 2);
    if (threadIdx.x < 32) {
      // The phase before the first counts as complete.
      MbarrierWaitParity(shared.empty[s], parity ^ 1);
      shared.slot[s][lane] = i * 1000 + lane;
      MbarrierArrive(shared.full[s]);
    } else {
      MbarrierWaitParity(shared.full[s], parity);
      atomicAdd(&out[i * 32 + lane], shared.slot[s][31 - lane]);
      MbarrierArrive(shared.empty[s]);
    }
  }
}

TEST_F(MbarrierTest, RingOfSlots) {
  ForEachSchedule([&] {
    constexpr int kRounds = 9;
    int* out = Upload(std::vector<int>(32 * kRounds));
    const absl::Status status = Launch(
        Ring,
        {.kernel = "ring", .block = {96}, .shared_bytes = sizeof(RingStorage)},
        context(), out, kRounds);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, 32 * kRounds);
    for (int i = 0; i < 32 * kRounds; ++i) {
      EXPECT_EQ(seen[i], 2 * (i / 32 * 1000 + 31 - i % 32));
    }
  });
}

struct OneBarrier {
  Mbarrier barrier;
};

// Bits of what test_wait said, in order.
__global__ void Phases(unsigned* out) {
  auto& barrier = SharedMemory<OneBarrier>().barrier;
  unsigned seen = 0;
  const auto look = [&] {
    seen = seen << 2 |
           static_cast<unsigned>(MbarrierTestWaitParity(barrier, 0)) << 1 |
           static_cast<unsigned>(MbarrierTestWaitParity(barrier, 1));
  };
  MbarrierInit(barrier, 2);
  look();  // parity 1 is that of the phase before the first
  MbarrierArrive(barrier);
  look();
  MbarrierArrive(barrier);
  look();                           // the first phase is complete
  MbarrierCompleteTx(barrier, 64);  // before it is expected
  MbarrierArrive(barrier);
  MbarrierArriveExpectTx(barrier, 96);
  look();  // 32 bytes are missing
  MbarrierCompleteTx(barrier, 32);
  look();
  MbarrierExpectTx(barrier, 16);
  MbarrierArrive(barrier);
  MbarrierArrive(barrier);
  look();
  MbarrierCompleteTx(barrier, 16);
  look();
  MbarrierInval(barrier);
  MbarrierInit(barrier, 1);
  look();
  *out = seen;
}

TEST_F(MbarrierTest, PhasesAwaitArrivalsAndBytes) {
  ForEachSchedule([&] {
    unsigned* out = Allocate<unsigned>(1);
    const absl::Status status =
        Launch(Phases, {.kernel = "phases", .shared_bytes = sizeof(OneBarrier)},
               context(), out);
    ASSERT_TRUE(status.ok()) << status;
    // 01 01 10 10 01 01 10 01
    EXPECT_EQ(Download(out, 1)[0], 0b01'01'10'10'01'01'10'01u);
  });
}

struct CopyStorage {
  Mbarrier barrier;
  alignas(16) int words[128];
};

template <bool kIncrement>
__global__ void CopiesArrive(const int* in, int* out) {
  auto& shared = SharedMemory<CopyStorage>();
  if (threadIdx.x == 0) MbarrierInit(shared.barrier, 128);
  __syncthreads();
  CpAsync<4>(&shared.words[threadIdx.x], &in[threadIdx.x]);
  if (kIncrement) {
    CpAsyncMbarrierArrive(shared.barrier);
    MbarrierArrive(shared.barrier);
  } else {
    CpAsyncMbarrierArriveNoinc(shared.barrier);
  }
  MbarrierWaitParity(shared.barrier, 0);
  out[threadIdx.x] = shared.words[127 - threadIdx.x];
}

TEST_F(MbarrierTest, CopiesArrive) {
  std::vector<int> in;
  for (int i = 0; i < 128; ++i) in.push_back(3 * i);
  const int* device_in = Upload(in);
  const LaunchShape shape = {.kernel = "copies_arrive",
                             .block = {128},
                             .shared_bytes = sizeof(CopyStorage)};
  ForEachSchedule([&] {
    for (const bool increment : {false, true}) {
      int* out = Allocate<int>(128);
      const absl::Status status =
          increment
              ? Launch(CopiesArrive<true>, shape, context(), device_in, out)
              : Launch(CopiesArrive<false>, shape, context(), device_in, out);
      ASSERT_TRUE(status.ok()) << status;
      const std::vector<int> seen = Download(out, 128);
      for (int i = 0; i < 128; ++i) EXPECT_EQ(seen[i], 3 * (127 - i));
    }
  });
}

struct RemoteStorage {
  Mbarrier barrier;
  int word;
};

// Block 0 waits until all blocks of its cluster have stored to their words.
__global__ void RemoteArrivals(int* out) {
  auto& shared = SharedMemory<RemoteStorage>();
  if (threadIdx.x == 0) {
    MbarrierInit(shared.barrier, ClusterBlocks());
    FenceMbarrierInit();
  }
  ClusterSync();
  if (threadIdx.x == 0) {
    shared.word = static_cast<int>(blockIdx.x) + 10;
    MbarrierArriveCluster(shared.barrier, 0);
    if (ClusterRank() == 0) {
      MbarrierWaitParityCluster(shared.barrier, 0);
      int sum = 0;
      for (uint32_t i = 0; i < ClusterBlocks(); ++i) {
        sum += *Mapa(&shared.word, i);
      }
      out[blockIdx.x / ClusterBlocks()] = sum;
    }
  }
  ClusterSync();
}

TEST_F(MbarrierTest, OtherBlocksArrive) {
  ForEachSchedule([&] {
    int* out = Allocate<int>(3);
    const absl::Status status = Launch(RemoteArrivals,
                                       {.kernel = "remote",
                                        .grid = {12},
                                        .block = {64},
                                        .cluster = {4},
                                        .shared_bytes = sizeof(RemoteStorage)},
                                       context(), out);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(Download(out, 3), (std::vector<int>{46, 62, 78}));
  });
}

}  // namespace
}  // namespace tilework
