// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/simd_targets.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gtest/gtest.h"
#include "hwy/highway.h"
#include "hwy/targets.h"

namespace tilework {
namespace {

void DispatchTo(int64_t target) {
  hwy::SetSupportedTargetsForTest(target);
  hwy::GetChosenTarget().DeInit();
}

void DispatchToAny() {
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().DeInit();
}

}  // namespace

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

void ForEachSimdTarget(absl::FunctionRef<void(int64_t target)> f) {
  for (const int64_t target : TestableSimdTargets()) {
    DispatchTo(target);
    f(target);
  }
  DispatchToAny();
}

void SimdTargetTest::SetUp() { DispatchTo(GetParam()); }

void SimdTargetTest::TearDown() {
  const bool dispatched = hwy::GetChosenTarget().IsInitialized();
  DispatchToAny();
  if (dispatch_needed_ && !IsSkipped()) {
    EXPECT_TRUE(dispatched) << "the test called no SIMD function";
  }
}

}  // namespace tilework
