// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the emulator says to wgmma that is wrong, or what comes out.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/fence.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/setmaxnreg.h"
#include "tilework/common/device/shared_address.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/wgmma.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tiling/matrix_descriptor.h"
#include "tilework/common/tiling/operand_layout.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/emulator/conformance/device_case.h"

namespace tilework {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kN = 16;
constexpr OperandLayout kA = {.mn = 64, .k = 64};
constexpr OperandLayout kB = {.mn = kN, .k = 64};

struct Storage {
  alignas(1024) BFloat16 a[64 * 64];
  alignas(1024) BFloat16 b[kN * 64];
};

enum class Misuse {
  kNone,
  kReservedBits,
  kBaseOffset,
  kMidPattern,
  kOutside,
  kNoProxyFence,
  kNoBarrier,
  kNoFence,
  kNoFenceOfA,
  kChangedSize,
  kWrittenEarly,
  kReadEarly,
  kNotWaitedFor,
  kNotCommitted,
  kNotNamed,
  kLanesDiffer,
  kWarpsDiffer,
  kOneWarp,
  kHalfWarp,
  kOverwrittenEarly,
};

template <Misuse kMisuse>
__device__ uint64_t DescriptorOfA() {
  const uint32_t address = SharedAddress(SharedMemory<Storage>().a);
  const uint64_t good = kA.Descriptor(address);
  switch (kMisuse) {
    case Misuse::kReservedBits:
      return good | uint64_t{1} << 47;
    case Misuse::kBaseOffset:
      return good | EncodeMatrixDescriptor({.base_offset = 3});
    case Misuse::kMidPattern:
      return AdvanceMatrixDescriptor(good, 128);
    case Misuse::kOutside:
      return kA.Descriptor(address + 8 * 1024);
    case Misuse::kLanesDiffer:
      return threadIdx.x % 32 == 5 ? AdvanceMatrixDescriptor(good, 32) : good;
    case Misuse::kWarpsDiffer:
      return threadIdx.x / 32 == 2 ? AdvanceMatrixDescriptor(good, 32) : good;
    default:
      return good;
  }
}

// All ones, but that warp w has written rows 16 w on of A.
template <Misuse kMisuse>
__device__ void FillOperands() {
  Storage& shared = SharedMemory<Storage>();
  for (uint32_t i = 0; i < 64 * 64 / 128; ++i) {
    shared.a[threadIdx.x * 32 + i] = BFloat16(1.0f);
  }
  for (uint32_t i = threadIdx.x; i < kN * 64; i += 128) {
    shared.b[i] = BFloat16(1.0f);
  }
  if (kMisuse != Misuse::kNoProxyFence) FenceProxyAsync();
  if (kMisuse != Misuse::kNoBarrier) __syncthreads();
}

template <Misuse kMisuse>
__global__ void MisuseKernel(float* out) {
  Storage& shared = SharedMemory<Storage>();
  FillOperands<kMisuse>();
  if (kMisuse == Misuse::kOneWarp && threadIdx.x >= 32) return;
  if (kMisuse == Misuse::kHalfWarp && threadIdx.x % 32 >= 16) return;
  const uint64_t a = DescriptorOfA<kMisuse>();
  const uint64_t b = kB.Descriptor(SharedAddress(shared.b));
  float d[kN / 2] = {};
  if (kMisuse != Misuse::kNoFence && kMisuse != Misuse::kNoFenceOfA) {
    WgmmaFence();
  }
  if constexpr (kMisuse == Misuse::kNoFenceOfA) {
    const uint32_t ones[4] = {0x3F803F80, 0x3F803F80, 0x3F803F80, 0x3F803F80};
    WgmmaMmaAsync<BFloat16, BFloat16>(d, ones, b, false);
  } else {
    WgmmaMmaAsync<BFloat16, BFloat16>(d, a, b, false);
  }
  if constexpr (kMisuse == Misuse::kChangedSize) {
    WgmmaMmaAsync<BFloat16, BFloat16>(reinterpret_cast<float(&)[4]>(d), a, b,
                                      true);
  }
  if (kMisuse == Misuse::kWrittenEarly) d[3] = 1;
  if (kMisuse != Misuse::kNotCommitted) WgmmaCommitGroup();
  if (kMisuse == Misuse::kReadEarly) out[0] = d[0];
  if (kMisuse == Misuse::kOverwrittenEarly) {
    shared.a[threadIdx.x * 32] = BFloat16(2.0f);
    FenceProxyAsync();
  }
  if (kMisuse == Misuse::kNotWaitedFor) {
    WgmmaWaitGroup<1>(d);
  } else if (kMisuse == Misuse::kNotNamed) {
    WgmmaWaitGroup<0>();
  } else {
    WgmmaWaitGroup<0>(d);
  }
  if (kMisuse != Misuse::kReadEarly) {
    for (int i = 0; i < kN / 2; ++i) out[threadIdx.x * kN / 2 + i] = d[i];
  }
}

class WgmmaMisuseTest : public Emulated<DeviceCase> {
 protected:
  template <Misuse kMisuse>
  absl::Status Run(uint32_t threads = 128) {
    out_ = Upload(Dims{64 * kN}, std::vector<float>(64 * kN));
    return Launch(MisuseKernel<kMisuse>,
                  {.kernel = "misuse",
                   .grid = {1},
                   .block = {threads},
                   .shared_bytes = sizeof(Storage)},
                  context(), out_.data<float>());
  }

