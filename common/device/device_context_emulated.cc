// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Contexts and device memory where there is no CUDA.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/emulator/guarded_memory.h"

namespace tilework {
namespace {

absl::StatusOr<std::byte*> AllocateBytes(std::string_view what, int64_t bytes) {
  std::byte* data = emulator::AllocateDeviceMemory(bytes);
  if (data != nullptr) return data;
  const int64_t limit = emulator::DeviceMemoryLimit();
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " of ", bytes, " bytes, where ",
                   limit - emulator::DeviceMemoryInUse(), " of ", limit,
                   " bytes of device memory are free"));
}

absl::Status CheckDevice(std::string_view name, const void* data,
                         int64_t bytes) {
  if (bytes == 0 || emulator::IsDeviceMemory(data, bytes)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": ", bytes, " bytes are not all of one allocation of the device"));
}

}  // namespace

DeviceArena::~DeviceArena() {
  for (const Block& block : blocks_) emulator::FreeDeviceMemory(block.data);
}

// Each allocation has a block of its own, and so its own guards.
absl::StatusOr<std::byte*> DeviceArena::Allocate(int64_t bytes) {
  if (block_ < blocks_.size() && blocks_[block_].size == bytes) {
    emulator::PoisonDeviceMemory(blocks_[block_].data);
    return blocks_[block_++].data;
  }
  absl::StatusOr<std::byte*> data = AllocateBytes("scratch memory", bytes);
  if (!data.ok()) return data;
  const Block block = {*data, bytes};
  if (block_ < blocks_.size()) {
    emulator::FreeDeviceMemory(std::exchange(blocks_[block_], block).data);
  } else {
    blocks_.push_back(block);
  }
  ++block_;
  return data;
}

DeviceContext::~DeviceContext() = default;

absl::StatusOr<std::unique_ptr<DeviceContext>> DeviceContext::Create(
    int ordinal) {
  return CreateOnStream(ordinal, nullptr);
}

absl::StatusOr<std::unique_ptr<DeviceContext>> DeviceContext::CreateOnStream(
    int ordinal, void* stream) {
  if (ordinal != 0) {
    return absl::UnavailableError(absl::StrCat(
        "there is no device ", ordinal, ": the emulator has one, device 0"));
  }
  if (stream != nullptr) {
    return absl::InvalidArgumentError("the emulator has no streams");
  }
  return std::unique_ptr<DeviceContext>(
      new DeviceContext(ordinal, stream, /*owns_stream=*/false,
                        {.name = "emulated Hopper",
                         .emulated = true,
                         .major = 9,
                         .minor = 0,
                         .num_multiprocessors = 132,
                         .shared_bytes_per_block = int64_t{227} << 10,
                         .shared_bytes_per_multiprocessor = int64_t{228} << 10,
                         .l2_bytes = int64_t{50} << 20,
                         .memory_bytes = emulator::DeviceMemoryLimit()}));
}

// Launches have reported what they wrote outside of memory; what copies and
// the host wrote there is found here.
absl::Status DeviceContext::Synchronize() {
  const std::string damage = emulator::CheckDeviceMemory();
  if (damage.empty()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("a write outside of device memory: ", damage));
}

absl::StatusOr<DeviceBuffer> DeviceBuffer::Allocate(DType dtype,
                                                    const Dims& shape,
                                                    DeviceContext& context) {
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
  emulator::FreeDeviceMemory(static_cast<std::byte*>(data_));
}

absl::Status CopyToDevice(const void* host, void* device, int64_t bytes,
                          DeviceContext&) {
  absl::Status status = CheckDevice("CopyToDevice", device, bytes);
  if (!status.ok() || bytes == 0) return status;
  std::memcpy(device, host, static_cast<size_t>(bytes));
  return absl::OkStatus();
}

absl::Status CopyToHost(const void* device, void* host, int64_t bytes,
                        DeviceContext&) {
  absl::Status status = CheckDevice("CopyToHost", device, bytes);
  if (!status.ok() || bytes == 0) return status;
  std::memcpy(host, device, static_cast<size_t>(bytes));
  return absl::OkStatus();
}

absl::Status CopyOnDevice(const void* from, void* to, int64_t bytes,
                          DeviceContext&) {
  absl::Status status = CheckDevice("CopyOnDevice", from, bytes);
  if (status.ok()) status = CheckDevice("CopyOnDevice", to, bytes);
  if (!status.ok() || bytes == 0) return status;
  std::memmove(to, from, static_cast<size_t>(bytes));
  return absl::OkStatus();
}

absl::Status FillOnDevice(void* device, uint8_t value, int64_t bytes,
                          DeviceContext&) {
  absl::Status status = CheckDevice("FillOnDevice", device, bytes);
  if (!status.ok() || bytes == 0) return status;
  std::memset(device, value, static_cast<size_t>(bytes));
  return absl::OkStatus();
}

}  // namespace tilework
