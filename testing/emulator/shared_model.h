// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Shared memory as the instructions see it: addresses, the memory of other
// blocks of the cluster, and what the async proxy sees.
//
// The async proxy (TMA, wgmma) need not see what threads store until there has
// been a fence.proxy.async. The model: a store is seen after the next fence of
// any thread of the block; reading what is not yet seen is a fault. Bytes that
// were stored are those that differ from a copy of the memory that fences and
// writes of the async proxy bring up to date.

#ifndef TILEWORK_TESTING_EMULATOR_SHARED_MODEL_H_
#define TILEWORK_TESTING_EMULATOR_SHARED_MODEL_H_

#include <cstddef>
#include <cstdint>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

// The block whose shared memory has all of the bytes; a fault if there is none
// in the cluster of the calling block, or of the operation that is under way.
// `operation` is for its message.
Block& BlockOfShared(const void* data, size_t bytes, const char* operation,
                     const Site& site);

// The address in the window of shared memory, as descriptors and barriers have
// it: the offset in the arena and what the hardware reserves before it.
uint32_t SharedAddress(const void* data, const Site& site);
// The memory of the block at an address; a fault if all of `bytes` are not in
// it.
std::byte* SharedPointer(Block& block, uint32_t address, size_t bytes,
                         const char* operation, const Site& site);
// The same place in the block with this rank in the cluster.
void* PeerPointer(const void* data, uint32_t rank, const char* operation,
                  const Site& site);

// The async proxy is about to read: a fault if some of the bytes were stored
// and not fenced.
void CheckAsyncRead(Block& block, const void* data, size_t bytes,
                    const char* operation, const Site& site);
// The async proxy has written.
void NoteAsyncWrite(Block& block, const void* data, size_t bytes);
// Overwrites what the async proxy will write.
void PoisonShared(Block& block, void* data, size_t bytes);
// fence.proxy.async by a thread of the block.
void FenceAsyncProxy(Block& block);
// The same, and what was stored into the memory of other blocks of the cluster.
void FenceAsyncProxyOfAllMemory(Machine& machine);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_SHARED_MODEL_H_
