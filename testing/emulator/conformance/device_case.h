// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A test case on the device: its context, and tensors in its memory.

#ifndef TILEWORK_TESTING_EMULATOR_CONFORMANCE_DEVICE_CASE_H_
#define TILEWORK_TESTING_EMULATOR_CONFORMANCE_DEVICE_CASE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Skips where there is no device.
class DeviceCase : public testing::Test {
 protected:
  void SetUp() override {
    auto context = DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  DeviceContext& context() { return *context_; }

  // A tensor of these elements, row-major, which lives as long as the test.
  template <typename T>
  Tensor Upload(const Dims& shape, const std::vector<T>& elements) {
    EXPECT_EQ(static_cast<size_t>(shape.Product()), elements.size());
    auto buffer = DeviceBuffer::Allocate(kDTypeOf<T>, shape, *context_);
    EXPECT_TRUE(buffer.ok()) << buffer.status();
    buffers_.push_back(*std::move(buffer));
    const Tensor view = buffers_.back().view();
    EXPECT_TRUE(
        CopyToDevice(elements.data(), view.data(), view.NumBytes(), *context_)
            .ok());
    return view;
  }

  template <typename T>
  std::vector<T> Download(const Tensor& tensor) {
    std::vector<T> elements(static_cast<size_t>(tensor.NumElements()));
    EXPECT_TRUE(
        CopyToHost(tensor.data(), elements.data(), tensor.NumBytes(), *context_)
            .ok());
    return elements;
  }

 private:
  std::unique_ptr<DeviceContext> context_;
  std::vector<DeviceBuffer> buffers_;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_EMULATOR_CONFORMANCE_DEVICE_CASE_H_
