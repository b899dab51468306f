// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Contexts and device memory on a GPU.

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/device/cuda_status.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

using device_internal::CudaStatus;
using device_internal::CurrentDevice;

// Of the current device. Empty allocations are null.
absl::StatusOr<std::byte*> AllocateBytes(std::string_view what, int64_t bytes) {
  void* data = nullptr;
  if (bytes == 0) return static_cast<std::byte*>(data);
  const cudaError_t error = cudaMalloc(&data, static_cast<size_t>(bytes));
  if (error == cudaSuccess) return static_cast<std::byte*>(data);
  if (error != cudaErrorMemoryAllocation) return CudaStatus(error, what);
  (void)cudaGetLastError();
  size_t free = 0;
  size_t total = 0;
  (void)cudaMemGetInfo(&free, &total);
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " of ", bytes, " bytes, where ", free, " of ", total,
                   " bytes of device memory are free"));
}

// How many devices there are; Unavailable where none is.
absl::StatusOr<int> CountDevices() {
  int version = 0;
  if (cudaDriverGetVersion(&version) == cudaSuccess && version == 0) {
    return absl::UnavailableError("no CUDA device: there is no driver");
  }
  int count = 0;
  absl::Status status =
      CudaStatus(cudaGetDeviceCount(&count), "no CUDA device");
  if (!status.ok()) return status;
  return count;
}

absl::StatusOr<DeviceProperties> GetProperties(int ordinal) {
  const absl::StatusOr<int> count = CountDevices();
  if (!count.ok()) return count.status();
  if (ordinal < 0 || ordinal >= *count) {
    return absl::UnavailableError(absl::StrCat(
        "there is no CUDA device ", ordinal, ": this machine has ", *count));
  }
  cudaDeviceProp cuda;
  const absl::Status status = CudaStatus(
      cudaGetDeviceProperties(&cuda, ordinal), "CUDA device ", ordinal);
  if (!status.ok()) return status;
  if (cuda.major != 9) {
    return absl::FailedPreconditionError(absl::StrCat(
        "CUDA device ", ordinal, ", ", cuda.name, ", has the architecture sm_",
        cuda.major, cuda.minor, ", but device code is for sm_90a (Hopper)"));
  }
  DeviceProperties result;
  result.name = cuda.name;
  result.major = cuda.major;
  result.minor = cuda.minor;
  result.num_multiprocessors = cuda.multiProcessorCount;
  result.shared_bytes_per_block =
      static_cast<int64_t>(cuda.sharedMemPerBlockOptin);
  result.shared_bytes_per_multiprocessor =
      static_cast<int64_t>(cuda.sharedMemPerMultiprocessor);
  result.l2_bytes = cuda.l2CacheSize;
  result.memory_bytes = static_cast<int64_t>(cuda.totalGlobalMem);
  (void)cudaDriverGetVersion(&result.driver_version);
  return result;
}

cudaStream_t Stream(const DeviceContext& context) {
  return static_cast<cudaStream_t>(context.stream());
}

// Enqueues a copy; waits for it if `wait`.
absl::Status CopyBytes(std::string_view name, const void* from, void* to,
                       int64_t bytes, cudaMemcpyKind kind, bool wait,
                       DeviceContext& context) {
  if (bytes == 0) return absl::OkStatus();
  const CurrentDevice current(context.ordinal());
  cudaError_t error = cudaMemcpyAsync(to, from, static_cast<size_t>(bytes),
                                      kind, Stream(context));
  if (error == cudaSuccess && wait) {
    error = cudaStreamSynchronize(Stream(context));
  }
  return CudaStatus(error, name, " of ", bytes, " bytes");
}

}  // namespace

DeviceArena::~DeviceArena() {
  const CurrentDevice current(ordinal_);
  for (const Block& block : blocks_) (void)cudaFree(block.data);
}

