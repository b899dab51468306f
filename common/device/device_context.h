// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Where device kernels run: a device, a stream of work and scratch memory.
//
// This header and its neighbours without "cuda" in their name are plain C++:
// one interface, implemented twice. A build with --config=cuda runs kernels on
// the GPU; any other runs them in the emulator (testing/emulator), in which the
// memory of the device is guarded memory of the process, and work is done by
// the time that the function which enqueues it returns.

#ifndef TILEWORK_COMMON_DEVICE_DEVICE_CONTEXT_H_
#define TILEWORK_COMMON_DEVICE_DEVICE_CONTEXT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tilework {

struct DeviceProperties {
  std::string name;  // "NVIDIA H100 80GB HBM3", "emulated Hopper"
  bool emulated = false;
  int major = 0;  // compute capability
  int minor = 0;
  int num_multiprocessors = 0;
  int64_t shared_bytes_per_block = 0;  // the most that a block may have
  int64_t shared_bytes_per_multiprocessor = 0;
  int64_t l2_bytes = 0;
  int64_t memory_bytes = 0;
  int driver_version = 0;  // 13000 is 13.0; 0 if emulated
};

// Device memory that grows and is reused; see DeviceScratchScope.
class DeviceArena {
 public:
  explicit DeviceArena(int ordinal) : ordinal_(ordinal) {}
  ~DeviceArena();
  DeviceArena(const DeviceArena&) = delete;
  DeviceArena& operator=(const DeviceArena&) = delete;

  // Bytes held from the device.
  int64_t capacity() const;

 private:
  friend class DeviceScratchScope;
  struct Block {
    std::byte* data;
    int64_t size;
  };

  absl::StatusOr<std::byte*> Allocate(int64_t bytes);

  int ordinal_;
  // All live as long as the arena: work that was enqueued, or captured in a
  // graph, may still use them.
  std::vector<Block> blocks_;
  size_t block_ = 0;    // the block in use
  int64_t offset_ = 0;  // first free byte in it
};

// Passed to every device kernel. Make one and keep it. For use by one calling
// thread at a time. Kernels enqueue their work and do not wait for it; in
// steady state they allocate nothing, so that they can be captured in a CUDA
// graph once they have run with the same shapes.
class DeviceContext {
 public:
  // With a stream of its own. Errors: Unavailable if there is no such device or
  // no driver, FailedPrecondition if its architecture is not sm_90.
  static absl::StatusOr<std::unique_ptr<DeviceContext>> Create(int ordinal = 0);
  // On a cudaStream_t of the caller, which outlives the context.
  static absl::StatusOr<std::unique_ptr<DeviceContext>> CreateOnStream(
      int ordinal, void* stream);
  ~DeviceContext();
  DeviceContext(const DeviceContext&) = delete;
  DeviceContext& operator=(const DeviceContext&) = delete;

  const DeviceProperties& properties() const { return properties_; }
  int ordinal() const { return ordinal_; }
  // The cudaStream_t; null if emulated.
  void* stream() const { return stream_; }
  DeviceArena& arena() { return arena_; }

  // Waits for all work; the first error of any of it.
  absl::Status Synchronize();

 private:
  DeviceContext(int ordinal, void* stream, bool owns_stream,
                DeviceProperties properties);

  int ordinal_;
  void* stream_;
  bool owns_stream_;
  DeviceProperties properties_;
  DeviceArena arena_;
};

// Scratch memory of one kernel call, for use by what it enqueues on the
// context's stream. Scopes nest. Memory is uninitialized.
class DeviceScratchScope {
 public:
  explicit DeviceScratchScope(DeviceContext& context)
      : arena_(context.arena()),
        block_(arena_.block_),
        offset_(arena_.offset_) {}
  ~DeviceScratchScope() {
    arena_.block_ = block_;
    arena_.offset_ = offset_;
  }
  DeviceScratchScope(const DeviceScratchScope&) = delete;
  DeviceScratchScope& operator=(const DeviceScratchScope&) = delete;

  // `count` elements, aligned to 256 bytes; ResourceExhausted if the device
  // has no memory left.
  template <typename T>
  absl::StatusOr<T*> Allocate(int64_t count) {
    absl::StatusOr<std::byte*> bytes =
        arena_.Allocate(count * static_cast<int64_t>(sizeof(T)));
    if (!bytes.ok()) return bytes.status();
    return reinterpret_cast<T*>(*bytes);
  }

 private:
  DeviceArena& arena_;
  size_t block_;
  int64_t offset_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_DEVICE_CONTEXT_H_
