// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Warps: shuffles of all kinds, widths and types, votes, matches, reductions,
// parts of warps, lanes that have returned.

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/elect.h"
#include "tilework/common/device/launch.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_test.h"

namespace tilework {
namespace {

class WarpTest : public DeviceTest {};

constexpr unsigned kAll = 0xFFFFFFFFu;

// Four results of each lane, for each width.
__global__ void Shuffles(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  for (int log = 0; log <= 5; ++log) {
    const int width = 1 << log;
    int* row = out + (log * 32 + lane) * 4;
    row[0] = __shfl_sync(kAll, 100 + lane, lane * 7 + 3, width);
    row[1] = __shfl_up_sync(kAll, 100 + lane, 3, width);
    row[2] = __shfl_down_sync(kAll, 100 + lane, 5, width);
    row[3] = __shfl_xor_sync(kAll, 100 + lane, 6, width);
  }
}

TEST_F(WarpTest, ShufflesOfAllWidths) {
  ForEachSchedule([&] {
    int* out = Allocate<int>(6 * 32 * 4);
    const absl::Status status =
        Launch(Shuffles, {.kernel = "shuffles", .block = {32}}, context(), out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, 6 * 32 * 4);
    for (int log = 0; log <= 5; ++log) {
      const int width = 1 << log;
      for (int lane = 0; lane < 32; ++lane) {
        SCOPED_TRACE(testing::Message() << width << " " << lane);
        const int* row = &seen[(log * 32 + lane) * 4];
        const int first = lane / width * width;
        const int last = first + width - 1;
        EXPECT_EQ(row[0], 100 + first + (lane * 7 + 3) % width);
        EXPECT_EQ(row[1], 100 + (lane - 3 >= first ? lane - 3 : lane));
        EXPECT_EQ(row[2], 100 + (lane + 5 <= last ? lane + 5 : lane));
        // Segments before may be read, those after may not.
        EXPECT_EQ(row[3], 100 + ((lane ^ 6) <= last ? lane ^ 6 : lane));
      }
    }
  });
}

__global__ void ShuffleTypes(double* out) {
  const int lane = static_cast<int>(threadIdx.x);
  const int from = 31 - lane;
  double sum = 0;
  sum += __shfl_sync(kAll, lane, from);
  sum += __shfl_sync(kAll, static_cast<unsigned>(lane), from);
  sum += static_cast<double>(__shfl_sync(kAll, (1ll << 40) * lane, from));
  sum += static_cast<double>(
      __shfl_sync(kAll, static_cast<unsigned long long>(lane), from));
  sum += __shfl_sync(kAll, 0.5f * static_cast<float>(lane), from);
  sum += __shfl_sync(kAll, 0.25 * lane, from);
  out[lane] = sum;
}

TEST_F(WarpTest, ShufflesOfAllTypes) {
  double* out = Allocate<double>(32);
  const absl::Status status =
      Launch(ShuffleTypes, {.kernel = "types", .block = {32}}, context(), out);
  ASSERT_TRUE(status.ok()) << status;
  const std::vector<double> seen = Download(out, 32);
  for (int lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(seen[lane], (31 - lane) * (3.75 + 0x1p40));
  }
}

__global__ void Votes(unsigned* out) {
  const unsigned lane = threadIdx.x;
  unsigned* row = out + lane * 8;
  row[0] = __ballot_sync(kAll, lane % 3 == 0);
  row[1] = static_cast<unsigned>(__any_sync(kAll, lane == 5)) |
           static_cast<unsigned>(__any_sync(kAll, 0)) << 1;
  row[2] = static_cast<unsigned>(__all_sync(kAll, lane < 32)) |
           static_cast<unsigned>(__all_sync(kAll, lane < 31)) << 1;
  row[3] = __match_any_sync(kAll, lane % 5);
  int same;
  row[4] = __match_all_sync(kAll, 7, &same);
  row[4] += static_cast<unsigned>(same);
  row[5] = __match_all_sync(kAll, lane / 31, &same);
  row[5] += static_cast<unsigned>(same);
  row[6] = __reduce_add_sync(kAll, lane) + __reduce_max_sync(kAll, lane) * 1000;
  row[7] = static_cast<unsigned>(
      __reduce_min_sync(kAll, static_cast<int>(lane) - 20));
}

TEST_F(WarpTest, VotesMatchesReductions) {
  ForEachSchedule([&] {
    unsigned* out = Allocate<unsigned>(32 * 8);
    const absl::Status status =
        Launch(Votes, {.kernel = "votes", .block = {32}}, context(), out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<unsigned> seen = Download(out, 32 * 8);
    unsigned thirds = 0;
    for (unsigned lane = 0; lane < 32; lane += 3) thirds |= 1u << lane;
    for (unsigned lane = 0; lane < 32; ++lane) {
      unsigned fifths = 0;
      for (unsigned i = lane % 5; i < 32; i += 5) fifths |= 1u << i;
      const std::vector<unsigned> row(&seen[lane * 8], &seen[lane * 8] + 8);
      EXPECT_EQ(row, (std::vector<unsigned>{thirds, 1, 1, fifths, 0, 0,
                                            31 * 16 + 31000,
                                            static_cast<unsigned>(-20)}))
          << lane;
    }
  });
}

// Both halves of a warp work by themselves, at the same time.
__global__ void Halves(int* out) {
  const int lane = static_cast<int>(threadIdx.x);
  int sum = lane;
  if (lane < 16) {
    for (int step = 8; step > 0; step /= 2) {
      sum += __shfl_xor_sync(0x0000FFFFu, sum, step);
    }
  } else {
    for (int step = 8; step > 0; step /= 2) {
      sum += __shfl_xor_sync(0xFFFF0000u, sum, step, 16);
      __syncwarp(0xFFFF0000u);
    }
  }
  __syncwarp();
  out[lane] = sum;
}

TEST_F(WarpTest, HalvesMeetByThemselves) {
  ForEachSchedule([&] {
    int* out = Allocate<int>(32);
    const absl::Status status =
        Launch(Halves, {.kernel = "halves", .block = {32}}, context(), out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, 32);
    for (int i = 0; i < 32; ++i) EXPECT_EQ(seen[i], i < 16 ? 120 : 376);
  });
}

// A block whose last warp has 8 lanes, of which one returns at once.
__global__ void FewLanes(unsigned* out) {
  if (threadIdx.x == 33) return;
  __syncwarp();
  out[threadIdx.x] = __ballot_sync(threadIdx.x < 32 ? kAll : 0xFDu, 1);
}

TEST_F(WarpTest, LanesThatAreNotThereAreNotAwaited) {
  ForEachSchedule([&] {
    unsigned* out = Upload(std::vector<unsigned>(40, 7));
    const absl::Status status =
        Launch(FewLanes, {.kernel = "few", .block = {40}}, context(), out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<unsigned> seen = Download(out, 40);
    for (int i = 0; i < 40; ++i) {
      EXPECT_EQ(seen[i], i < 32 ? kAll : i == 33 ? 7 : 0xFDu);
    }
  });
}

__global__ void Elections(int* out) {
  const bool all = ElectSync();
  bool half;
  if (threadIdx.x % 2 == 0) {
    half = ElectSync(0x55555555u);
  } else {
    half = ElectSync(0xAAAAAAAAu);
  }
  __syncwarp();
  out[threadIdx.x] = 2 * all + half;
}

TEST_F(WarpTest, OneLaneIsElected) {
  ForEachSchedule([&] {
    int* out = Allocate<int>(64);
    const absl::Status status =
        Launch(Elections, {.kernel = "elect", .block = {64}}, context(), out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, 64);
    int all[2] = {};
    int half[4] = {};
    for (int i = 0; i < 64; ++i) {
      all[i / 32] += seen[i] / 2;
      half[i / 32 * 2 + i % 2] += seen[i] % 2;
    }
    for (const int elected : all) EXPECT_EQ(elected, 1);
    for (const int elected : half) EXPECT_EQ(elected, 1);
  });
}

}  // namespace
}  // namespace tilework
