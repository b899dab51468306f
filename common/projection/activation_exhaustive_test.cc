// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Activations of all 2^32 f32. Takes about twenty minutes, so it only runs
// where it is asked for:
//   ./bazelw test //common/projection:activation_exhaustive_test

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/activation_testing.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/testing/simd_targets.h"

namespace tilework {
namespace {

class ActivationExhaustiveTest : public testing::TestWithParam<ActFnType> {};
INSTANTIATE_TEST_SUITE_P(Activations, ActivationExhaustiveTest,
                         testing::ValuesIn(kAllActivations),
                         [](const testing::TestParamInfo<ActFnType>& info) {
                           return "ActFnType" +
                                  std::to_string(static_cast<int>(info.param));
                         });

TEST_P(ActivationExhaustiveTest, EveryF32OnEveryTarget) {
  const Activation activation = GetParam();
  constexpr uint32_t kBlock = 1 << 16;
  std::vector<float> x(kBlock);
  std::vector<double> reference(kBlock);
  double worst = 0;
  for (uint64_t start = 0; start < uint64_t{1} << 32; start += kBlock) {
    for (uint32_t i = 0; i < kBlock; ++i) {
      x[i] = std::bit_cast<float>(static_cast<uint32_t>(start) + i);
      reference[i] = ActivationOracle(activation, x[i]);
    }
    ForEachSimdTarget([&](int64_t target) {
      std::vector<float> y = x;
      ActivateOnTarget(activation, kBlock, y.data());
      for (uint32_t i = 0; i < kBlock; ++i) {
        const double ratio =
            ActivationErrorRatio(activation, x[i], reference[i], y[i]);
        ASSERT_LE(ratio, 1) << SimdTargetName(target) << " " << x[i];
        worst = std::max(worst, ratio);
      }
    });
    ASSERT_FALSE(HasFatalFailure());
  }
  RecordProperty("worst_ratio", std::to_string(worst));
}

}  // namespace
}  // namespace tilework
