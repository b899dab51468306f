// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Where host kernels run: a thread pool and scratch memory.

#ifndef TILEWORK_COMMON_PARALLEL_HOST_CONTEXT_H_
#define TILEWORK_COMMON_PARALLEL_HOST_CONTEXT_H_

#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/thread_pool.h"

namespace tilework {

// Passed to every host kernel. Make one and keep it: threads are started and
// scratch memory is grown once. For use by one calling thread at a time.
// Results never depend on the number of threads.
class HostContext {
 public:
  // `num_threads` <= 0 means one per processor available to the process.
  explicit HostContext(int num_threads = 0) : pool_(num_threads) {}

  ThreadPool& pool() { return pool_; }
  Arena& arena() { return arena_; }
  int num_threads() const { return pool_.num_threads(); }

 private:
  ThreadPool pool_;
  Arena arena_;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_PARALLEL_HOST_CONTEXT_H_
