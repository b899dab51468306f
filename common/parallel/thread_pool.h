// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A thin layer over hwy::ThreadPool: fork-join loops over independent tasks.

#ifndef TILEWORK_COMMON_PARALLEL_THREAD_POOL_H_
#define TILEWORK_COMMON_PARALLEL_THREAD_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/functional/function_ref.h"

namespace tilework {

// Runs loops over tasks on a fixed team of threads, the caller's included.
//
// Tasks must be independent: which thread runs which task, and in which order,
// is not defined. A kernel therefore cuts its work by shape alone, so that its
// results do not depend on the number of threads.
//
// Not for concurrent use by several threads: give each its own pool.
class ThreadPool {
 public:
  // `num_threads` <= 0 means one per processor available to the process.
  explicit ThreadPool(int num_threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Threads that take part, >= 1.
  int num_threads() const { return num_threads_; }

  // Whether idle threads spin (a fork costs about 1 us, but idle threads use
  // processor time) or sleep (about 10 to 50 us; the default). Programs turn
  // spinning on around a sequence of short kernels.
  void SetSpinning(bool spinning);

  // Calls body(task, thread) for each task in [0, num_tasks), thread in
  // [0, num_threads()). Returns when all are done. Runs in the caller if there
  // is one task or one thread.
  void ParallelFor(
      int64_t num_tasks,
      absl::FunctionRef<void(int64_t task, int thread)> body) const;

 private:
  struct Team;
  std::unique_ptr<Team> team_;
  int num_threads_;
};

// Processors that this process may run on, >= 1.
int AvailableProcessors();

}  // namespace tilework

#endif  // TILEWORK_COMMON_PARALLEL_THREAD_POOL_H_