absl::StatusOr<std::byte*> DeviceArena::Allocate(int64_t bytes) {
  constexpr int64_t kAlignment = 256;
  constexpr int64_t kLeastBlock = int64_t{1} << 20;
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  for (; block_ < blocks_.size(); ++block_, offset_ = 0) {
    const Block& block = blocks_[block_];
    if (block.size - offset_ >= bytes) {
      return block.data + std::exchange(offset_, offset_ + bytes);
    }
  }
  const CurrentDevice current(ordinal_);
  const int64_t size = std::max({bytes, kLeastBlock, capacity()});
  absl::StatusOr<std::byte*> data = AllocateBytes("scratch memory", size);
  if (!data.ok() && size > bytes) data = AllocateBytes("scratch memory", bytes);
  if (!data.ok()) return data;
  blocks_.push_back({*data, size});
  offset_ = bytes;
  return data;
}

DeviceContext::~DeviceContext() {
  const CurrentDevice current(ordinal_);
  (void)cudaStreamSynchronize(Stream(*this));
  if (owns_stream_) (void)cudaStreamDestroy(Stream(*this));
}

absl::StatusOr<std::unique_ptr<DeviceContext>> DeviceContext::Create(
    int ordinal) {
  absl::StatusOr<DeviceProperties> properties = GetProperties(ordinal);
  if (!properties.ok()) return properties.status();
  const CurrentDevice current(ordinal);
  cudaStream_t stream = nullptr;
  absl::Status status =
      CudaStatus(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking),
                 "a stream of CUDA device ", ordinal);
  if (!status.ok()) return status;
  return std::unique_ptr<DeviceContext>(
      new DeviceContext(ordinal, stream, /*owns_stream=*/true, *properties));
}

absl::StatusOr<std::unique_ptr<DeviceContext>> DeviceContext::CreateOnStream(
    int ordinal, void* stream) {
  absl::StatusOr<DeviceProperties> properties = GetProperties(ordinal);
  if (!properties.ok()) return properties.status();
  return std::unique_ptr<DeviceContext>(
      new DeviceContext(ordinal, stream, /*owns_stream=*/false, *properties));
}

absl::Status DeviceContext::Synchronize() {
  const CurrentDevice current(ordinal_);
  return CudaStatus(cudaStreamSynchronize(Stream(*this)), properties_.name);
}

absl::StatusOr<DeviceBuffer> DeviceBuffer::Allocate(DType dtype,
                                                    const Dims& shape,
                                                    DeviceContext& context) {
  const CurrentDevice current(context.ordinal());
  absl::StatusOr<std::byte*> data =
      AllocateBytes("a buffer", ContiguousBytes(shape, dtype));
  if (!data.ok()) return data.status();
  DeviceBuffer buffer;
  buffer.data_ = *data;
  buffer.shape_ = shape;
  buffer.dtype_ = dtype;
  buffer.ordinal_ = context.ordinal();
  return buffer;
}

DeviceBuffer::~DeviceBuffer() {
  if (data_ == nullptr) return;
  const CurrentDevice current(ordinal_);
  (void)cudaFree(data_);
}

absl::Status CopyToDevice(const void* host, void* device, int64_t bytes,
                          DeviceContext& context) {
  return CopyBytes("CopyToDevice", host, device, bytes, cudaMemcpyHostToDevice,
                   /*wait=*/true, context);
}

absl::Status CopyToHost(const void* device, void* host, int64_t bytes,
                        DeviceContext& context) {
  return CopyBytes("CopyToHost", device, host, bytes, cudaMemcpyDeviceToHost,
                   /*wait=*/true, context);
}

absl::Status CopyOnDevice(const void* from, void* to, int64_t bytes,
                          DeviceContext& context) {
  return CopyBytes("CopyOnDevice", from, to, bytes, cudaMemcpyDeviceToDevice,
                   /*wait=*/false, context);
}

absl::Status FillOnDevice(void* device, uint8_t value, int64_t bytes,
                          DeviceContext& context) {
  if (bytes == 0) return absl::OkStatus();
  const CurrentDevice current(context.ordinal());
  return CudaStatus(cudaMemsetAsync(device, value, static_cast<size_t>(bytes),
                                    Stream(context)),
                    "FillOnDevice of ", bytes, " bytes");
}

}  // namespace tilework
