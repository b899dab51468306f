// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// No bit depends on how quick threads are. On a GPU each wait, arrival and
// issue is delayed at random; in the emulator schedules do that.

#define TILEWORK_DEVICE_DELAYS

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/emulator/conformance/matmul_case.h"
#include "tilework/testing/emulator/conformance/tma_wgmma_matmul.h"

namespace tilework {
namespace {

class DelaysTest : public MatmulCase {};

TEST_F(DelaysTest, MatmulIsRight) {
  Make(136, 72, 552);
  const int runs = context().properties().emulated ? 1 : 200;
  for (int run = 0; run < runs && !HasFailure(); ++run) {
    ForEachSchedule([&] {
      ClearResult();
      const absl::Status status = Run<PlantedFault::kNone>();
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_TRUE(ResultIsRight()) << "run " << run;
    });
  }
}

}  // namespace
}  // namespace tilework
