// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Kernels with a fault planted in them: each must fail, or give a wrong result,
// with some of the seeds that tests have by default. `kBug` tells the faulty
// kernel from the right one, which must pass with all of them.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cluster.h"
#include "tilework/common/device/cp_async.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/grid_barrier.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/mbarrier.h"
#include "tilework/common/device/named_barrier.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/spin.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_test.h"
#include "tilework/testing/emulator/async.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/schedule.h"
#include "tilework/testing/emulator/shared_model.h"

namespace tilework {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Matcher;
using ::testing::Not;

class PlantedBugsTest : public DeviceTest {
 protected:
  // Runs kernel(out, arguments...) by each schedule. Returns what was wrong:
  // "" never, "a wrong result", or the first fault.
  template <typename... Params, typename... Args>
  std::string Run(void (*kernel)(int*, Params...), LaunchShape shape,
                  const std::vector<int>& expected, const Args&... args) {
    std::string wrong;
    ForEachSchedule([&] {
      int* out = Allocate<int>(static_cast<int64_t>(expected.size()));
      const absl::Status status =
          Launch(kernel, shape, context(), out, args...);
      if (!status.ok()) {
        if (wrong.empty() || wrong == "a wrong result") {
          wrong = status.message();
        }
      } else if (Download(out, static_cast<int64_t>(expected.size())) !=
                     expected &&
                 wrong.empty()) {
        wrong = "a wrong result";
      }
    });
    return wrong;
  }
};

std::vector<int> Iota(int count) {
  std::vector<int> values;
  for (int i = 0; i < count; ++i) values.push_back(i);
  return values;
}

struct Words {
  int words[128];
};

constexpr LaunchShape kWordsShape = {
    .kernel = "planted", .block = {128}, .shared_bytes = sizeof(Words)};

enum class Bug { kNone, kOne, kTwo };

template <Bug kBug>
__global__ void MissingBarrier(int* out) {
  auto& shared = SharedMemory<Words>();
  const int i = static_cast<int>(threadIdx.x);
  shared.words[127 - i] = i;
  if (kBug == Bug::kNone) __syncthreads();
  out[i] = 127 - shared.words[i];
}

TEST_F(PlantedBugsTest, MissingBarrier) {
  EXPECT_EQ(Run(MissingBarrier<Bug::kNone>, kWordsShape, Iota(128)), "");
  EXPECT_NE(Run(MissingBarrier<Bug::kOne>, kWordsShape, Iota(128)), "");
}

// Each warp reads what the next wrote: the store after the loop is a race.
template <Bug kBug>
__global__ void Race(int* out) {
  auto& shared = SharedMemory<Words>();
  const int i = static_cast<int>(threadIdx.x);
  shared.words[i] = i;
  __syncthreads();
  const int value = shared.words[(i + 32) % 128];
  if (kBug == Bug::kNone) __syncthreads();
  shared.words[i] = value;
  __syncthreads();
  out[i] = shared.words[(i + 96) % 128];
}

TEST_F(PlantedBugsTest, RaceInSharedMemory) {
  EXPECT_EQ(Run(Race<Bug::kNone>, kWordsShape, Iota(128)), "");
  EXPECT_NE(Run(Race<Bug::kOne>, kWordsShape, Iota(128)), "");
}

// Lanes of a warp do not run together by themselves.
template <Bug kBug>
__global__ void LockStep(int* out) {
  auto& shared = SharedMemory<Words>();
  const int i = static_cast<int>(threadIdx.x);
  shared.words[i ^ 1] = i;
  if (kBug == Bug::kNone) __syncwarp();
  out[i] = shared.words[i] ^ 1;
}

TEST_F(PlantedBugsTest, MissingBarrierOfAWarp) {
  EXPECT_EQ(Run(LockStep<Bug::kNone>, kWordsShape, Iota(128)), "");
  EXPECT_NE(Run(LockStep<Bug::kOne>, kWordsShape, Iota(128)), "");
}

template <Bug kBug>
__global__ void Masks(int* out) {
  const int i = static_cast<int>(threadIdx.x);
  int value = i ^ 1;
  if (kBug == Bug::kNone) {
    value = __shfl_xor_sync(0xFFFFFFFFu, value, 1);
  } else if (kBug == Bug::kOne) {
    // Half of the warp never comes.
    if (i % 32 < 16) value = __shfl_xor_sync(0xFFFFFFFFu, value, 1);
  } else {
    // The halves do not agree who takes part.
    value = __shfl_xor_sync(i % 32 < 16 ? 0xFFFFFFFFu : 0xFFFF0001u, value, 1);
  }
  __syncthreads();
  out[i] = value;
}

TEST_F(PlantedBugsTest, MasksThatDoNotMatch) {
  EXPECT_EQ(Run(Masks<Bug::kNone>, kWordsShape, Iota(128)), "");
  EXPECT_THAT(Run(Masks<Bug::kOne>, kWordsShape, Iota(128)),
              HasSubstr("deadlock"));
  EXPECT_THAT(Run(Masks<Bug::kTwo>, kWordsShape, Iota(128)),
              AnyOf(HasSubstr("with mask"), HasSubstr("not in its mask")));
}

// Reads lanes that are not in the mask.
__global__ void OutsideOfMask(int* out) {
  int value = 0;
  if (threadIdx.x % 2 == 0) {
    value = __shfl_sync(0x55555555u, 5, static_cast<int>(threadIdx.x % 32) + 1);
  }
  out[threadIdx.x] = value;
}

TEST_F(PlantedBugsTest, LanesOutsideOfTheMask) {
  std::vector<int> expected(128);
  for (int i = 0; i < 128; i += 2) expected[i] = 5;
  EXPECT_NE(Run(OutsideOfMask, kWordsShape, expected), "");
}

template <Bug kBug>
__global__ void DivergentBarrier(int* out) {
  if (threadIdx.x % 2 == 0 || kBug == Bug::kNone) {
    __syncthreads();
  } else if (kBug == Bug::kTwo) {
    __syncthreads();
  }
  __syncthreads();
  out[threadIdx.x] = static_cast<int>(threadIdx.x);
}

TEST_F(PlantedBugsTest, DivergentBarriers) {
  EXPECT_EQ(Run(DivergentBarrier<Bug::kNone>, kWordsShape, Iota(128)), "");
  const auto told = AllOf(HasSubstr("divergent barrier"),
                          HasSubstr("planted_bugs_test.cu.cc:"),
                          HasSubstr("kernel planted, block (0,0,0), thread ("));
  EXPECT_THAT(Run(DivergentBarrier<Bug::kOne>, kWordsShape, Iota(128)), told);
  EXPECT_THAT(Run(DivergentBarrier<Bug::kTwo>, kWordsShape, Iota(128)), told);
}

enum Barriers : uint32_t { kFirst = 1, kSecond };

// Two warps wait for each other in different orders; or for one that returned.
template <Bug kBug>
__global__ void Deadlock(int* out) {
  const unsigned warp = threadIdx.x / 32;
  if (kBug == Bug::kTwo && warp == 3) return;
  if (warp == 0 || kBug != Bug::kOne) {
    BarSync(kFirst, 128);
    BarSync(kSecond, 128);
  } else {
    BarSync(kSecond, 128);
    BarSync(kFirst, 128);
  }
  out[threadIdx.x] = static_cast<int>(threadIdx.x);
}

TEST_F(PlantedBugsTest, Deadlocks) {
  EXPECT_EQ(Run(Deadlock<Bug::kNone>, kWordsShape, Iota(128)), "");
  EXPECT_THAT(Run(Deadlock<Bug::kOne>, kWordsShape, Iota(128)),
              AllOf(HasSubstr("deadlock"),
                    HasSubstr("block (0,0,0) warp 0: 32 wait for bar.sync at "
                              "testing/emulator/planted_bugs_test.cu.cc:")));
  EXPECT_THAT(
      Run(Deadlock<Bug::kTwo>, kWordsShape, Iota(128)),
      AllOf(HasSubstr("deadlock"), HasSubstr("warp 3: 32 have returned")));
}

__global__ void CountsDiffer(int* out) {
  BarSync(kFirst, threadIdx.x < 64 ? 128 : 64);
  out[threadIdx.x] = 0;
}

TEST_F(PlantedBugsTest, CountsOfANamedBarrierDiffer) {
  EXPECT_THAT(Run(CountsDiffer, kWordsShape, std::vector<int>(128)),
              AnyOf(HasSubstr("for 64 threads, but others arrived for 128"),
                    HasSubstr("for 128 threads, but others arrived for 64")));
}

// Stores to `out` and to shared memory, at these indices.
__global__ void StoreAt(int* out, int global, int shared) {
  auto& words = SharedMemory<Words>().words;
  words[0] = 0;
  (&words[0])[shared] = 7;
  out[global] = 7;
}

TEST_F(PlantedBugsTest, StoresOutsideOfMemory) {
  const std::vector<int> any(4);
  for (const int at : {4, -1, 5, 1000, 5000, -2000}) {
    EXPECT_THAT(Run(StoreAt, kWordsShape, any, at, 0),
                HasSubstr("device memory"))
        << at;
  }
  for (const int at : {128, -1, 1000, 5000, -2000}) {
    EXPECT_THAT(Run(StoreAt, kWordsShape, any, 0, at),
                HasSubstr("shared memory"))
        << at;
  }
}

__global__ void LoadAt(int* out, int at) { out[0] = out[at]; }

TEST_F(PlantedBugsTest, LoadsOutsideOfMemory) {
  EXPECT_THAT(Run(LoadAt, kWordsShape, {0}, 2000), HasSubstr("device memory"));
}

__global__ void NotWritten(int* out) {
  if (threadIdx.x != 5) out[threadIdx.x] = 0;
}

TEST_F(PlantedBugsTest, ElementsThatAreNotWritten) {
  EXPECT_NE(Run(NotWritten, kWordsShape, std::vector<int>(128)), "");
}

__global__ void Misaligned(int* out) {
  *out = static_cast<int>(__ldg(reinterpret_cast<const int2*>(out + 1)).x);
}

__global__ void MisalignedVector(int* out, int offset) {
  const int4 v = *reinterpret_cast<const int4*>(out + offset);
  *out = v.x + v.w;
}

struct TwoArrays {
  int first[32];
  int second[32];
};

// In memory of the block, but not in the array.
__global__ void BeyondTheArray(int* out, int at) {
  auto& shared = SharedMemory<TwoArrays>();
  shared.second[0] = 0;
  shared.first[at] = 1;
  *out = shared.second[0];
}

TEST_F(PlantedBugsTest, UndefinedBehaviour) {
  EXPECT_THAT(Run(MisalignedVector, kWordsShape, std::vector<int>(8), 1),
              HasSubstr("undefined behaviour"));
  EXPECT_THAT(Run(BeyondTheArray, kWordsShape, {0}, 32),
              HasSubstr("undefined behaviour"));
}

TEST_F(PlantedBugsTest, MisalignedLoads) {
  EXPECT_THAT(Run(Misaligned, kWordsShape, {0, 0, 0}),
              HasSubstr("__ldg() of 8 bytes"));
}

__global__ void Active(int* out) { *out = static_cast<int>(__activemask()); }

TEST_F(PlantedBugsTest, WhatIsNotModelledIsRefused) {
  EXPECT_THAT(Run(Active, kWordsShape, {0}), HasSubstr("__activemask()"));
}

// A ring of two slots: a missing wait for data, slots that are released too
// early, a wrong parity, a wrong count.
enum class RingBug { kNone, kNoWait, kEarlyRelease, kParity, kCount };

struct RingStorage {
  Mbarrier full[2];
  Mbarrier empty[2];
  alignas(16) int slot[2][64];
};

template <RingBug kBug>
__global__ void Ring(int* out, const int* in, int rounds) {
  auto& shared = SharedMemory<RingStorage>();
  if (threadIdx.x == 0) {
    for (int i = 0; i < 2; ++i) {
      MbarrierInit(shared.full[i], 64);
      MbarrierInit(shared.empty[i], kBug == RingBug::kCount ? 32 : 64);
    }
  }
  __syncthreads();
  const unsigned i = threadIdx.x % 64;
  for (int round = 0; round < rounds; ++round) {
    const int s = round % 2;
    const auto parity = static_cast<uint32_t>(round / 2 % 2);
    if (threadIdx.x < 64) {
      MbarrierWaitParity(shared.empty[s],
                         kBug == RingBug::kParity ? parity : parity ^ 1);
      CpAsync<4>(&shared.slot[s][i], &in[round * 64 + i]);
      CpAsyncMbarrierArriveNoinc(shared.full[s]);
    } else {
      if (kBug != RingBug::kNoWait) MbarrierWaitParity(shared.full[s], parity);
      if (kBug == RingBug::kEarlyRelease) MbarrierArrive(shared.empty[s]);
      if (kBug == RingBug::kEarlyRelease) __threadfence_block();
      out[round * 64 + i] = shared.slot[s][63 - i];
      if (kBug != RingBug::kEarlyRelease) MbarrierArrive(shared.empty[s]);
    }
  }
  if (threadIdx.x < 64) CpAsyncWaitAll();
}

TEST_F(PlantedBugsTest, RingOfSlots) {
  constexpr int kRounds = 8;
  const int* in = Upload(Iota(64 * kRounds));
  std::vector<int> expected;
  for (int i = 0; i < 64 * kRounds; ++i) {
    expected.push_back(i / 64 * 64 + 63 - i % 64);
  }
  const LaunchShape shape = {
      .kernel = "ring", .block = {128}, .shared_bytes = sizeof(RingStorage)};
  const auto run = [&](void (*kernel)(int*, const int*, int)) {
    return Run(kernel, shape, expected, in, kRounds);
  };
  EXPECT_EQ(run(Ring<RingBug::kNone>), "");
  EXPECT_NE(run(Ring<RingBug::kNoWait>), "");
  EXPECT_NE(run(Ring<RingBug::kEarlyRelease>), "");
  EXPECT_NE(run(Ring<RingBug::kParity>), "");
  EXPECT_THAT(run(Ring<RingBug::kCount>), Not(IsEmpty()));
}

enum class ObjectBug { kNotInitialized, kTwice, kTooMany, kOverwritten };

struct ObjectStorage {
  Mbarrier barrier;
};

template <ObjectBug kBug>
__global__ void Objects(int* out) {
  auto& barrier = SharedMemory<ObjectStorage>().barrier;
  if (kBug != ObjectBug::kNotInitialized) MbarrierInit(barrier, 2);
  if (kBug == ObjectBug::kTwice) MbarrierInit(barrier, 2);
  if (kBug == ObjectBug::kOverwritten) barrier.opaque = 1;
  MbarrierArrive(barrier);
  MbarrierExpectTx(barrier, 16);
  MbarrierArrive(barrier);
  MbarrierArrive(barrier);
  *out = 0;
}

TEST_F(PlantedBugsTest, UsesOfMbarriers) {
  const LaunchShape shape = {.kernel = "objects",
                             .shared_bytes = sizeof(ObjectStorage)};
  EXPECT_THAT(Run(Objects<ObjectBug::kNotInitialized>, shape, {0}),
              HasSubstr("no mbarrier was initialized"));
  EXPECT_THAT(Run(Objects<ObjectBug::kTwice>, shape, {0}),
              HasSubstr("was not invalidated"));
  EXPECT_THAT(Run(Objects<ObjectBug::kTooMany>, shape, {0}),
              HasSubstr("1 arrive, but phase 0 awaits 0 of 2"));
  EXPECT_THAT(Run(Objects<ObjectBug::kOverwritten>, shape, {0}),
              HasSubstr("was overwritten"));
}

// Thread 32 waits for an mbarrier that is invalidated, or two phases of which
// pass before it looks again: a wait for their parity does not see that.
template <Bug kBug>
__global__ void Waiting(int* out) {
  auto& barrier = SharedMemory<ObjectStorage>().barrier;
  if (threadIdx.x == 0) MbarrierInit(barrier, 1);
  __syncthreads();
  if (threadIdx.x == 32) MbarrierWaitParity(barrier, 0);
  if (threadIdx.x == 0) {
    auto& machine = emulator::ThisMachine(emulator::Site::current());
    const emulator::Thread& waiting = machine.block().threads[32];
    while (waiting.waits_for != std::string_view("mbarrier.try_wait.parity")) {
      machine.Yield();
    }
    if (kBug == Bug::kOne) {
      MbarrierInval(barrier);
    } else {
      MbarrierArrive(barrier);
    }
    if (kBug == Bug::kTwo) MbarrierArrive(barrier);
  }
  out[threadIdx.x] = 0;
}

TEST_F(PlantedBugsTest, MbarriersThatOthersWaitFor) {
  const LaunchShape shape = {.kernel = "waiting",
                             .block = {64},
                             .shared_bytes = sizeof(ObjectStorage)};
  const std::vector<int> zeros(64);
  EXPECT_EQ(Run(Waiting<Bug::kNone>, shape, zeros), "");
  EXPECT_THAT(Run(Waiting<Bug::kOne>, shape, zeros),
              HasSubstr("no mbarrier was initialized here, or it was inval"));
  EXPECT_THAT(Run(Waiting<Bug::kTwo>, shape, zeros), HasSubstr("deadlock"));
}

enum class PeerUse {
  kArriveCluster,
  kCompleteTx,
  kArrive,
  kExpectTx,
  kArriveExpectTx,
  kTestWait,
  kWait,
  kWaitCluster,
  kInval,
  kCopies,
  kCopiesNoinc,
};

// Uses the mbarrier of the other block.
template <PeerUse kUse>
__global__ void PeerMbarrier(int* out) {
  auto& own = SharedMemory<ObjectStorage>().barrier;
  MbarrierInit(own, 1);
  FenceMbarrierInit();
  ClusterSync();
  const uint32_t rank = ClusterRank() ^ 1;
  Mbarrier& other = *Mapa(&own, rank);
  if (kUse == PeerUse::kArriveCluster) MbarrierArriveCluster(own, rank);
  if (kUse == PeerUse::kCompleteTx) MbarrierCompleteTx(other, 16);
  if (kUse == PeerUse::kArrive) MbarrierArrive(other);
  if (kUse == PeerUse::kExpectTx) MbarrierExpectTx(other, 16);
  if (kUse == PeerUse::kArriveExpectTx) MbarrierArriveExpectTx(other, 16);
  if (kUse == PeerUse::kTestWait) MbarrierTestWaitParity(other, 1);
  if (kUse == PeerUse::kWait) MbarrierWaitParity(other, 1);
  if (kUse == PeerUse::kWaitCluster) MbarrierWaitParityCluster(other, 1);
  if (kUse == PeerUse::kInval) MbarrierInval(other);
  if (kUse == PeerUse::kCopies) CpAsyncMbarrierArrive(other);
  if (kUse == PeerUse::kCopiesNoinc) CpAsyncMbarrierArriveNoinc(other);
  CpAsyncWaitAll();
  ClusterSync();
  out[blockIdx.x] = 0;
}

TEST_F(PlantedBugsTest, MbarriersOfOtherBlocks) {
  const LaunchShape shape = {.kernel = "peer",
                             .grid = {2},
                             .cluster = {2},
                             .shared_bytes = sizeof(ObjectStorage)};
  const auto run = [&](void (*kernel)(int*)) {
    return Run(kernel, shape, {0, 0});
  };
  EXPECT_EQ(run(PeerMbarrier<PeerUse::kArriveCluster>), "");
  EXPECT_EQ(run(PeerMbarrier<PeerUse::kCompleteTx>), "");
  for (const auto kernel :
       {PeerMbarrier<PeerUse::kArrive>, PeerMbarrier<PeerUse::kExpectTx>,
        PeerMbarrier<PeerUse::kArriveExpectTx>,
        PeerMbarrier<PeerUse::kTestWait>, PeerMbarrier<PeerUse::kWait>,
        PeerMbarrier<PeerUse::kWaitCluster>, PeerMbarrier<PeerUse::kInval>,
        PeerMbarrier<PeerUse::kCopies>, PeerMbarrier<PeerUse::kCopiesNoinc>}) {
    EXPECT_THAT(run(kernel), HasSubstr("on the mbarrier of another block"));
  }
}

// Operations each of which comes after the one before, as wgmma do. What is
// complete is not kept: `first_is_gone` is told so.
__global__ void Chain(int* first_is_gone) {
  const auto site = emulator::Site::current();
  std::weak_ptr<emulator::AsyncState> first;
  emulator::AsyncHandle last;
  for (int i = 0; i < 10; ++i) {
    emulator::AsyncOperation operation;
    operation.name = "a link";
    operation.kind = emulator::AsyncKind::kWgmma;
    operation.grouped = false;
    operation.steps.push_back([] {});
    if (last != nullptr) operation.after.push_back(last);
    last = emulator::IssueAsync(operation, site);
    if (i == 0) first = last;
  }
  emulator::WaitAsyncAll(emulator::AsyncKind::kWgmma, "the chain", site);
  // The thread forgets what is complete where it issues something.
  emulator::AsyncOperation operation;
  operation.kind = emulator::AsyncKind::kWgmma;
  operation.grouped = false;
  emulator::IssueAsync(operation, site);
  *first_is_gone = first.expired() ? 1 : 0;
}

TEST_F(PlantedBugsTest, CompleteOperationsAreForgotten) {
  EXPECT_EQ(Run(Chain, {.kernel = "chain"}, {1}), "");
}

template <Bug kBug>
__global__ void MissingWaitForCopies(int* out, const int* in) {
  auto& shared = SharedMemory<Words>();
  CpAsync<4>(&shared.words[threadIdx.x], &in[threadIdx.x]);
  CpAsyncCommitGroup();
  // One group may be under way: there is just one.
  if (kBug == Bug::kNone) CpAsyncWaitGroup<0>();
  if (kBug == Bug::kOne) CpAsyncWaitGroup<1>();
  __syncthreads();
  out[threadIdx.x] = shared.words[threadIdx.x];
  CpAsyncWaitAll();
}

TEST_F(PlantedBugsTest, MissingWaitForCopies) {
  const int* in = Upload(Iota(128));
  EXPECT_EQ(Run(MissingWaitForCopies<Bug::kNone>, kWordsShape, Iota(128), in),
            "");
  EXPECT_NE(Run(MissingWaitForCopies<Bug::kOne>, kWordsShape, Iota(128), in),
            "");
}

// What the async proxy reads, without any instruction that does.
void StoreByAsyncProxy(const Words& shared, int* out) {
  const auto site = emulator::Site::current();
  emulator::Block& block = emulator::ThisMachine(site).block();
  emulator::AsyncOperation operation;
  operation.name = "a store";
  operation.kind = emulator::AsyncKind::kBulk;
  operation.steps.push_back([&shared, &block, out, site] {
    emulator::CheckAsyncRead(block, &shared, sizeof(shared), "reading", site);
    for (int i = 0; i < 128; ++i) out[i] = shared.words[i];
  });
  emulator::IssueAsync(operation, site);
  emulator::WaitAsyncAll(emulator::AsyncKind::kBulk, "the store", site);
}

template <Bug kBug>
__global__ void ProxyFence(int* out) {
  auto& shared = SharedMemory<Words>();
  if (kBug == Bug::kTwo) FenceProxyAsync();
  shared.words[threadIdx.x] = static_cast<int>(threadIdx.x);
  if (kBug == Bug::kNone) FenceProxyAsync();
  __syncthreads();
  if (threadIdx.x == 0) StoreByAsyncProxy(shared, out);
}

// The same of what the other block of the cluster has stored.
template <Bug kBug>
__global__ void ProxyFenceOfOtherBlock(int* out) {
  auto& shared = SharedMemory<Words>();
  ClusterSync();
  *Mapa(&shared.words[threadIdx.x], ClusterRank() ^ 1) =
      static_cast<int>(threadIdx.x);
  if (kBug == Bug::kNone) FenceProxyAsync();
  if (kBug == Bug::kOne) FenceProxyAsyncShared();
  ClusterSync();
  if (threadIdx.x == 0) StoreByAsyncProxy(shared, out + blockIdx.x * 128);
}

TEST_F(PlantedBugsTest, MissingFenceOfTheAsyncProxy) {
  EXPECT_EQ(Run(ProxyFence<Bug::kNone>, kWordsShape, Iota(128)), "");
  const auto told = HasSubstr("stored without a fence.proxy.async after it");
  EXPECT_THAT(Run(ProxyFence<Bug::kOne>, kWordsShape, Iota(128)), told);
  EXPECT_THAT(Run(ProxyFence<Bug::kTwo>, kWordsShape, Iota(128)), told);
  std::vector<int> expected;
  for (int i = 0; i < 256; ++i) expected.push_back(i % 128);
  LaunchShape shape = kWordsShape;
  shape.grid = {2};
  shape.cluster = {2};
  EXPECT_EQ(Run(ProxyFenceOfOtherBlock<Bug::kNone>, shape, expected), "");
  EXPECT_THAT(Run(ProxyFenceOfOtherBlock<Bug::kOne>, shape, expected), told);
}

// A block that returns while others use its memory; one that is told of too
// early; an mbarrier that the cluster does not know of.
template <Bug kBug>
__global__ void Neighbours(int* out) {
  auto& shared = SharedMemory<Words>();
  const int i = static_cast<int>(threadIdx.x);
  shared.words[i] = i;
  if (kBug != Bug::kOne) ClusterSync();
  const int* there = Mapa(&shared.words[0], ClusterRank() ^ 1);
  out[blockIdx.x * 128 + threadIdx.x] = there[i];
  if (kBug != Bug::kTwo) ClusterSync();
}

TEST_F(PlantedBugsTest, MemoryOfOtherBlocks) {
  std::vector<int> expected;
  for (int i = 0; i < 256; ++i) expected.push_back(i % 128);
  LaunchShape shape = kWordsShape;
  shape.grid = {2};
  shape.cluster = {2};
  EXPECT_EQ(Run(Neighbours<Bug::kNone>, shape, expected), "");
  EXPECT_NE(Run(Neighbours<Bug::kOne>, shape, expected), "");
  EXPECT_THAT(Run(Neighbours<Bug::kTwo>, shape, expected),
              HasSubstr("which has returned"));
}

// Looks whether a phase is complete, instead of waiting: allowed, but for one
// that never completes. A lock, taken where a thread should only look: allowed
// too, since nobody waits in it.
template <Bug kBug>
__global__ void Looking(int* out, uint32_t* lock) {
  auto& barrier = SharedMemory<ObjectStorage>().barrier;
  if (threadIdx.x == 0) MbarrierInit(barrier, 1);
  __syncthreads();
  if (threadIdx.x == 1 && kBug == Bug::kNone) MbarrierArrive(barrier);
  while (!MbarrierTestWaitParity(barrier, 0)) {
  }
  SpinUntil([&] { return atomicCAS(lock, 0u, 1u) == 0; }, "the lock", 1);
  const int before = out[0];
  __threadfence();  // Others run.
  out[0] = before + 1;
  StoreRelease(lock, 0);
}

TEST_F(PlantedBugsTest, Looking) {
  const LaunchShape shape = {.kernel = "looking",
                             .block = {64},
                             .shared_bytes = sizeof(ObjectStorage)};
  uint32_t* lock = Upload(std::vector<uint32_t>{0});
  int* sum = Upload(std::vector<int>{0});
  const auto launch = [&](void (*kernel)(int*, uint32_t*)) {
    return Launch(kernel, shape, context(), sum, lock);
  };
  int runs = 0;
  ForEachSchedule([&] {
    ++runs;
    const absl::Status status = launch(Looking<Bug::kNone>);
    ASSERT_TRUE(status.ok()) << status;
  });
  EXPECT_EQ(Download(sum, 1)[0], 64 * runs);
  EXPECT_THAT(launch(Looking<Bug::kOne>).message(),
              HasSubstr("has been looked at in vain"));
}

__global__ void NotCoResident(int* out, uint32_t* state) {
  GridSync(state);
  *out = 0;
}

TEST_F(PlantedBugsTest, GridBarrierWithoutCoResidence) {
  EXPECT_THAT(Run(NotCoResident, {.kernel = "grid", .grid = {8}}, {0},
                  Upload(std::vector<uint32_t>{0})),
              HasSubstr("not co_resident"));
}

}  // namespace
}  // namespace tilework
