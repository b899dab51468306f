// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The matmul is right in all orders: run with many seeds.

#include "tilework/testing/emulator/conformance/tma_wgmma_matmul.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/emulator/conformance/matmul_case.h"

namespace tilework {
namespace {

class TmaWgmmaMatmulTest : public MatmulCase {};

// Tiles that are partly outside in each dimension.
TEST_F(TmaWgmmaMatmulTest, IsRight) {
  Make(72, 40, 296);
  ForEachSchedule([&] {
    ClearResult();
    const absl::Status status = Run<PlantedFault::kNone>();
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(ResultIsRight());
  });
}

}  // namespace
}  // namespace tilework
