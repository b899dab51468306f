// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/norm_device_plan.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace tilework {
namespace {

std::string Plan(int64_t size) { return PlanNorm(size, true).ToString(); }

TEST(NormDevicePlan, HeadsShareAWarp) {
  EXPECT_EQ(Plan(64), "8 threads a row, 16 rows a block, 1 packs, 1 tiles");
  EXPECT_EQ(Plan(128), "16 threads a row, 8 rows a block, 1 packs, 1 tiles");
  EXPECT_EQ(Plan(1), "4 threads a row, 32 rows a block, 1 packs, 1 tiles");
}

TEST(NormDevicePlan, ShortRowsHaveAWarpEach) {
  EXPECT_EQ(Plan(256), "8 threads a row, 16 rows a block, 4 packs, 1 tiles");
  EXPECT_EQ(Plan(512), "16 threads a row, 8 rows a block, 4 packs, 1 tiles");
  EXPECT_EQ(Plan(1024), "32 threads a row, 4 rows a block, 4 packs, 1 tiles");
}

TEST(NormDevicePlan, LongRowsHaveABlockEachAndStayInRegisters) {
  EXPECT_EQ(Plan(2880), "96 threads a row, 1 rows a block, 4 packs, 1 tiles");
  EXPECT_EQ(Plan(4096), "128 threads a row, 1 rows a block, 4 packs, 1 tiles");
  EXPECT_EQ(Plan(16384), "512 threads a row, 1 rows a block, 4 packs, 1 tiles");
}

TEST(NormDevicePlan, LongerRowsAreReadAgain) {
  EXPECT_EQ(Plan(32768), "512 threads a row, 1 rows a block, 4 packs, 2 tiles");
  EXPECT_EQ(Plan(32776), "512 threads a row, 1 rows a block, 4 packs, 3 tiles");
}

TEST(NormDevicePlan, BackwardHoldsLess) {
  const auto plan = [](int64_t size) {
    return PlanNorm(size, true, kBackwardPacks).ToString();
  };
  EXPECT_EQ(plan(128), "16 threads a row, 8 rows a block, 1 packs, 1 tiles");
  EXPECT_EQ(plan(4096), "256 threads a row, 1 rows a block, 2 packs, 1 tiles");
  EXPECT_EQ(plan(8192), "512 threads a row, 1 rows a block, 2 packs, 1 tiles");
  EXPECT_EQ(plan(16384), "512 threads a row, 1 rows a block, 2 packs, 2 tiles");
}

TEST(NormDevicePlan, SlicesAreManyAndShort) {
  EXPECT_EQ(RowsPerSlice(1, 1), 1);
  EXPECT_EQ(RowsPerSlice(2048, 1), 8);
  EXPECT_EQ(RowsPerSlice(8192, 1), 32);
  EXPECT_EQ(RowsPerSlice(1 << 20, 1), 64);
  EXPECT_EQ(RowsPerSlice(2048, 16), 16);
}

TEST(NormDevicePlan, ThreadsDependOnTheSizeAlone) {
  for (int64_t size = 1; size < 70000; size += 1 + size / 9) {
    SCOPED_TRACE(size);
    const NormDevicePlan aligned = PlanNorm(size, true);
    const NormDevicePlan any = PlanNorm(size, false);
    EXPECT_EQ(aligned.threads_per_row, any.threads_per_row);
    EXPECT_EQ(any.packs_per_tile, 1);
    for (const NormDevicePlan& plan : {aligned, any}) {
      EXPECT_GE(plan.threads_per_row * plan.packs_per_tile * plan.tiles * 8,
                size);
      EXPECT_EQ(plan.threads() % 32, 0);
      EXPECT_LE(plan.threads(), 512);
    }
  }
}

}  // namespace
}  // namespace tilework