  bool Right() {
    return Download<float>(out_) == std::vector<float>(64 * kN, 16.0f);
  }

  template <Misuse kMisuse>
  void Expect(const std::string& message) {
    ForEachSchedule([&] {
      const absl::Status status = Run<kMisuse>();
      EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << message;
      EXPECT_THAT(std::string(status.message()), HasSubstr(message));
    });
  }

  // Not all runs are right, by result or status.
  template <Misuse kMisuse>
  void ExpectFound() {
    int found = 0;
    ForEachSchedule([&] { found += !Run<kMisuse>().ok() || !Right(); });
    EXPECT_GT(found, 0);
  }

  Tensor out_;
};

TEST_F(WgmmaMisuseTest, NothingIsSaidOfGoodUse) {
  ForEachSchedule([&] {
    const absl::Status status = Run<Misuse::kNone>();
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Right());
  });
}

TEST_F(WgmmaMisuseTest, Descriptors) {
  Expect<Misuse::kReservedBits>("bits 0x800000000000 of descriptor");
  Expect<Misuse::kBaseOffset>("base offset 3 of descriptor");
  Expect<Misuse::kMidPattern>("is in line 1 of the pattern of 1024 bytes");
  Expect<Misuse::kOutside>("are not in the 10240 bytes of shared memory");
}

TEST_F(WgmmaMisuseTest, SharedMemory) {
  Expect<Misuse::kNoProxyFence>("was stored without a fence.proxy.async");
  ExpectFound<Misuse::kNoBarrier>();
  ExpectFound<Misuse::kOverwrittenEarly>();
}

TEST_F(WgmmaMisuseTest, Registers) {
  Expect<Misuse::kNoFence>("no wgmma.fence since its accumulator was written");
  Expect<Misuse::kNoFenceOfA>(
      "no wgmma.fence since its registers of A were written");
  Expect<Misuse::kChangedSize>("N is 8, but the instruction on the same");
  Expect<Misuse::kWrittenEarly>("was written before the wait for it");
}

TEST_F(WgmmaMisuseTest, AccumulatorsArePoisonUntilTheWait) {
  ForEachSchedule([&] {
    const absl::Status status = Run<Misuse::kReadEarly>();
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(std::isnan(Download<float>(out_)[0]));
  });
}

TEST_F(WgmmaMisuseTest, Groups) {
  Expect<Misuse::kNotWaitedFor>("which it does not wait for");
  Expect<Misuse::kNotCommitted>("which is in no committed group");
  Expect<Misuse::kNotNamed>(
      "the block ends, but no wgmma.wait_group has named the results");
}

TEST_F(WgmmaMisuseTest, Convergence) {
  Expect<Misuse::kLanesDiffer>("lanes 0 and 5 have different descriptors");
  Expect<Misuse::kWarpsDiffer>("another warp of its warpgroup has executed");
  Expect<Misuse::kOneWarp>("different numbers of wgmma instructions");
  Expect<Misuse::kHalfWarp>("by lanes 0000ffff of a warp, not by all");
  const std::string message(Run<Misuse::kNone>(96).message());
  EXPECT_THAT(message, HasSubstr("which are no warpgroup"));
}

enum class Registers {
  kGood,
  kNoDec,
  kTooMany,
  kWarpsDiffer,
  kNotTogether,
  kHalfWarp,
};

// One warpgroup gives registers to the other two.
template <Registers kRegisters>
__global__ void RegistersKernel() {
  if (threadIdx.x >= 256) {
    if (kRegisters == Registers::kWarpsDiffer && threadIdx.x < 288) {
      return SetmaxnregDec<40>();
    }
    if (kRegisters == Registers::kHalfWarp && threadIdx.x % 32 < 16) return;
    if (kRegisters == Registers::kTooMany) return SetmaxnregDec<32>();
    if (kRegisters != Registers::kNoDec) SetmaxnregDec<24>();
    if (kRegisters == Registers::kNotTogether) SetmaxnregDec<24>();
  } else {
    SetmaxnregInc<240>();
  }
}

TEST_F(WgmmaMisuseTest, Setmaxnreg) {
  // The first fault of all schedules.
  const auto run = [&](void (*kernel)()) {
    std::string first;
    ForEachSchedule([&] {
      const absl::Status status =
          Launch(kernel, {.kernel = "registers", .block = {384}}, context());
      if (first.empty()) first = status.message();
    });
    return first;
  };
  EXPECT_EQ(run(RegistersKernel<Registers::kGood>), "");
  const auto hangs = AllOf(HasSubstr("deadlock"),
                           HasSubstr("1 wait for registers by setmaxnreg"));
  EXPECT_THAT(run(RegistersKernel<Registers::kNoDec>), hangs);
  EXPECT_THAT(run(RegistersKernel<Registers::kTooMany>), hangs);
  EXPECT_THAT(run(RegistersKernel<Registers::kWarpsDiffer>),
              HasSubstr("has executed it for another number of registers"));
  EXPECT_THAT(run(RegistersKernel<Registers::kNotTogether>),
              HasSubstr("has not yet executed the one before"));
  EXPECT_THAT(run(RegistersKernel<Registers::kHalfWarp>),
              HasSubstr("not by all lanes of a warp"));
}

}  // namespace
}  // namespace tilework
