// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/parallel/thread_pool.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

#include "absl/functional/function_ref.h"
#include "hwy/contrib/thread_pool/thread_pool.h"

namespace tilework {

struct ThreadPool::Team {
  explicit Team(size_t num_threads) : pool(num_threads) {}
  hwy::ThreadPool pool;
};

int AvailableProcessors() {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    return std::max(1, CPU_COUNT(&set));
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

ThreadPool::ThreadPool(int num_threads)
    : team_(std::make_unique<Team>(static_cast<size_t>(
          num_threads <= 0 ? AvailableProcessors() : num_threads))),
      num_threads_(static_cast<int>(team_->pool.NumWorkers())) {}

ThreadPool::~ThreadPool() = default;

void ThreadPool::SetSpinning(bool spinning) {
  team_->pool.SetWaitMode(spinning ? hwy::PoolWaitMode::kSpin
                                   : hwy::PoolWaitMode::kBlock);
}

void ThreadPool::ParallelFor(
    int64_t num_tasks,
    absl::FunctionRef<void(int64_t task, int thread)> body) const {
  if (num_tasks <= 1 || num_threads_ == 1) {
    for (int64_t task = 0; task < num_tasks; ++task) body(task, 0);
    return;
  }
  team_->pool.Run(0, static_cast<uint64_t>(num_tasks),
                  [&](uint64_t task, size_t thread) {
                    body(static_cast<int64_t>(task), static_cast<int>(thread));
                  });
}

}  // namespace tilework
