// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Every fault planted in the matmul is found by some of the schedules that
// tests run by default. In the emulator alone: on a GPU they may go unnoticed,
// or hang.

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/emulator/conformance/matmul_case.h"
#include "tilework/testing/emulator/conformance/tma_wgmma_matmul.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

class TmaWgmmaPlantedTest : public Emulated<MatmulCase> {
 protected:
  // How a fault is seen.
  struct Found {
    int runs = 0;
    int wrong = 0;
    int refused = 0;
    std::string message;  // of the first that was refused
  };
  template <PlantedFault kFault>
  Found Look() {
    Found found;
    Make(64, 64, 320);
    ForEachSchedule([&] {
      ClearResult();
      const absl::Status status = Run<kFault>();
      ++found.runs;
      if (!status.ok()) {
        if (found.refused++ == 0) found.message = status.message();
      } else if (!ResultIsRight()) {
        ++found.wrong;
      }
    });
    return found;
  }

  // Some runs give a wrong result, or hang.
  template <PlantedFault kFault>
  void ExpectWrong() {
    const Found found = Look<kFault>();
    EXPECT_GT(found.wrong, 0);
    if (found.refused == 0) return;
    EXPECT_THAT(found.message, HasSubstr("deadlock"));
  }
  // Some runs are refused, and none gives a wrong result.
  template <PlantedFault kFault>
  void ExpectRefused(const std::string& message) {
    const Found found = Look<kFault>();
    EXPECT_GT(found.refused, 0);
    EXPECT_EQ(found.wrong, 0);
    EXPECT_THAT(found.message, HasSubstr(message));
  }
};

TEST_F(TmaWgmmaPlantedTest, NothingIsFoundInTheKernelItself) {
  const Found found = Look<PlantedFault::kNone>();
  EXPECT_EQ(found.refused + found.wrong, 0) << found.message;
}

TEST_F(TmaWgmmaPlantedTest, NoFullWait) {
  ExpectWrong<PlantedFault::kNoFullWait>();
}

TEST_F(TmaWgmmaPlantedTest, ReleasedEarly) {
  ExpectWrong<PlantedFault::kReleasedEarly>();
}

TEST_F(TmaWgmmaPlantedTest, NoWgmmaWait) {
  ExpectWrong<PlantedFault::kNoWgmmaWait>();
}

TEST_F(TmaWgmmaPlantedTest, WrongParity) {
  ExpectRefused<PlantedFault::kWrongParity>("deadlock");
}

TEST_F(TmaWgmmaPlantedTest, NoProxyFence) {
  ExpectRefused<PlantedFault::kNoProxyFence>(
      "was stored without a fence.proxy.async");
}

TEST_F(TmaWgmmaPlantedTest, WrongSwizzle) {
  ExpectWrong<PlantedFault::kWrongSwizzle>();
}

TEST_F(TmaWgmmaPlantedTest, WrongStride) {
  ExpectWrong<PlantedFault::kWrongStride>();
}

TEST_F(TmaWgmmaPlantedTest, TooFewBytes) {
  // What comes late is used too early, or counts for the next phase.
  const Found found = Look<PlantedFault::kTooFewBytes>();
  EXPECT_GT(found.refused + found.wrong, 0);
}

TEST_F(TmaWgmmaPlantedTest, TooManyBytes) {
  ExpectRefused<PlantedFault::kTooManyBytes>("and 16 bytes");
}

TEST_F(TmaWgmmaPlantedTest, NoWgmmaFence) {
  ExpectRefused<PlantedFault::kNoWgmmaFence>(
      "no wgmma.fence since its accumulator was written");
}

TEST_F(TmaWgmmaPlantedTest, NoCommit) {
  ExpectRefused<PlantedFault::kNoCommit>("is in no committed group");
}

TEST_F(TmaWgmmaPlantedTest, NoStoreWait) {
  ExpectRefused<PlantedFault::kNoStoreWait>(
      "was still using its shared memory");
}

}  // namespace
}  // namespace tilework
