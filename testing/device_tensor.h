// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_TESTING_DEVICE_TENSOR_H_
#define TILEWORK_TESTING_DEVICE_TENSOR_H_

#include <cstdint>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// The copy of a test's tensor in device memory, with its guards and aligned as
// it is. The tensor outlives it.
class DeviceTensor {
 public:
  DeviceTensor(GuardedTensor& host, DeviceContext& context)
      : host_(host), context_(context) {
    const auto address = reinterpret_cast<uintptr_t>(host.bytes().data());
    shift_ = static_cast<int64_t>(address % kAlignment);
    absl::StatusOr<DeviceBuffer> buffer =
        DeviceBuffer::Allocate(DType::kU8, {NumBytes() + kAlignment}, context);
    ABSL_CHECK_OK(buffer.status());
    buffer_ = *std::move(buffer);
    ABSL_CHECK_OK(
        CopyToDevice(host.bytes().data(), Data(), NumBytes(), context));
  }

  Tensor view() const {
    const Tensor& view = host_.view();
    const auto* first = static_cast<const unsigned char*>(view.data());
    return Tensor(Data() + (first - host_.bytes().data()), view.dtype(),
                  view.shape(), view.strides(), MemorySpace::kDevice);
  }
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator Tensor() const { return view(); }
  // NOLINTNEXTLINE(google-explicit-constructor)
  operator ConstTensor() const { return view(); }

  // Waits, and copies all bytes to the test's tensor.
  void Download() {
    std::vector<unsigned char> bytes(host_.bytes().size());
    ABSL_CHECK_OK(CopyToHost(Data(), bytes.data(), NumBytes(), context_));
    host_.SetBytes(bytes);
  }

 private:
  static constexpr int64_t kAlignment = 64;

  int64_t NumBytes() const {
    return static_cast<int64_t>(host_.bytes().size());
  }
  unsigned char* Data() const {
    return static_cast<unsigned char*>(buffer_.view().data()) + shift_;
  }

  GuardedTensor& host_;
  DeviceContext& context_;
  DeviceBuffer buffer_;
  int64_t shift_;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_DEVICE_TENSOR_H_
