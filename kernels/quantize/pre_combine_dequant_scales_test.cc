// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/pre_combine_dequant_scales.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/pre_combine_dequant_scales_oracle.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::HasSubstr;

constexpr DType kF32 = DType::kF32;

class Problem {
 public:
  Problem(const Dims& weight, const Dims& input, const Dims& combined,
          Layout layout = Layout::kContiguous)
      : weight_(kF32, weight, layout),
        input_(kF32, input, layout),
        combined_(kF32, combined, layout) {
    Random random(1);
    FillUniform(random, weight_, 1e-6, 3);
    FillUniform(random, input_, 1e-6, 3);
  }

  PreCombineDequantScalesArgs args() const {
    return {.weight_dequant_scale = weight_,
            .input_dequant_scale = input_,
            .combined = combined_};
  }
  bool Intact() const { return combined_.Intact(); }

 private:
  GuardedTensor weight_, input_, combined_;
};

class PreCombineDequantScalesTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Problem& problem) {
    const PreCombineDequantScalesArgs args = problem.args();
    SCOPED_TRACE(ToString(args.weight_dequant_scale) + " times " +
                 ToString(args.input_dequant_scale) + " is " +
                 ToString(args.combined));
    ASSERT_EQ(PreCombineDequantScales(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(PreCombineDequantScalesExpected(args)));
    EXPECT_TRUE(problem.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(PreCombineDequantScalesTest);

TEST_P(PreCombineDequantScalesTest, EveryShape) {
  for (const Layout layout : kAllLayouts) {
    for (const Dims& one : {Dims(), Dims({1}), Dims({1, 1})}) {
      ExpectMatchesTheOracle(Problem({37}, one, {37}, layout));
      ExpectMatchesTheOracle(Problem(one, {37}, {37}, layout));
      ExpectMatchesTheOracle(Problem({37}, one, {1, 37}, layout));
      ExpectMatchesTheOracle(Problem(one, {37}, {37, 1}, layout));
      for (const Dims& other : {Dims(), Dims({1}), Dims({1, 1})}) {
        ExpectMatchesTheOracle(Problem(one, other, one, layout));
      }
    }
    ExpectMatchesTheOracle(Problem({37}, {5}, {5, 37}, layout));
  }
}

TEST_P(PreCombineDequantScalesTest, EverySize) {
  for (const int64_t size : InterestingSizes(100)) {
    ExpectMatchesTheOracle(Problem({size}, {3}, {3, size}));
    ExpectMatchesTheOracle(Problem({3}, {size}, {size, 3}));
  }
  ExpectMatchesTheOracle(Problem({70001}, {2}, {2, 70001}));
  ExpectMatchesTheOracle(Problem({70}, {2001}, {2001, 70}));
}

// Strides of 0 repeat a scale.
TEST_P(PreCombineDequantScalesTest, StridedScales) {
  const GuardedTensor memory(kF32, {5, 7});
  Random random(1);
  FillUniform(random, memory, 0.5, 2);
  const GuardedTensor combined(kF32, {7, 5});
  PreCombineDequantScalesArgs args = {
      .weight_dequant_scale = memory.view().Select(1, 2),
      .input_dequant_scale = ConstTensor(memory.view().data(), kF32, {7}, {0}),
      .combined = combined};
  ASSERT_EQ(PreCombineDequantScales(args, context_), absl::OkStatus());
  EXPECT_TRUE(Agrees(PreCombineDequantScalesExpected(args)));
}

TEST_P(PreCombineDequantScalesTest, NoElements) {
  NoDispatchNeeded();
  EXPECT_EQ(PreCombineDequantScales(Problem({0}, {1}, {0}).args(), context_),
            absl::OkStatus());
  EXPECT_EQ(PreCombineDequantScales(Problem({4}, {0}, {0, 4}).args(), context_),
            absl::OkStatus());
}

class PreCombineDequantScalesErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = PreCombineDequantScales(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(),
                HasSubstr("pre_combine_dequant_scales: " + message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(problem_.args().combined)) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
    args_ = problem_.args();
  }

  Problem problem_{{3}, {2}, {2, 3}};
  PreCombineDequantScalesArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(PreCombineDequantScalesErrorTest, NoFault) {
  EXPECT_EQ(PreCombineDequantScales(args_, context_), absl::OkStatus());
}

TEST_F(PreCombineDequantScalesErrorTest, Tensors) {
  args_.weight_dequant_scale = ConstTensor();
  ExpectError("weight_dequant_scale is missing, expected [N]");
  args_.input_dequant_scale = ConstTensor();
  ExpectError("input_dequant_scale is missing, expected [T]");
  args_.combined = Tensor();
  ExpectError("combined is missing");
  const GuardedTensor half(DType::kF16, {3});
  args_.weight_dequant_scale = half;
  ExpectError("weight_dequant_scale has dtype f16, expected f32");
  args_.input_dequant_scale = half;
  ExpectError("input_dequant_scale has dtype f16, expected f32");
  const GuardedTensor halves(DType::kF16, {2, 3});
  args_.combined = halves;
  ExpectError("combined has dtype f16, expected f32");
}

TEST_F(PreCombineDequantScalesErrorTest, Shapes) {
  const GuardedTensor matrix(kF32, {2, 3});
  args_.weight_dequant_scale = matrix;
  ExpectError("weight_dequant_scale is [2, 3], expected [N] or one element");
  args_.input_dequant_scale = matrix;
  ExpectError("input_dequant_scale is [2, 3], expected [T] or one element");
  const GuardedTensor wide(kF32, {2, 4});
  args_.combined = wide;
  ExpectError("combined is [2, 4] but N = 3 (from weight_dequant_scale [3])");
  const GuardedTensor vector(kF32, {3});
  args_.combined = vector;
  ExpectError("combined is [3], expected [T, N]");
}

TEST_F(PreCombineDequantScalesErrorTest, Values) {
  const GuardedTensor bad(kF32, {3});
  for (const double value : {0.0, -1.0, HUGE_VAL, std::nan("")}) {
    for (int64_t i = 0; i < 3; ++i) Write(bad, {i}, i == 2 ? value : 1.0);
    args_.weight_dequant_scale = bad;
    ExpectError("weight_dequant_scale[2] is ");
    args_.input_dequant_scale = bad.view().Slice(0, 1, 2);
    ExpectError("input_dequant_scale[1] is ");
  }
}

TEST_F(PreCombineDequantScalesErrorTest, Overlap) {
  args_.combined = Tensor(const_cast<void*>(args_.weight_dequant_scale.data()),
                          kF32, {2, 3});
  ExpectError("combined overlaps weight_dequant_scale");
  args_.combined =
      Tensor(const_cast<void*>(args_.input_dequant_scale.data()), kF32, {2, 3});
  ExpectError("combined overlaps input_dequant_scale");
}

}  // namespace
}  // namespace tilework
