// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/guarded_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/rng.h"

namespace tilework::emulator {
namespace {

constexpr int64_t kPage = 4096;
// Wide, so that wild strides meet them: they cost addresses only.
constexpr int64_t kGuardBytes = 16 * kPage;
constexpr std::byte kGuardByte{0xFD};

constexpr int64_t RoundUp(int64_t bytes, int64_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

}  // namespace

GuardedMemory::GuardedMemory(int64_t bytes, int64_t alignment) {
  const int64_t inner = RoundUp(std::max<int64_t>(bytes, 1), kPage);
  void* mapping =
      mmap(nullptr, static_cast<size_t>(inner + 2 * kGuardBytes), PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return;
  mapping_ = static_cast<std::byte*>(mapping);
  mapped_bytes_ = inner + 2 * kGuardBytes;
  bytes_ = bytes;
  if (mprotect(begin(), static_cast<size_t>(inner), PROT_READ | PROT_WRITE) !=
      0) {
    return;
  }
  data_ = end() - RoundUp(bytes, alignment);
  std::memset(begin(), static_cast<int>(kGuardByte),
              static_cast<size_t>(data_ - begin()));
  std::memset(data_ + bytes, static_cast<int>(kGuardByte),
              static_cast<size_t>(end() - data_ - bytes));
}

GuardedMemory::~GuardedMemory() {
  if (mapping_ != nullptr) {
    munmap(mapping_, static_cast<size_t>(mapped_bytes_));
  }
}

std::byte* GuardedMemory::begin() const { return mapping_ + kGuardBytes; }

std::byte* GuardedMemory::end() const {
  return mapping_ + mapped_bytes_ - kGuardBytes;
}

void GuardedMemory::Fill(uint32_t word) {
  std::byte* to = data_;
  int64_t left = bytes_;
  for (; left >= 4; left -= 4, to += 4) std::memcpy(to, &word, 4);
  std::memcpy(to, &word, static_cast<size_t>(left));
}

void GuardedMemory::Forbid(bool forbidden) {
  if (data_ == nullptr) return;
  mprotect(begin(), static_cast<size_t>(end() - begin()),
           forbidden ? PROT_NONE : PROT_READ | PROT_WRITE);
}

std::string GuardedMemory::CheckGuards() {
  if (data_ == nullptr) return "";
  std::string damage;
  const auto check = [&](std::byte* from, std::byte* to) {
    for (std::byte* p = from; p != to; ++p) {
      if (*p == kGuardByte) continue;
      if (damage.empty()) {
        damage = absl::StrCat("byte ", p - data_, " of ", bytes_,
                              " bytes of memory was written");
      }
      *p = kGuardByte;
    }
  };
  check(begin(), data_);
  check(data_ + bytes_, end());
  return damage;
}

std::string GuardedMemory::DescribeIfBeside(const std::byte* address) const {
  if (mapping_ == nullptr || address < mapping_ ||
      address >= mapping_ + mapped_bytes_) {
    return "";
  }
  return absl::StrCat("byte ", address - data_, " of ", bytes_,
                      " bytes of memory");
}

namespace {

struct DeviceMemory {
  std::mutex mutex;
  int64_t limit = int64_t{64} << 30;
  int64_t in_use = 0;
  uint64_t count = 0;
  std::map<const std::byte*, GuardedMemory> live;
  std::string damage;  // of memory that has been freed
};

DeviceMemory& TheMemory() {
  static DeviceMemory& memory = *new DeviceMemory;
  return memory;
}

}  // namespace

void SetDeviceMemoryLimit(int64_t bytes) {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  memory.limit = bytes;
}

int64_t DeviceMemoryLimit() {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  return memory.limit;
}

int64_t DeviceMemoryInUse() {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  return memory.in_use;
}

std::byte* AllocateDeviceMemory(int64_t bytes) {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  if (bytes > memory.limit - memory.in_use) return nullptr;
  GuardedMemory made(bytes, 256);
  if (made.data() == nullptr) return nullptr;
  made.Fill(PoisonWord(++memory.count));
  memory.in_use += bytes;
  std::byte* data = made.data();
  memory.live.emplace(data, std::move(made));
  return data;
}

void FreeDeviceMemory(std::byte* data) {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  const auto found = memory.live.find(data);
  if (found == memory.live.end()) return;
  if (memory.damage.empty()) memory.damage = found->second.CheckGuards();
  memory.in_use -= found->second.bytes();
  memory.live.erase(found);
}

void PoisonDeviceMemory(std::byte* data) {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  const auto found = memory.live.find(data);
  if (found != memory.live.end())
    found->second.Fill(PoisonWord(++memory.count));
}

bool IsDeviceMemory(const void* data, int64_t bytes) {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  const auto* begin = static_cast<const std::byte*>(data);
  auto after = memory.live.upper_bound(begin);
  if (after == memory.live.begin()) return false;
  const GuardedMemory& guarded = std::prev(after)->second;
  return bytes <= guarded.bytes() - (begin - guarded.data());
}

std::string CheckDeviceMemory() {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  std::string damage = std::move(memory.damage);
  memory.damage.clear();
  for (auto& [data, guarded] : memory.live) {
    std::string found = guarded.CheckGuards();
    if (damage.empty()) damage = std::move(found);
  }
  return damage;
}

std::string DescribeDeviceAddress(const void* address) {
  DeviceMemory& memory = TheMemory();
  const std::lock_guard lock(memory.mutex);
  for (const auto& [data, guarded] : memory.live) {
    std::string text =
        guarded.DescribeIfBeside(static_cast<const std::byte*>(address));
    if (!text.empty()) return text;
  }
  return "";
}

}  // namespace tilework::emulator
