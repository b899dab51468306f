// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Runs a test once on every SIMD target that was compiled and that this machine
// can execute:
//
//   class RopeTest : public SimdTargetTest {};
//   TILEWORK_SIMD_TARGETS(RopeTest);
//   TEST_P(RopeTest, MatchesTheOracle) { ... call the kernel ... }
//
// Link the kernel's `_all_targets` twin. A test that never dispatched to a SIMD
// function fails; one that need not (argument checks) calls NoDispatchNeeded().

#ifndef TILEWORK_TESTING_SIMD_TARGETS_H_
#define TILEWORK_TESTING_SIMD_TARGETS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gtest/gtest.h"

namespace tilework {

// Highway's bits of the targets to test, best first.
std::vector<int64_t> TestableSimdTargets();

std::string SimdTargetName(int64_t target);

// Calls f(target) for each of them, with dispatch going to it: for comparing
// targets with one another.
void ForEachSimdTarget(absl::FunctionRef<void(int64_t target)> f);

class SimdTargetTest : public testing::TestWithParam<int64_t> {
 protected:
  void SetUp() override;
  void TearDown() override;

  void NoDispatchNeeded() { dispatch_needed_ = false; }

 private:
  bool dispatch_needed_ = true;
};

#define TILEWORK_SIMD_TARGETS(Suite)                        \
  INSTANTIATE_TEST_SUITE_P(                                 \
      SimdTargets, Suite,                                   \
      testing::ValuesIn(::tilework::TestableSimdTargets()), \
      [](const testing::TestParamInfo<int64_t>& info) {     \
        return ::tilework::SimdTargetName(info.param);      \
      })

}  // namespace tilework

#endif  // TILEWORK_TESTING_SIMD_TARGETS_H_
