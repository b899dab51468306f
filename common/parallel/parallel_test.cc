// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <atomic>
#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/parallel/thread_pool.h"

namespace tilework {
namespace {

TEST(ThreadPoolTest, RunsEachTaskOnce) {
  for (int threads = 1; threads <= 4; ++threads) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.num_threads(), threads);
    for (bool spinning : {false, true, false}) {
      pool.SetSpinning(spinning);
      for (int64_t tasks : {0, 1, 2, 3, 17, 1000}) {
        std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
        std::atomic<bool> bad_thread = false;
        pool.ParallelFor(tasks, [&](int64_t task, int thread) {
          runs[static_cast<size_t>(task)].fetch_add(1);
          if (thread < 0 || thread >= threads) bad_thread = true;
        });
        for (const auto& count : runs) EXPECT_EQ(count.load(), 1);
        EXPECT_FALSE(bad_thread.load());
      }
    }
  }
}

TEST(ThreadPoolTest, DefaultUsesTheProcessors) {
  EXPECT_EQ(ThreadPool().num_threads(), AvailableProcessors());
}

TEST(ArenaTest, ReusesMemoryAndKeepsAlignment) {
  Arena arena;
  const void* first = nullptr;
  for (int round = 0; round < 3; ++round) {
    ScratchScope scope(arena);
    float* a = scope.Allocate<float>(3);
    float* b = scope.Allocate<float>(1000);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(a) % 64, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(b) % 64, 0u);
    EXPECT_GE(b - a, 3);
    if (round == 0) first = a;
    EXPECT_EQ(a, first);
  }
}

TEST(ArenaTest, GrowsToTheLargestNeedAndStops) {
  Arena arena;
  const auto use = [&] {
    ScratchScope outer(arena);
    uint8_t* a = outer.Allocate<uint8_t>(3 << 20);
    a[0] = 1;
    {
      ScratchScope inner(arena);
      uint8_t* b = inner.Allocate<uint8_t>(5 << 20);
      b[(5 << 20) - 1] = 2;
    }
    uint8_t* c = outer.Allocate<uint8_t>(5 << 20);
    c[0] = 3;
    EXPECT_EQ(a[0], 1);
  };
  use();
  const size_t capacity = arena.capacity();
  for (int i = 0; i < 3; ++i) use();
  EXPECT_EQ(arena.capacity(), capacity);
}

TEST(ArenaTest, Tensors) {
  HostContext context(1);
  ScratchScope scope(context.arena());
  const Tensor x = scope.AllocateTensor(DType::kBF16, {3, 5});
  EXPECT_EQ(x.shape(), Dims({3, 5}));
  EXPECT_TRUE(x.IsContiguous());
}

}  // namespace
}  // namespace tilework
