// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/simd_targets.h"

#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/highway.h"
#include "hwy/targets.h"

namespace tilework {

std::vector<int64_t> TestableSimdTargets() {
  // HWY_TARGETS is that of the `_all_targets` twins: this file is compiled with
  // the same options.
  const int64_t targets = hwy::SupportedTargets() & HWY_TARGETS;
  std::vector<int64_t> result;
  for (int bit = 0; bit < 63; ++bit) {
    const int64_t target = int64_t{1} << bit;
    if ((targets & target) != 0) result.push_back(target);
  }
  return result;
}

std::string SimdTargetName(int64_t target) { return hwy::TargetName(target); }

void SimdTargetTest::SetUp() {
  hwy::SetSupportedTargetsForTest(GetParam());
  hwy::GetChosenTarget().DeInit();
}

void SimdTargetTest::TearDown() {
  const bool dispatched = hwy::GetChosenTarget().IsInitialized();
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
  if (dispatch_needed_ && !IsSkipped()) {
    EXPECT_TRUE(dispatched) << "the test called no SIMD function";
  }
}

}  // namespace tilework
