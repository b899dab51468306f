// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the emulator says to copies that are wrong.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cluster.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/mbarrier.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_map.h"
#include "tilework/common/device/tma.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/swizzle.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/emulator/conformance/device_case.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

struct Storage {
  alignas(1024) uint8_t bytes[4096];
  Mbarrier barrier;
};

enum class Misuse {
  kSharedAddress,
  kGlobalAddress,
  kSize,
  kNoMap,
  kRank,
  kTensorAddress,
  kNarrowBox,
  kOtherBlocksBarrier,
  kNoInitFence,
  kBeyondShared,
  kNoStoreFence,
  kStoredBefore,
  kReadEarly,
  kBlockReturns,
  kNoSuchBlock,
};

template <Misuse kMisuse>
__global__ void MisuseKernel(const __grid_constant__ TensorMap map,
                             uint8_t* global) {
  Storage& shared = SharedMemory<Storage>();
  if (threadIdx.x == 0) {
    MbarrierInit(shared.barrier, 1);
    if (kMisuse != Misuse::kNoInitFence) FenceMbarrierInit();
  }
  if (kMisuse == Misuse::kNoStoreFence || kMisuse == Misuse::kStoredBefore) {
    shared.bytes[threadIdx.x] = static_cast<uint8_t>(global[0] + 1);
  }
  ClusterSync();
  Mbarrier& barrier = shared.barrier;
  if (threadIdx.x == 0) {
    MbarrierArriveExpectTx(barrier, 1024);
    if constexpr (kMisuse == Misuse::kSharedAddress) {
      CpAsyncBulkToShared(shared.bytes + 8, global, 1024, barrier);
    } else if constexpr (kMisuse == Misuse::kGlobalAddress) {
      CpAsyncBulkToShared(shared.bytes, global + 4, 1024, barrier);
    } else if constexpr (kMisuse == Misuse::kSize) {
      CpAsyncBulkToShared(shared.bytes, global, 1020, barrier);
    } else if constexpr (kMisuse == Misuse::kNoMap) {
      const TensorMap none = {};
      CpAsyncBulkTensorToShared(shared.bytes, none, {0, 0}, barrier);
    } else if constexpr (kMisuse == Misuse::kRank) {
      CpAsyncBulkTensorToShared(shared.bytes, map, {0, 0, 0}, barrier);
    } else if constexpr (kMisuse == Misuse::kTensorAddress) {
      CpAsyncBulkTensorToShared(shared.bytes + 64, map, {0, 0}, barrier);
    } else if constexpr (kMisuse == Misuse::kOtherBlocksBarrier) {
      CpAsyncBulkToShared(shared.bytes, global, 1024,
                          *Mapa(&barrier, ClusterRank() ^ 1));
    } else if constexpr (kMisuse == Misuse::kBeyondShared) {
      CpAsyncBulkToShared(shared.bytes + 4608, global, 1024, barrier);
    } else if constexpr (kMisuse == Misuse::kNoStoreFence) {
      CpAsyncBulkToGlobal(global, shared.bytes, 1024);
    } else if constexpr (kMisuse == Misuse::kNoSuchBlock) {
      CpAsyncBulkToSharedMulticast(shared.bytes, global, 1024, barrier, 0b111);
    } else if constexpr (kMisuse == Misuse::kNarrowBox ||
                         kMisuse == Misuse::kNoInitFence) {
      CpAsyncBulkTensorToShared(shared.bytes, map, {0, 0}, barrier);
    } else {
      CpAsyncBulkToShared(shared.bytes, global, 1024, barrier);
    }
  }
  if (kMisuse == Misuse::kBlockReturns) return;
  if (kMisuse != Misuse::kReadEarly) MbarrierWaitParity(barrier, 0);
  if (threadIdx.x == 0) global[blockIdx.x + 2048] = shared.bytes[1023];
  MbarrierWaitParity(barrier, 0);
  ClusterSync();
}

class TmaMisuseTest : public Emulated<DeviceCase> {
 protected:
  template <Misuse kMisuse>
  absl::Status Run() {
    global_ = Upload(Dims{64, 64}, std::vector<uint8_t>(4096, 5));
    TensorMapOptions options = {.box = {32, 32}};
    if (kMisuse == Misuse::kNarrowBox) options.swizzle = Swizzle::k128B;
    const auto map = MakeTensorMap(global_, options);
    if (!map.ok()) return map.status();
    return Launch(MisuseKernel<kMisuse>,
                  {.kernel = "misuse",
                   .grid = {2},
                   .block = {32},
                   .cluster = {2},
                   .shared_bytes = sizeof(Storage)},
                  context(), *map, global_.data<uint8_t>());
  }

  template <Misuse kMisuse>
  void Expect(const std::string& message) {
    ForEachSchedule([&] {
      const absl::Status status = Run<kMisuse>();
      EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
      EXPECT_THAT(std::string(status.message()), HasSubstr(message));
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr("tma_misuse_test.cu.cc:"));
    });
  }

  Tensor global_;
};

TEST_F(TmaMisuseTest, IsNamed) {
  Expect<Misuse::kSharedAddress>(
      "cp.async.bulk: the address in shared memory 0x408 is not a multiple of "
      "16");
  Expect<Misuse::kGlobalAddress>("4 is not a multiple of 16");
  Expect<Misuse::kSize>("the size 0x3fc is not a multiple of 16");
  Expect<Misuse::kNoMap>("this is no tensor map");
  Expect<Misuse::kRank>("3 coordinates for a tensor map of rank 2");
  Expect<Misuse::kTensorAddress>("0x440 is not a multiple of 128");
  Expect<Misuse::kNarrowBox>(
      "boxes of 32 bytes with a swizzle of 128B are not modelled");
  Expect<Misuse::kOtherBlocksBarrier>(
      "the mbarrier is in another block than the memory");
  Expect<Misuse::kNoInitFence>("was not followed by fence.mbarrier_init");
  Expect<Misuse::kBeyondShared>("1024 bytes that are not all in shared memory");
  Expect<Misuse::kNoStoreFence>("stored without a fence.proxy.async");
  Expect<Misuse::kStoredBefore>("stored without a fence.proxy.async");
  Expect<Misuse::kNoSuchBlock>("there is no block of rank 2");
}

// What is read before the wait is poison, or what had been there; found by
// comparison.
TEST_F(TmaMisuseTest, MemoryIsPoisonUntilItArrives) {
  int early = 0;
  ForEachSchedule([&] {
    const absl::Status status = Run<Misuse::kReadEarly>();
    ASSERT_TRUE(status.ok()) << status;
    early += Download<uint8_t>(global_)[2048] != 5;
  });
  EXPECT_GT(early, 0);
}

TEST_F(TmaMisuseTest, BlocksWaitForTheirCopies) {
  int refused = 0;
  ForEachSchedule([&] {
    const absl::Status status = Run<Misuse::kBlockReturns>();
    if (status.ok()) return;
    ++refused;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("was still using its shared memory"));
  });
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace tilework
