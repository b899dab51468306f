// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/block.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/warp.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_test.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

struct SharedStorage {
  BlockReduceStorage<2> reduce;
};

// For each thread: the sum, the largest and the sums so far of its group.
__global__ void ReduceKernel(int threads, const float* x, float* sums,
                             float* largest, float* inclusive) {
  auto& shared = SharedMemory<SharedStorage>();
  BlockReducer reducer(shared.reduce, threads);
  const uint32_t thread = threadIdx.x;
  float both[2] = {x[thread], 2 * x[thread]};
  reducer.Reduce(SumOperation(), both);
  sums[thread] = both[0] + both[1];
  const uint32_t bits = std::bit_cast<uint32_t>(x[thread]) & 0x7FFFFFFFu;
  largest[thread] = std::bit_cast<float>(reducer.Max(bits));
  if (threads < kWarpLanes) return;
  float total = 0;
  inclusive[thread] = reducer.InclusiveSum(x[thread], total);
  // The reductions before it do not stand in the way of this one.
  sums[thread] += reducer.Sum(x[thread]) - total;
}

// What it adds up, and how near.
void ExpectSum(float actual, double exact, double magnitude) {
  EXPECT_NEAR(static_cast<double>(actual), exact, 1e-6 * magnitude);
}

class ReduceTest : public DeviceTest {
 protected:
  void ExpectRight(int block, int threads) {
    SCOPED_TRACE(threads);
    Random random(static_cast<uint64_t>(block));
    std::vector<float> x(static_cast<size_t>(block));
    for (float& value : x) value = static_cast<float>(random.Normal());
    x[3] = std::numeric_limits<float>::infinity();
    x[static_cast<size_t>(block) - 1] = -7;
    const float* in = Upload(x);
    float* sums = Allocate<float>(block);
    float* largest = Allocate<float>(block);
    float* inclusive = Allocate<float>(block);
    // An infinity for the largest, none for the sums.
    x[3] = 1;
    const float* finite = Upload(x);
    ASSERT_EQ(Run(block, threads, in, sums, largest, inclusive),
              absl::OkStatus());
    const std::vector<float> most = Download(largest, block);
    ASSERT_EQ(Run(block, threads, finite, sums, largest, inclusive),
              absl::OkStatus());
    const std::vector<float> sum = Download(sums, block);
    const std::vector<float> so_far = Download(inclusive, block);
    for (int begin = 0; begin < block; begin += threads) {
      double exact = 0;
      double magnitude = 0;
      float expected = begin == 0 ? INFINITY : 0;
      for (int i = begin; i < begin + threads; ++i) {
        const float value = x[static_cast<size_t>(i)];
        exact += static_cast<double>(value);
        magnitude += static_cast<double>(std::abs(value));
        expected = std::max(expected, std::abs(value));
        if (threads >= 32) {
          ExpectSum(so_far[static_cast<size_t>(i)], exact, magnitude);
        }
      }
      for (size_t i = static_cast<size_t>(begin);
           i < static_cast<size_t>(begin + threads); ++i) {
        ExpectSum(sum[i], 3 * exact, 6 * magnitude);
        EXPECT_EQ(sum[i], sum[static_cast<size_t>(begin)]);
        EXPECT_EQ(most[i], expected);
      }
    }
  }

 private:
  absl::Status Run(int block, int threads, const float* x, float* sums,
                   float* largest, float* inclusive) {
    absl::Status status =
        Launch(ReduceKernel,
               {.kernel = "reduce",
                .block = {static_cast<uint32_t>(block)},
                .shared_bytes = sizeof(SharedStorage)},
               context(), threads, x, sums, largest, inclusive);
    if (status.ok()) status = context().Synchronize();
    return status;
  }
};

TEST_F(ReduceTest, LanesOfAWarp) {
  ForEachSchedule([&] {
    for (const int threads : {4, 8, 16, 32}) ExpectRight(128, threads);
  });
}

TEST_F(ReduceTest, Blocks) {
  ForEachSchedule([&] {
    for (const int threads : {64, 96, 512, 1024}) ExpectRight(threads, threads);
  });
}

__global__ void ScanKernel(const int* x, int* inclusive, int* exclusive) {
  inclusive[threadIdx.x] = WarpInclusiveSum(x[threadIdx.x]);
  exclusive[threadIdx.x] = WarpExclusiveSum(x[threadIdx.x]);
}

TEST_F(ReduceTest, ScansOfAWarp) {
  std::vector<int> x(64);
  for (int i = 0; i < 64; ++i) x[static_cast<size_t>(i)] = i * i - 100;
  int* inclusive = Allocate<int>(64);
  int* exclusive = Allocate<int>(64);
  ASSERT_EQ(Launch(ScanKernel, {.kernel = "scan", .block = {64}}, context(),
                   Upload(x), inclusive, exclusive),
            absl::OkStatus());
  const std::vector<int> with = Download(inclusive, 64);
  const std::vector<int> without = Download(exclusive, 64);
  int sum = 0;
  for (size_t i = 0; i < 64; ++i) {
    if (i % 32 == 0) sum = 0;
    EXPECT_EQ(without[i], sum);
    sum += x[i];
    EXPECT_EQ(with[i], sum);
  }
}

}  // namespace
}  // namespace tilework
