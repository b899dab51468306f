// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Blocks: barriers, their reductions, threads that return early, named
// barriers, shared memory of every size.

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/named_barrier.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_test.h"

namespace tilework {
namespace {

class BlockTest : public DeviceTest {};

struct OneWordEach {
  int words[1024];
};

// Each thread reads what its neighbour wrote, many times.
__global__ void Rotate(int* out, int rounds) {
  auto& shared = SharedMemory<OneWordEach>();
  int value = static_cast<int>(threadIdx.x);
  for (int i = 0; i < rounds; ++i) {
    shared.words[threadIdx.x] = value;
    __syncthreads();
    value = shared.words[(threadIdx.x + 1) % blockDim.x];
    __syncthreads();
  }
  out[threadIdx.x] = value;
}

TEST_F(BlockTest, BarriersOrderSharedMemory) {
  ForEachSchedule([&] {
    for (const uint32_t threads : {1u, 31u, 33u, 256u, 1024u}) {
      int* out = Allocate<int>(threads);
      const absl::Status status = Launch(Rotate,
                                         {.kernel = "rotate",
                                          .block = {threads},
                                          .shared_bytes = sizeof(OneWordEach)},
                                         context(), out, 5);
      ASSERT_TRUE(status.ok()) << status;
      const std::vector<int> seen = Download(out, threads);
      for (uint32_t i = 0; i < threads; ++i) {
        EXPECT_EQ(seen[i], static_cast<int>((i + 5) % threads));
      }
    }
  });
}

__global__ void CountPredicates(int* out) {
  const int x = static_cast<int>(threadIdx.x);
  const int below = __syncthreads_count(x < 40);
  const int all = __syncthreads_and(x < 100);
  const int not_all = __syncthreads_and(x != 77);
  const int any = __syncthreads_or(x == 99);
  const int none = __syncthreads_or(x == 100);
  out[x] = below * 10000 + all * 1000 + not_all * 100 + any * 10 + none;
}

TEST_F(BlockTest, BarriersReduce) {
  ForEachSchedule([&] {
    int* out = Allocate<int>(100);
    const absl::Status status = Launch(
        CountPredicates, {.kernel = "count", .block = {100}}, context(), out);
    ASSERT_TRUE(status.ok()) << status;
    for (const int seen : Download(out, 100)) EXPECT_EQ(seen, 401010);
  });
}

// A barrier does not wait for threads that have returned.
__global__ void SomeReturn(int* out) {
  auto& shared = SharedMemory<OneWordEach>();
  shared.words[threadIdx.x] = static_cast<int>(threadIdx.x) + 1;
  if (threadIdx.x % 3 == 0) return;
  __syncthreads();
  if (threadIdx.x >= 64) return;
  __syncthreads();
  const unsigned other =
      threadIdx.x % 3 == 1 ? threadIdx.x + 1 : threadIdx.x - 1;
  out[threadIdx.x] = shared.words[other];
}

TEST_F(BlockTest, BarriersDoNotWaitForThoseThatHaveReturned) {
  ForEachSchedule([&] {
    int* out = Upload(std::vector<int>(96, -1));
    const absl::Status status = Launch(SomeReturn,
                                       {.kernel = "some_return",
                                        .block = {96},
                                        .shared_bytes = sizeof(OneWordEach)},
                                       context(), out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, 96);
    for (int i = 0; i < 96; ++i) {
      const int other = i % 3 == 1 ? i + 1 : i - 1;
      EXPECT_EQ(seen[i], i % 3 == 0 || i >= 64 ? -1 : other + 1) << i;
    }
  });
}

enum PipeBarrier : uint32_t { kFull = 1, kEmpty };

struct PipeStorage {
  int slot[32];
};

// One warp hands numbers to another through one slot.
__global__ void Pipe(int* out, int rounds) {
  auto& shared = SharedMemory<PipeStorage>();
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (threadIdx.x < 32) {
    for (int i = 0; i < rounds; ++i) {
      if (i > 0) BarSync(kEmpty, 64);
      shared.slot[lane] = 100 * i + lane;
      BarArrive(kFull, 64);
    }
  } else {
    for (int i = 0; i < rounds; ++i) {
      BarSync(kFull, 64);
      out[32 * i + lane] = shared.slot[31 - lane];
      if (i + 1 < rounds) BarArrive(kEmpty, 64);
    }
  }
}

TEST_F(BlockTest, NamedBarriers) {
  ForEachSchedule([&] {
    int* out = Allocate<int>(32 * 6);
    const absl::Status status = Launch(
        Pipe,
        {.kernel = "pipe", .block = {64}, .shared_bytes = sizeof(PipeStorage)},
        context(), out, 6);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, 32 * 6);
    for (int i = 0; i < 32 * 6; ++i) {
      EXPECT_EQ(seen[i], i / 32 * 100 + 31 - i % 32);
    }
  });
}

struct AllOfIt {
  unsigned char bytes[227 << 10];
};

__global__ void TouchBothEnds(uint64_t* out) {
  auto& shared = SharedMemory<AllOfIt>();
  shared.bytes[0] = 1;
  shared.bytes[sizeof(AllOfIt) - 1] = 2;
  out[0] = reinterpret_cast<uint64_t>(&shared) % 1024;
  out[1] = shared.bytes[0] + shared.bytes[sizeof(AllOfIt) - 1];
}

TEST_F(BlockTest, AllSharedMemory) {
  uint64_t* out = Allocate<uint64_t>(2);
  const absl::Status status =
      Launch(TouchBothEnds, {.kernel = "all", .shared_bytes = sizeof(AllOfIt)},
             context(), out);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Download(out, 2), (std::vector<uint64_t>{0, 3}));
}

TEST_F(BlockTest, ShapesThatNoDeviceRunsAreRefused) {
  int* out = Allocate<int>(1);
  const auto code = [&](const LaunchShape& shape) {
    return Launch(Rotate, shape, context(), out, 0).code();
  };
  using enum absl::StatusCode;
  EXPECT_EQ(code({.kernel = "refused", .grid = {0}}), kInvalidArgument);
  EXPECT_EQ(code({.kernel = "refused", .grid = {1, 65536}}), kInvalidArgument);
  EXPECT_EQ(code({.kernel = "refused", .block = {1025}}), kInvalidArgument);
  EXPECT_EQ(code({.kernel = "refused", .block = {0}}), kInvalidArgument);
  EXPECT_EQ(code({.kernel = "refused", .block = {64, 32}}), kInvalidArgument);
  EXPECT_EQ(code({.kernel = "refused", .grid = {3}, .cluster = {2}}),
            kInvalidArgument);
  EXPECT_EQ(code({.kernel = "refused", .grid = {16}, .cluster = {16}}),
            kInvalidArgument);
  EXPECT_EQ(code({.kernel = "refused", .shared_bytes = (227 << 10) + 1}),
            kInvalidArgument);
  EXPECT_EQ(code({.kernel = "refused",
                  .grid = {1 << 20},
                  .block = {1024},
                  .co_resident = true}),
            kFailedPrecondition);
}

}  // namespace
}  // namespace tilework
