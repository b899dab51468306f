// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

class MatmulMxfp8Test : public SimdTargetTest {
 protected:
  void ExpectAgreement(const MatmulMxfp8Args& args) {
    const std::vector<ExpectedTensor> expected = MatmulMxfp8Expected(args);
    const absl::Status status = MatmulMxfp8(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Agrees(expected));
  }

  HostContext context_{2};
  Random random_{1};
};
TILEWORK_SIMD_TARGETS(MatmulMxfp8Test);

TEST_P(MatmulMxfp8Test, QuantizesBothOperandsInEveryMode) {
  GuardedTensor lhs(DType::kBF16, {7, 70});
  GuardedTensor rhs(DType::kF32, {33, 70});
  GuardedTensor bias(DType::kF16, {33});
  GuardedTensor out(DType::kBF16, {7, 33});
  FillNormal(random_, lhs, 3);
  FillNormal(random_, rhs, 0.01);
  FillNormal(random_, bias);
  for (const DType type : {DType::kF8E4M3, DType::kF8E5M2}) {
    for (const MxScaleMode mode : {MxScaleMode::kFloor, MxScaleMode::kCeil,
                                   MxScaleMode::kEven, MxScaleMode::kRceil}) {
      ExpectAgreement({.lhs = lhs,
                       .rhs = rhs,
                       .bias = bias,
                       .out = out,
                       .float8_dtype = type,
                       .scale_mode = mode});
    }
  }
}

// Against float64 without quantization, on normal data.
TEST_P(MatmulMxfp8Test, StaysNearTheUnquantizedProduct) {
  GuardedTensor lhs(DType::kF32, {48, 256});
  GuardedTensor rhs(DType::kF32, {40, 256});
  GuardedTensor out(DType::kF32, {48, 40});
  FillNormal(random_, lhs);
  FillNormal(random_, rhs);
  const OracleProduct exact(OracleMatrix(lhs.view()),
                            Transposed(OracleMatrix(rhs.view())));
  for (const DType type : {DType::kF8E4M3, DType::kF8E5M2}) {
    const absl::Status status = MatmulMxfp8(
        {.lhs = lhs, .rhs = rhs, .out = out, .float8_dtype = type}, context_);
    ASSERT_TRUE(status.ok()) << status;
    const std::vector<double> values = ToDoubles(out);
    double error = 0, norm = 0, dot = 0, own = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double reference = exact.value.values[i];
      error += (values[i] - reference) * (values[i] - reference);
      norm += reference * reference;
      dot += values[i] * reference;
      own += values[i] * values[i];
    }
    EXPECT_LE(std::sqrt(error / norm), type == DType::kF8E4M3 ? 0.06 : 0.1);
    EXPECT_GE(dot / std::sqrt(norm * own), 0.995);
  }
}

// Rounding by chance is right on average, and reproducible.
TEST_P(MatmulMxfp8Test, RoundsByChance) {
  GuardedTensor lhs(DType::kF32, {64, 32});
  GuardedTensor rhs(DType::kF32, {1, 32});
  ForEachIndex(lhs.view().shape(), [&](const Dims& index) {
    // 1.3 lies between 1.25 and 1.5 of f8e5m2.
    Write(lhs, index, 1.3);
  });
  ForEachIndex(rhs.view().shape(),
               [&](const Dims& index) { Write(rhs, index, 1); });
  GuardedTensor state(DType::kI32, {6});
  for (int64_t i = 0; i < 6; ++i) *state.view().At<int32_t>(i) = 0;
  *state.view().At<int32_t>(0) = 42;
  GuardedTensor out(DType::kF32, {64, 1});
  const MatmulMxfp8Args args = {
      .lhs = lhs,
      .rhs = rhs,
      .rng_state = state,
      .out = out,
      .stochastic_rounding = MxStochasticRounding::kLhs};
  ExpectAgreement(args);
  const std::vector<double> first = ToDoubles(out);
  double mean = 0;
  for (const double value : first) mean += value / 64 / 32;
  EXPECT_NEAR(mean, 1.3, 0.01);
  ExpectAgreement(args);
  EXPECT_EQ(ToDoubles(out), first);
  *state.view().At<int32_t>(2) = 1;  // another stream
  ExpectAgreement(args);
  EXPECT_NE(ToDoubles(out), first);
}

TEST_P(MatmulMxfp8Test, ABlockWithANaNIsNaN) {
  GuardedTensor lhs(DType::kF32, {3, 64});
  GuardedTensor rhs(DType::kF32, {5, 64});
  GuardedTensor out(DType::kF32, {3, 5});
  FillNormal(random_, lhs);
  FillNormal(random_, rhs);
  Write(lhs, {1, 40}, std::numeric_limits<double>::infinity());
  ASSERT_TRUE(MatmulMxfp8({.lhs = lhs, .rhs = rhs, .out = out}, context_).ok());
  ForEachIndex(out.view().shape(), [&](const Dims& index) {
    EXPECT_EQ(std::isnan(Read(out, index)), index[0] == 1) << index.ToString();
  });
}

