// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// cp.async: all widths, zeros beyond what is valid, groups.

#include "tilework/common/device/cp_async.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_test.h"

namespace tilework {
namespace {

class CpAsyncTest : public DeviceTest {};

struct Storage {
  alignas(16) int words[3][32 * 4];
};

__global__ void Widths(const int* in, int* out) {
  auto& shared = SharedMemory<Storage>();
  const unsigned i = threadIdx.x;
  CpAsync<4>(&shared.words[0][i], &in[i]);
  CpAsync<8>(&shared.words[1][2 * i], &in[2 * i], i % 9);
  CpAsync<16>(&shared.words[2][4 * i], &in[4 * i], i % 17);
  CpAsyncWaitAll();
  __syncthreads();
  const unsigned other = 31 - i;
  out[7 * other] = shared.words[0][other];
  for (unsigned k = 0; k < 2; ++k) {
    out[7 * other + 1 + k] = shared.words[1][2 * other + k];
  }
  for (unsigned k = 0; k < 4; ++k) {
    out[7 * other + 3 + k] = shared.words[2][4 * other + k];
  }
}

// `word`, of which only the first `valid` bytes count.
int Part(int word, int valid) {
  if (valid <= 0) return 0;
  if (valid >= 4) return word;
  return word & ((1 << (8 * valid)) - 1);
}

TEST_F(CpAsyncTest, WidthsAndZeros) {
  std::vector<int> in;
  for (uint32_t i = 0; i < 128; ++i) {
    in.push_back(static_cast<int>(0x01010101u * (i + 1)));
  }
  const int* device_in = Upload(in);
  ForEachSchedule([&] {
    int* out = Allocate<int>(7 * 32);
    const absl::Status status = Launch(
        Widths,
        {.kernel = "widths", .block = {32}, .shared_bytes = sizeof(Storage)},
        context(), device_in, out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, 7 * 32);
    for (int i = 0; i < 32; ++i) {
      EXPECT_EQ(seen[7 * i], in[i]);
      for (int k = 0; k < 2; ++k) {
        EXPECT_EQ(seen[7 * i + 1 + k], Part(in[2 * i + k], i % 9 - 4 * k));
      }
      for (int k = 0; k < 4; ++k) {
        EXPECT_EQ(seen[7 * i + 3 + k], Part(in[4 * i + k], i % 17 - 4 * k));
      }
    }
  });
}

constexpr int kStages = 3;

struct Stages {
  int words[kStages][64];
};

// Each thread keeps two groups under way while it uses the third.
__global__ void Pipeline(const int* in, int* out, int rounds) {
  auto& shared = SharedMemory<Stages>();
  const unsigned i = threadIdx.x;
  const auto issue = [&](int round) {
    if (round < rounds) {
      CpAsync<4>(&shared.words[round % kStages][i], &in[round * 64 + i]);
    }
    CpAsyncCommitGroup();  // perhaps an empty one
  };
  issue(0);
  issue(1);
  for (int round = 0; round < rounds; ++round) {
    CpAsyncWaitGroup<1>();
    __syncthreads();
    issue(round + 2);
    out[round * 64 + i] = shared.words[round % kStages][63 - i];
  }
}

TEST_F(CpAsyncTest, Groups) {
  constexpr int kRounds = 7;
  std::vector<int> in;
  for (int i = 0; i < kRounds * 64; ++i) in.push_back(i * i);
  const int* device_in = Upload(in);
  ForEachSchedule([&] {
    int* out = Allocate<int>(kRounds * 64);
    const absl::Status status = Launch(
        Pipeline,
        {.kernel = "pipeline", .block = {64}, .shared_bytes = sizeof(Stages)},
        context(), device_in, out, kRounds);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Download(out, kRounds * 64);
    for (int i = 0; i < kRounds * 64; ++i) {
      EXPECT_EQ(seen[i], in[i / 64 * 64 + 63 - i % 64]);
    }
  });
}

}  // namespace
}  // namespace tilework
