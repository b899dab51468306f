// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What tests of device code stand on: a context, and vectors there and back. A
// machine without a device skips them.

#ifndef TILEWORK_TESTING_DEVICE_TEST_H_
#define TILEWORK_TESTING_DEVICE_TEST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"

namespace tilework {

class DeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DeviceContext>> context =
        DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  DeviceContext& context() { return *context_; }

  // Device memory, until the test ends.
  template <typename T>
  T* Allocate(int64_t count) {
    absl::StatusOr<DeviceBuffer> buffer = DeviceBuffer::Allocate(
        DType::kU8, {count * int64_t{sizeof(T)}}, context());
    EXPECT_TRUE(buffer.ok()) << buffer.status();
    buffers_.push_back(*std::move(buffer));
    return static_cast<T*>(buffers_.back().view().data());
  }

  template <typename T>
  T* Upload(const std::vector<T>& values) {
    T* device = Allocate<T>(static_cast<int64_t>(values.size()));
    EXPECT_TRUE(
        CopyToDevice(values.data(), device, Bytes(values), context()).ok());
    return device;
  }

  template <typename T>
  std::vector<T> Download(const T* device, int64_t count) {
    std::vector<T> values(static_cast<size_t>(count));
    EXPECT_TRUE(
        CopyToHost(device, values.data(), Bytes(values), context()).ok());
    return values;
  }

 private:
  template <typename T>
  static int64_t Bytes(const std::vector<T>& values) {
    return static_cast<int64_t>(values.size() * sizeof(T));
  }

  std::unique_ptr<DeviceContext> context_;
  std::vector<DeviceBuffer> buffers_;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_DEVICE_TEST_H_