TEST_P(MatmulMxfp8Test, EmptySizes) {
  GuardedTensor lhs(DType::kBF16, {3, 0});
  GuardedTensor rhs(DType::kBF16, {5, 0});
  GuardedTensor bias(DType::kF32, {5});
  GuardedTensor out(DType::kF32, {3, 5});
  FillNormal(random_, bias);
  ExpectAgreement({.lhs = lhs, .rhs = rhs, .bias = bias, .out = out});
  GuardedTensor no_rows(DType::kBF16, {0, 8});
  GuardedTensor weight(DType::kBF16, {5, 8});
  GuardedTensor nothing(DType::kF32, {0, 5});
  EXPECT_TRUE(
      MatmulMxfp8({.lhs = no_rows, .rhs = weight, .out = nothing}, context_)
          .ok());
}

TEST_P(MatmulMxfp8Test, SameBitsForAnyThreadsAndForARowAlone) {
  GuardedTensor lhs(DType::kBF16, {29, 100});
  GuardedTensor rhs(DType::kBF16, {70, 100});
  FillNormal(random_, lhs);
  FillNormal(random_, rhs);
  GuardedTensor all(DType::kF32, {29, 70});
  HostContext one(1);
  ASSERT_TRUE(MatmulMxfp8({.lhs = lhs, .rhs = rhs, .out = all}, one).ok());
  for (const int threads : {2, 3, 5}) {
    HostContext context(threads);
    GuardedTensor again(DType::kF32, {29, 70});
    ASSERT_TRUE(
        MatmulMxfp8({.lhs = lhs, .rhs = rhs, .out = again}, context).ok());
    EXPECT_TRUE(SameBits(again, all)) << threads;
  }
  GuardedTensor row(DType::kF32, {1, 70});
  ASSERT_TRUE(
      MatmulMxfp8({.lhs = lhs.view().Slice(0, 17, 1), .rhs = rhs, .out = row},
                  one)
          .ok());
  EXPECT_TRUE(SameBits(row, all.view().Slice(0, 17, 1)));
}

TEST(MatmulMxfp8ErrorTest, NamesWhatDoesNotFit) {
  HostContext context(1);
  GuardedTensor lhs(DType::kBF16, {3, 40});
  GuardedTensor rhs(DType::kF8E4M3, {5, 40});
  GuardedTensor scales(DType::kE8M0, {5, 2});
  GuardedTensor wrong(DType::kE8M0, {5, 1});
  GuardedTensor state(DType::kI32, {6});
  GuardedTensor out(DType::kBF16, {3, 5});
  const auto expect = [&](absl::FunctionRef<void(MatmulMxfp8Args&)> change,
                          const char* message) {
    MatmulMxfp8Args args = {
        .lhs = lhs, .rhs = rhs, .rhs_scales = scales, .out = out};
    change(args);
    const absl::Status status = MatmulMxfp8(args, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(message));
  };
  expect([](MatmulMxfp8Args& a) { a.rhs_scales = {}; },
         "matmul_mxfp8: rhs_scales is missing, expected [N, K/32]");
  expect([&](MatmulMxfp8Args& a) { a.rhs_scales = wrong; },
         "matmul_mxfp8: rhs_scales is [5, 1] but K/32 = 2");
  expect([&](MatmulMxfp8Args& a) { a.lhs_scales = scales; },
         "matmul_mxfp8: lhs_scales is given but the operand is not quantized");
  expect([&](MatmulMxfp8Args& a) { a.rng_state = state; },
         "matmul_mxfp8: rng_state is given but stochastic_rounding is NONE");
  expect(
      [](MatmulMxfp8Args& a) {
        a.stochastic_rounding = MxStochasticRounding::kLhs;
      },
      "matmul_mxfp8: rng_state is missing, expected [6] or [1, 6]");
  expect([](MatmulMxfp8Args& a) { a.float8_dtype = DType::kF8E4M3_240; },
         "matmul_mxfp8: float8_dtype is");
  expect([](MatmulMxfp8Args& a) { a.output_dtype = DType::kF32; },
         "matmul_mxfp8: out has dtype bf16");
  expect([&](MatmulMxfp8Args& a) { a.accumulate_into = lhs; },
         "matmul_mxfp8: accumulate_into is [3, 40] but N = 5");
}

}  // namespace
}  // namespace tilework
