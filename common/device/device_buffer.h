// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Owned tensors in device memory, and copies from and to the host.

#ifndef TILEWORK_COMMON_DEVICE_DEVICE_BUFFER_H_
#define TILEWORK_COMMON_DEVICE_DEVICE_BUFFER_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Memory of a device for one contiguous tensor, aligned to 256 bytes,
// uninitialized. Move-only. Must not be destroyed while work that uses it is
// under way (Synchronize() first).
class DeviceBuffer {
 public:
  // Empty: view() is absent.
  DeviceBuffer() = default;
  // ResourceExhausted, with what was asked and what was there, if the device
  // has too little memory.
  static absl::StatusOr<DeviceBuffer> Allocate(DType dtype, const Dims& shape,
                                               DeviceContext& context);
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept { *this = std::move(other); }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(shape_, other.shape_);
    std::swap(dtype_, other.dtype_);
    std::swap(ordinal_, other.ordinal_);
    return *this;
  }

  // In MemorySpace::kDevice.
  Tensor view() const {
    return Tensor(data_, dtype_, shape_, ContiguousStrides(shape_, dtype_),
                  MemorySpace::kDevice);
  }

 private:
  void* data_ = nullptr;
  Dims shape_;
  DType dtype_ = DType::kNone;
  int ordinal_ = 0;
};

// Copies `bytes` bytes on the context's stream, after the work enqueued
// before. The first two return when the host's memory may be used again; the
// last one enqueues.
absl::Status CopyToDevice(const void* host, void* device, int64_t bytes,
                          DeviceContext& context);
absl::Status CopyToHost(const void* device, void* host, int64_t bytes,
                        DeviceContext& context);
absl::Status CopyOnDevice(const void* from, void* to, int64_t bytes,
                          DeviceContext& context);

// The same for contiguous tensors of one shape and type, each in the space that
// the name says; InvalidArgument otherwise.
absl::Status CopyToDevice(const ConstTensor& host, const Tensor& device,
                          DeviceContext& context);
absl::Status CopyToHost(const ConstTensor& device, const Tensor& host,
                        DeviceContext& context);

// Enqueues setting `bytes` bytes to `value`.
absl::Status FillOnDevice(void* device, uint8_t value, int64_t bytes,
                          DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_DEVICE_BUFFER_H_
