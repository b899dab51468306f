// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/shared_model.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/guarded_memory.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {
namespace {

// Hopper keeps the first bytes of the window for itself.
constexpr uint32_t kReservedBytes = 1024;

bool Holds(const Block& block, const void* data, size_t bytes) {
  const auto* first = static_cast<const std::byte*>(data);
  const std::byte* begin = block.shared.data();
  return begin != nullptr && first >= begin &&
         first + bytes <= begin + block.shared.bytes();
}

// What the async proxy sees at first: the poison that the block began with.
std::vector<std::byte>& AsyncView(Block& block) {
  if (block.async_view.empty()) {
    const auto bytes = static_cast<size_t>(block.shared.bytes());
    block.async_view.resize(bytes);
    for (size_t i = 0; i < bytes; i += 4) {
      std::memcpy(&block.async_view[i], &block.poison,
                  std::min<size_t>(4, bytes - i));
    }
  }
  return block.async_view;
}

size_t OffsetOf(const Block& block, const void* data) {
  return static_cast<size_t>(static_cast<const std::byte*>(data) -
                             block.shared.data());
}

}  // namespace

Block& BlockOfShared(const void* data, size_t bytes, const char* operation,
                     const Site& site) {
  Machine& machine = ThisMachine(site);
  Block& own = machine.block_at_work();
  for (uint64_t rank = 0; Block* block = machine.Peer(own, rank); ++rank) {
    if (Holds(*block, data, bytes)) return *block;
  }
  machine.Fault(absl::StrCat(operation, ": ", bytes,
                             " bytes that are not all in shared memory"),
                site);
}

uint32_t SharedAddress(const void* data, const Site& site) {
  const Block& block = BlockOfShared(data, 0, "an address", site);
  return static_cast<uint32_t>(OffsetOf(block, data)) + kReservedBytes;
}

std::byte* SharedPointer(Block& block, uint32_t address, size_t bytes,
                         const char* operation, const Site& site) {
  const auto size = static_cast<size_t>(block.shared.bytes());
  if (address < kReservedBytes || address - kReservedBytes > size ||
      bytes > size - (address - kReservedBytes)) {
    ThisMachine(site).Fault(
        absl::StrCat(operation, ": ", bytes, " bytes at address ", address,
                     " are not in the ", size, " bytes of shared memory"),
        site);
  }
  return block.shared.data() + (address - kReservedBytes);
}

void* PeerPointer(const void* data, uint32_t rank, const char* operation,
                  const Site& site) {
  Machine& machine = ThisMachine(site);
  const Block& block = BlockOfShared(data, 0, operation, site);
  Block* peer = machine.Peer(block, rank);
  if (peer == nullptr) {
    machine.Fault(absl::StrCat(operation, ": there is no block of rank ", rank,
                               " in the cluster"),
                  site);
  }
  return peer->shared.data() + OffsetOf(block, data);
}

void CheckAsyncRead(Block& block, const void* data, size_t bytes,
                    const char* operation, const Site& site) {
  const std::vector<std::byte>& view = AsyncView(block);
  const auto* first = static_cast<const std::byte*>(data);
  const std::byte* seen = &view[0] + OffsetOf(block, data);
  if (std::memcmp(first, seen, bytes) == 0) return;
  const auto [at, unused] = std::mismatch(first, first + bytes, seen);
  ThisMachine(site).Fault(
      absl::StrCat(operation, " uses byte ", OffsetOf(block, at),
                   " of shared memory, which was stored without a "
                   "fence.proxy.async after it"),
      site);
}

void NoteAsyncWrite(Block& block, const void* data, size_t bytes) {
  if (bytes == 0) return;
  std::memcpy(&AsyncView(block)[OffsetOf(block, data)], data, bytes);
}

void PoisonShared(Block& block, void* data, size_t bytes) {
  auto* to = static_cast<std::byte*>(data);
  for (size_t i = 0; i < bytes; i += 4) {
    std::memcpy(to + i, &block.poison, std::min<size_t>(4, bytes - i));
  }
  NoteAsyncWrite(block, data, bytes);
}

namespace {

void ShowToAsyncProxy(Block& block) {
  if (block.shared.data() == nullptr) return;
  const auto bytes = static_cast<size_t>(block.shared.bytes());
  block.async_view.assign(block.shared.data(), block.shared.data() + bytes);
}

}  // namespace

void FenceAsyncProxy(Block& block) {
  ShowToAsyncProxy(block);
  for (auto& [object, barrier] : block.mbarriers) barrier.fenced = true;
}

void FenceAsyncProxyOfAllMemory(Machine& machine) {
  Block& block = machine.block();
  FenceAsyncProxy(block);
  for (uint64_t rank = 0; rank < block.cluster->num_blocks; ++rank) {
    if (rank != block.rank) ShowToAsyncProxy(*machine.Peer(block, rank));
  }
}

Block* Machine::Peer(const Block& block, uint64_t rank) {
  const Cluster& cluster = *block.cluster;
  return rank < cluster.num_blocks ? &blocks_[cluster.first_block + rank]
                                   : nullptr;
}

}  // namespace tilework::emulator
