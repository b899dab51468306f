// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The emulator runs kernels as CUDA would, and says what is wrong with those
// that are.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/testing/device_schedules.h"

namespace tilework {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class EmulatorTest : public testing::Test {
 protected:
  void SetUp() override {
    auto context = DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  // `count` 32-bit words of device memory.
  int* Words(int64_t count) {
    auto buffer = DeviceBuffer::Allocate(DType::kI32, {count}, *context_);
    EXPECT_TRUE(buffer.ok()) << buffer.status();
    buffers_.push_back(*std::move(buffer));
    return buffers_.back().view().data<int>();
  }

  std::vector<int> Read(const int* words, int64_t count) {
    std::vector<int> result(static_cast<size_t>(count));
    EXPECT_TRUE(CopyToHost(words, result.data(), 4 * count, *context_).ok());
    return result;
  }

  std::unique_ptr<DeviceContext> context_;
  std::vector<DeviceBuffer> buffers_;
};

__global__ void WhoAmI(int* out) {
  const unsigned block =
      blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread =
      threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned threads = blockDim.x * blockDim.y * blockDim.z;
  out[block * threads + thread] = static_cast<int>(block * 1000 + thread);
}

TEST_F(EmulatorTest, EveryThreadRunsOnce) {
  ForEachSchedule([&] {
    int* out = Words(30 * 60);
    ASSERT_TRUE(
        Launch(WhoAmI, {"who", {5, 3, 2}, {10, 3, 2}}, *context_, out).ok());
    const std::vector<int> seen = Read(out, 30 * 60);
    for (int i = 0; i < 30 * 60; ++i) {
      EXPECT_EQ(seen[i], i / 60 * 1000 + i % 60);
    }
  });
}

struct ReverseStorage {
  int values[256];
};

template <bool kBarrier>
__global__ void Reverse(int* data) {
  auto& shared = SharedMemory<ReverseStorage>();
  shared.values[threadIdx.x] = data[threadIdx.x];
  if (kBarrier) __syncthreads();
  data[threadIdx.x] = shared.values[blockDim.x - 1 - threadIdx.x];
}

TEST_F(EmulatorTest, BarrierOrdersSharedMemory) {
  ForEachSchedule([&] {
    int* data = Words(256);
    std::vector<int> host(256);
    for (int i = 0; i < 256; ++i) host[i] = i;
    ASSERT_TRUE(CopyToDevice(host.data(), data, 1024, *context_).ok());
    const absl::Status status =
        Launch(Reverse<true>,
               {.kernel = "reverse", .block = {256}, .shared_bytes = 1024},
               *context_, data);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Read(data, 256);
    for (int i = 0; i < 256; ++i) EXPECT_EQ(seen[i], 255 - i);
  });
}

__global__ void Barriers(int rounds) {
  for (int i = 0; i < rounds; ++i) __syncthreads();
}

TEST_F(EmulatorTest, ManyBarriers) {
  const absl::Status status =
      Launch(Barriers, {.kernel = "barriers", .block = {384}}, *context_, 1000);
  EXPECT_TRUE(status.ok()) << status;
}

__global__ void WarpSum(int* out) {
  int sum = static_cast<int>(threadIdx.x);
  for (int step = 16; step > 0; step /= 2) {
    sum += __shfl_xor_sync(0xFFFFFFFFu, sum, step);
  }
  out[threadIdx.x] = sum;
}

TEST_F(EmulatorTest, WarpsSum) {
  ForEachSchedule([&] {
    int* out = Words(64);
    const absl::Status status =
        Launch(WarpSum, {.kernel = "sum", .block = {64}}, *context_, out);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<int> seen = Read(out, 64);
    for (int i = 0; i < 64; ++i) EXPECT_EQ(seen[i], i < 32 ? 496 : 1520);
  });
}

#if defined(TILEWORK_EMULATED)

__global__ void Divergent() {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
}

__global__ void Deadlock() {
  if (threadIdx.x == 3) __syncwarp(0xFF);
  __syncthreads();
}

__global__ void Masks() {
  if (threadIdx.x < 16) {
    __syncwarp(0x00FFFFFF);
  } else {
    __syncwarp(0xFFFFFFFF);
  }
}

__global__ void StoreAt(int* data, int index) { data[index] = 7; }

__global__ void UseShared() { SharedMemory<ReverseStorage>().values[0] = 1; }

__global__ void DivideBy(int* data, int divisor) { data[0] = 7 / divisor; }

__device__ int Depth(int n) {
  volatile char frame[1024];
  frame[n % 1024] = static_cast<char>(n);
  return n == 0 ? 0 : Depth(n - 1) + frame[n % 1024];
}
__global__ void Overflow(int* data) { data[0] = Depth(1 << 20); }

TEST_F(EmulatorTest, FaultsAreTold) {
  const auto fault = [&](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
    return std::string(status.message());
  };
  int* data = Words(64);
  const LaunchShape shape = {.kernel = "planted", .block = {64}};
  EXPECT_THAT(fault(Launch(Divergent, shape, *context_)),
              HasSubstr("emulator_test.cu.cc"));
  EXPECT_THAT(fault(Launch(Divergent, shape, *context_)),
              HasSubstr("divergent barrier"));
  EXPECT_THAT(fault(Launch(Deadlock, shape, *context_)), HasSubstr("deadlock"));
  EXPECT_THAT(fault(Launch(Masks, shape, *context_)), HasSubstr("with mask"));
  EXPECT_THAT(fault(Launch(StoreAt, shape, *context_, data, 64)),
              HasSubstr("byte 256 of 256 bytes"));
  EXPECT_THAT(fault(Launch(StoreAt, shape, *context_, data, -1)),
              HasSubstr("byte -4 of 256 bytes"));
  EXPECT_THAT(fault(Launch(StoreAt, shape, *context_, data, -3000)),
              HasSubstr("byte -12000 of 256 bytes"));
  EXPECT_THAT(fault(Launch(UseShared, shape, *context_)),
              HasSubstr("1024 bytes of shared memory"));
  EXPECT_THAT(fault(Launch(DivideBy, shape, *context_, data, 0)),
              AnyOf(HasSubstr("division by zero"),
                    // Where a sanitizer looks for it first.
                    HasSubstr("undefined behaviour")));
  EXPECT_THAT(fault(Launch(Overflow, shape, *context_, data)),
              HasSubstr("the stack is full"));
  EXPECT_TRUE(Launch(StoreAt, shape, *context_, data, 1).ok());
}

#endif  // TILEWORK_EMULATED

}  // namespace
}  // namespace tilework
