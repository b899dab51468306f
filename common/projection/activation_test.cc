// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/projection/activation.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/projection/activation_testing.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

class ActivationTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(ActivationTest);

// The largest error, relative to the bound, of activation(x).
double WorstRatio(const Activation& activation, const std::vector<float>& x) {
  std::vector<float> y = x;
  ActivateOnTarget(activation, std::ssize(y), y.data());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double reference = ActivationOracle(activation, x[i]);
    worst = std::max(worst,
                     ActivationErrorRatio(activation, x[i], reference, y[i]));
  }
  return worst;
}

// All numbers of a type of 16 bits, infinities and NaNs among them.
template <typename T>
std::vector<float> All() {
  std::vector<float> values;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    values.push_back(
        static_cast<float>(T::FromBits(static_cast<uint16_t>(bits))));
  }
  return values;
}

// One of `step` f32, of all kinds.
std::vector<float> Sample(uint64_t step) {
  std::vector<float> values;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += step) {
    values.push_back(std::bit_cast<float>(static_cast<uint32_t>(bits)));
  }
  return values;
}

// From -limit to limit, evenly.
std::vector<float> Grid(float limit) {
  constexpr int kSteps = 100003;
  std::vector<float> values;
  for (int i = -kSteps; i <= kSteps; ++i) {
    values.push_back(limit * (static_cast<float>(i) / kSteps));
  }
  return values;
}

TEST_P(ActivationTest, EveryNumberOf16Bits) {
  const std::vector<float> bf16 = All<BFloat16>();
  const std::vector<float> f16 = All<Float16>();
  for (const ActFnType type : kAllActivations) {
    SCOPED_TRACE(static_cast<int>(type));
    EXPECT_LE(WorstRatio(type, bf16), 1);
    EXPECT_LE(WorstRatio(type, f16), 1);
  }
}

TEST_P(ActivationTest, SamplesOfF32) {
  const std::vector<float> all = Sample(10007);
  const std::vector<float> near = Grid(10);
  for (const ActFnType type : kAllActivations) {
    SCOPED_TRACE(static_cast<int>(type));
    EXPECT_LE(WorstRatio(type, all), 1);
    EXPECT_LE(WorstRatio(type, near), 1);
  }
}

TEST_P(ActivationTest, AnyFactorInsideSigma) {
  const std::vector<float> all = Sample(100003);
  for (const ActFnType type : {ActFnType::kSiLU, ActFnType::kSwish}) {
    for (const float factor :
         {1.0f, 1.702f, -1.702f, 1e-3f, 0.37f, 12.0f, 1e4f}) {
      SCOPED_TRACE(testing::Message()
                   << static_cast<int>(type) << " factor " << factor);
      const Activation activation(type, factor);
      EXPECT_LE(WorstRatio(activation, all), 1);
      EXPECT_LE(WorstRatio(activation, Grid(10 / std::abs(factor))), 1);
    }
    // x / 2, without infinity times 0.
    EXPECT_LE(WorstRatio(Activation(type, 0.0f), Grid(3e38f)), 1);
  }
}

TEST_P(ActivationTest, ValuesThatAnyoneKnows) {
  const auto of = [](ActFnType type, float x) {
    ActivateOnTarget(type, 1, &x);
    return x;
  };
  EXPECT_EQ(of(ActFnType::kNone, -3.5f), -3.5f);
  EXPECT_NEAR(of(ActFnType::kSiLU, 1.0f), 0.731058579, 1e-6);
  EXPECT_NEAR(of(ActFnType::kGELU, 1.0f), 0.841344746, 1e-6);
  EXPECT_NEAR(of(ActFnType::kGELU, -1.0f), -0.158655254, 1e-6);
  EXPECT_NEAR(of(ActFnType::kGELUTanhApprox, 1.0f), 0.841191991, 1e-6);
  EXPECT_NEAR(of(ActFnType::kSwish, 1.0f), 0.845795765, 1e-6);
  EXPECT_EQ(of(ActFnType::kReLU, -2.0f), 0.0f);
  EXPECT_EQ(of(ActFnType::kReLU2, -2.0f), 0.0f);
  EXPECT_EQ(of(ActFnType::kReLU2, 3.0f), 9.0f);
  EXPECT_NEAR(of(ActFnType::kSigmoid, 1.0f), 0.731058579, 1e-6);
  EXPECT_NEAR(of(ActFnType::kTanh, 1.0f), 0.761594156, 1e-6);
  for (const ActFnType type : kAllActivations) {
    SCOPED_TRACE(static_cast<int>(type));
    const bool bounded =
        type == ActFnType::kSigmoid || type == ActFnType::kTanh;
    EXPECT_EQ(of(type, kInfinity), bounded ? 1.0f : kInfinity);
    EXPECT_EQ(of(type, 0.0f), type == ActFnType::kSigmoid ? 0.5f : 0.0f);
    EXPECT_TRUE(std::isnan(of(type, kNaN)));
    EXPECT_TRUE(std::isnan(of(type, -kNaN)));
  }
}

TEST_P(ActivationTest, LanesDoNotMixAndNothingBeyondIsTouched) {
  for (const ActFnType type : kAllActivations) {
    for (const int64_t size : InterestingSizes(70)) {
      GuardedTensor row(DType::kF32, {size}, Layout::kUnaligned);
      std::vector<float> expected;
      for (int64_t i = 0; i < size; ++i) {
        const float x = i % 7 == 3 ? kNaN : 0.5f * static_cast<float>(i - 20);
        Write(row, {i}, x);
        expected.push_back(x);
        ActivateOnTarget(type, 1, &expected.back());
      }
      ActivateOnTarget(type, size, row.view().data<float>());
      EXPECT_TRUE(row.Intact());
      for (int64_t i = 0; i < size; ++i) {
        const float y = static_cast<float>(Read(row, {i}));
        const float alone = expected[static_cast<size_t>(i)];
        EXPECT_TRUE(y == alone || (std::isnan(y) && std::isnan(alone)))
            << static_cast<int>(type) << " " << size << " " << i;
      }
    }
  }
}

// What tests of kernels rely on.
TEST(ActivationSlopeTest, IsNotExceeded) {
  for (const ActFnType type : kAllActivations) {
    for (double x = -8; x < 8; x += 0x1p-6) {
      for (const double error : {0x1p-10, 0.25}) {
        const double change = std::abs(ActivationOracle(type, x + error) -
                                       ActivationOracle(type, x));
        EXPECT_LE(change, ActivationSlope(type, x, error) * error + 1e-12)
            << static_cast<int>(type) << " " << x;
      }
    }
  }
}

}  // namespace
}  // namespace tilework
