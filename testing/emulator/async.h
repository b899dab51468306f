// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Work that the hardware does beside the threads: copies and multiplications.
//
// An operation is a list of steps, each of which is done at once. The steps of
// one operation are done in order; those of several in any, but that an
// operation may have to come after others. When they are done is up to
// Schedule::asynchrony: all where the operation is issued, or only when no
// thread can go on, or at random.
//
//   TMA load   reads global memory and writes shared memory, of one or several
//              blocks, perhaps in several pieces; after each, complete_tx on
//              the mbarrier of that block. Not grouped.
//   TMA store  reads shared memory (read_steps = shared_steps = 1), then writes
//              global memory. Grouped.
//   wgmma      reads shared memory and its accumulators, which stay poison
//              until its last step writes them. One operation for all threads
//              of the warpgroup: one issues it, the others join it; after those
//              that the warpgroup issued before.
//   cp.async   reads global and writes shared memory, for one thread. Grouped.
//
// What is issued by tensor map or descriptor copies it: the step is done later,
// perhaps when the thread's variables are gone. A step may end in a fault.

#ifndef TILEWORK_TESTING_EMULATOR_ASYNC_H_
#define TILEWORK_TESTING_EMULATOR_ASYNC_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

// Each kind has its own groups in each thread.
enum class AsyncKind : uint8_t { kCopy, kBulk, kWgmma };
inline constexpr int kAsyncKinds = 3;

struct AsyncOperation {
  const char* name = "";  // that of the PTX instruction
  AsyncKind kind = AsyncKind::kCopy;
  std::vector<std::function<void()>> steps;
  // After so many steps, the sources have been read: what wait_group.read waits
  // for.
  size_t read_steps = 0;
  // After so many steps, shared memory is no longer touched. A block that
  // returns before that is a fault.
  size_t shared_steps = SIZE_MAX;
  // Whether the next commit_group takes it: not if it ends at an mbarrier.
  bool grouped = true;
  // Operations that must be done before its first step.
  std::vector<AsyncHandle> after;
};

// An operation that has been issued.
struct AsyncState {
  AsyncOperation operation;
  size_t done = 0;  // steps
  Site site;
  Block* block = nullptr;  // that issued it
  uint3 block_index = {};
  uint3 thread_index = {};

  bool complete() const { return done == operation.steps.size(); }
  bool read() const { return done >= operation.read_steps; }
};

// By the calling thread.
AsyncHandle IssueAsync(AsyncOperation operation, const Site& site);
// Takes an operation that another thread issued into the calling thread's open
// group too.
void JoinAsync(const AsyncHandle& operation);
// Those of the calling thread that are not complete.
std::vector<AsyncHandle> PendingAsync(AsyncKind kind, const Site& site);
// Ends the open group.
void CommitAsyncGroup(AsyncKind kind, const Site& site);
// Waits until all but the `pending` youngest groups are complete, or have been
// read; `what` is for the report of a deadlock.
void WaitAsyncGroup(AsyncKind kind, uint32_t pending, bool read,
                    const char* what, const Site& site);
// Waits for all operations, in groups or not.
void WaitAsyncAll(AsyncKind kind, const char* what, const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_ASYNC_H_
