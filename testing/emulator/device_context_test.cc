// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The emulated device: its memory, and what is said of misuse.

#include "tilework/common/device/device_context.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/emulator/guarded_memory.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

class DeviceContextTest : public testing::Test {
 protected:
  void SetUp() override {
    context_ = std::move(DeviceContext::Create()).value();
    ASSERT_TRUE(context_->properties().emulated);
  }

  DeviceBuffer Allocate(int64_t bytes) {
    return std::move(DeviceBuffer::Allocate(DType::kU8, {bytes}, *context_))
        .value();
  }

  std::unique_ptr<DeviceContext> context_;
};

TEST_F(DeviceContextTest, OneDevice) {
  EXPECT_EQ(DeviceContext::Create(1).status().code(),
            absl::StatusCode::kUnavailable);
  int stream = 0;
  EXPECT_EQ(DeviceContext::CreateOnStream(0, &stream).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(context_->properties().shared_bytes_per_block, 232448);
}

TEST_F(DeviceContextTest, MemoryStartsPoisoned) {
  const DeviceBuffer buffer = Allocate(64);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.view().data()) % 256, 0u);
  std::vector<float> values(16);
  ASSERT_TRUE(
      CopyToHost(buffer.view().data(), values.data(), 64, *context_).ok());
  for (const float value : values) EXPECT_NE(value, value);
}

TEST_F(DeviceContextTest, CopiesAndFills) {
  const std::vector<uint8_t> host = {1, 2, 3, 4, 5};
  const DeviceBuffer a = Allocate(5);
  const DeviceBuffer b = Allocate(5);
  const ConstTensor from(host.data(), DType::kU8, {5});
  ASSERT_TRUE(CopyToDevice(from, a.view(), *context_).ok());
  ASSERT_TRUE(
      CopyOnDevice(a.view().data(), b.view().data(), 5, *context_).ok());
  ASSERT_TRUE(FillOnDevice(b.view().data(), 9, 2, *context_).ok());
  std::vector<uint8_t> back(5);
  ASSERT_TRUE(
      CopyToHost(b.view(), Tensor(back.data(), DType::kU8, {5}), *context_)
          .ok());
  EXPECT_EQ(back, (std::vector<uint8_t>{9, 9, 3, 4, 5}));
  EXPECT_TRUE(context_->Synchronize().ok());
}

TEST_F(DeviceContextTest, WrongCopiesAreRefused) {
  const DeviceBuffer buffer = Allocate(8);
  std::vector<uint8_t> host(16);
  const auto code = [](const absl::Status& status) { return status.code(); };
  using enum absl::StatusCode;
  void* device = buffer.view().data();
  EXPECT_EQ(code(CopyToDevice(host.data(), device, 9, *context_)),
            kInvalidArgument);
  EXPECT_EQ(code(CopyToDevice(host.data(), host.data(), 8, *context_)),
            kInvalidArgument);
  EXPECT_EQ(code(CopyToHost(device, host.data(), 9, *context_)),
            kInvalidArgument);
  EXPECT_EQ(code(FillOnDevice(nullptr, 0, 1, *context_)), kInvalidArgument);
  EXPECT_EQ(code(FillOnDevice(nullptr, 0, 0, *context_)), kOk);
  const Tensor on_host(host.data(), DType::kU8, {8});
  EXPECT_EQ(code(CopyToDevice(buffer.view(), on_host, *context_)),
            kInvalidArgument);
  EXPECT_EQ(code(CopyToHost(buffer.view(), Tensor(host.data(), DType::kU8, {7}),
                            *context_)),
            kInvalidArgument);
}

TEST_F(DeviceContextTest, NoMemoryLeft) {
  const int64_t limit = emulator::DeviceMemoryLimit();
  emulator::SetDeviceMemoryLimit(emulator::DeviceMemoryInUse() + 1000);
  const DeviceBuffer buffer = Allocate(600);
  const absl::Status status =
      DeviceBuffer::Allocate(DType::kF32, {200}, *context_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("of 800 bytes, where 400 of"));
  DeviceScratchScope scope(*context_);
  EXPECT_TRUE(scope.Allocate<float>(100).ok());
  EXPECT_EQ(scope.Allocate<float>(1).status().code(),
            absl::StatusCode::kResourceExhausted);
  emulator::SetDeviceMemoryLimit(limit);
}

TEST_F(DeviceContextTest, WritesOutsideAreFound) {
  {
    const DeviceBuffer buffer = Allocate(100);
    buffer.view().data<uint8_t>()[100] = 0;
    EXPECT_THAT(context_->Synchronize().message(),
                HasSubstr("byte 100 of 100 bytes"));
    EXPECT_TRUE(context_->Synchronize().ok());
    buffer.view().data<uint8_t>()[-1] = 0;
  }
  // Also when the memory is gone.
  EXPECT_THAT(context_->Synchronize().message(),
              HasSubstr("byte -1 of 100 bytes"));
  EXPECT_TRUE(context_->Synchronize().ok());
}

TEST_F(DeviceContextTest, ScratchIsUsedAgainAndPoisonedAgain) {
  uint32_t* first;
  {
    DeviceScratchScope scope(*context_);
    first = scope.Allocate<uint32_t>(10).value();
    first[3] = 1;
    DeviceScratchScope inner(*context_);
    EXPECT_NE(inner.Allocate<uint32_t>(10).value(), first);
  }
  const int64_t capacity = context_->arena().capacity();
  {
    DeviceScratchScope scope(*context_);
    EXPECT_EQ(scope.Allocate<uint32_t>(10).value(), first);
    EXPECT_NE(first[3], 1u);
  }
  EXPECT_EQ(context_->arena().capacity(), capacity);
}

}  // namespace
}  // namespace tilework
