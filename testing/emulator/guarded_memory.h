// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Memory of the emulated device: poisoned, and with guards around. Touching the
// pages beside it is a fault at once; the bytes that remain of its own pages
// are looked at after each launch.

#ifndef TILEWORK_TESTING_EMULATOR_GUARDED_MEMORY_H_
#define TILEWORK_TESTING_EMULATOR_GUARDED_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace tilework::emulator {

class GuardedMemory {
 public:
  GuardedMemory() = default;
  // data() is null if there is no memory. `alignment` is a power of two, at
  // most that of a page; the end of the memory is followed by the guard pages,
  // less what the alignment takes.
  GuardedMemory(int64_t bytes, int64_t alignment);
  ~GuardedMemory();
  GuardedMemory(GuardedMemory&& other) noexcept { Swap(other); }
  GuardedMemory& operator=(GuardedMemory&& other) noexcept {
    Swap(other);
    return *this;
  }

  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

  // Overwrites all of it with copies of `word`, from the first byte on.
  void Fill(uint32_t word);
  // Whether touching it is a fault.
  void Forbid(bool forbidden);
  // What of the guard bytes was overwritten, "" if nothing; makes them whole.
  std::string CheckGuards();
  // Says which memory `address`, which is in its guard pages, is beside; ""
  // otherwise.
  std::string DescribeIfBeside(const std::byte* address) const;

 private:
  void Swap(GuardedMemory& other) {
    std::swap(mapping_, other.mapping_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
  }
  // The pages between the guard pages.
  std::byte* begin() const;
  std::byte* end() const;

  std::byte* mapping_ = nullptr;
  int64_t mapped_bytes_ = 0;
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
};

// Global memory of the emulated device, known to all launches.
//
// The limit is that of all of it together, to test what happens beyond; the
// default is 64 GiB.
void SetDeviceMemoryLimit(int64_t bytes);
int64_t DeviceMemoryLimit();
int64_t DeviceMemoryInUse();
// Null if there is no memory left. At a multiple of 256, poisoned.
std::byte* AllocateDeviceMemory(int64_t bytes);
// Also of null. Damaged guards are reported by the next CheckDeviceMemory().
void FreeDeviceMemory(std::byte* data);
// Overwrites an allocation again.
void PoisonDeviceMemory(std::byte* data);
// Whether the bytes are all of one allocation.
bool IsDeviceMemory(const void* data, int64_t bytes);
// What was written outside of any allocation since the last call; "" if
// nothing.
std::string CheckDeviceMemory();
// Which allocation `address` is beside; "" if
// none.
std::string DescribeDeviceAddress(const void* address);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_GUARDED_MEMORY_H_
