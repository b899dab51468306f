// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/spin_policy.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace tilework {
namespace {

constexpr double kSeconds = 0.04;  // of a step

// Steps until the policy spins again, if spinning is disturbed.
int64_t Pause(SpinPolicy& policy, int64_t& preemptions) {
  preemptions += 3;
  int64_t steps = 0;
  while (!policy.Next(preemptions, kSeconds)) ++steps;
  return steps;
}

TEST(SpinPolicyTest, SpinsWhileUndisturbed) {
  int64_t preemptions = 1000;
  SpinPolicy policy(preemptions);
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(policy.Next(preemptions, kSeconds));
    ++preemptions;  // one a step is nothing
  }
}

TEST(SpinPolicyTest, PausesGrowUntilSpinningPays) {
  int64_t preemptions = 0;
  SpinPolicy policy(preemptions);
  for (const int64_t pause : {16, 32, 64, 128, 256, 512, 1024, 1024}) {
    EXPECT_EQ(Pause(policy, preemptions), pause);
  }
  EXPECT_TRUE(policy.Next(preemptions, kSeconds));
  EXPECT_EQ(Pause(policy, preemptions), 16);
}

TEST(SpinPolicyTest, LongStepsMayHaveMore) {
  SpinPolicy policy(0);
  EXPECT_TRUE(policy.Next(20, 1.0));
  EXPECT_FALSE(policy.Next(42, 1.0));
}

TEST(SpinPolicyTest, PreemptionsWhileSleepingDoNotCount) {
  int64_t preemptions = 0;
  SpinPolicy policy(preemptions);
  preemptions += 5;
  EXPECT_FALSE(policy.Next(preemptions, kSeconds));
  for (int i = 0; i < 15; ++i) {
    preemptions += 5;
    EXPECT_FALSE(policy.Next(preemptions, kSeconds));
  }
  preemptions += 5;
  EXPECT_TRUE(policy.Next(preemptions, kSeconds));
  EXPECT_TRUE(policy.Next(preemptions, kSeconds));
}

}  // namespace
}  // namespace tilework
