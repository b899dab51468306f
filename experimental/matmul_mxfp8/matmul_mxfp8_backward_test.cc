// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/matmul_mxfp8_backward_oracle.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

// 7 x 40 x 33: blocks that are short in both dimensions.
class MatmulMxfp8BackwardTest : public SimdTargetTest {
 protected:
  MatmulMxfp8BackwardTest() {
    FillNormal(random_, grad_);
    FillNormal(random_, weights_);
    FillNormal(random_, input_);
  }
  MatmulMxfp8BackwardArgs Args() {
    return {.output_grad = grad_,
            .weights = weights_,
            .input_activation = input_,
            .input_grad = input_grad_,
            .weight_grad = weight_grad_,
            .bias_grad = bias_grad_};
  }
  void Run(const MatmulMxfp8BackwardArgs& args) {
    const absl::Status status = MatmulMxfp8Backward(args, context_);
    ASSERT_TRUE(status.ok()) << status;
  }
  void ExpectAgreement(const MatmulMxfp8BackwardArgs& args) {
    const std::vector<ExpectedTensor> expected =
        MatmulMxfp8BackwardExpected(args);
    Run(args);
    EXPECT_TRUE(Agrees(expected));
  }

  HostContext context_{2};
  Random random_{1};
  GuardedTensor grad_{DType::kBF16, {7, 33}};
  GuardedTensor weights_{DType::kBF16, {33, 40}};
  GuardedTensor input_{DType::kBF16, {7, 40}};
  GuardedTensor input_grad_{DType::kF32, {7, 40}};
  GuardedTensor weight_grad_{DType::kF32, {33, 40}};
  GuardedTensor bias_grad_{DType::kF32, {33}};
};
TILEWORK_SIMD_TARGETS(MatmulMxfp8BackwardTest);

TEST_P(MatmulMxfp8BackwardTest, AllGradientsOrOneOfThem) {
  ExpectAgreement(Args());
  for (int wanted = 0; wanted < 3; ++wanted) {
    MatmulMxfp8BackwardArgs args = Args();
    if (wanted != 0) args.input_grad = {};
    if (wanted != 1) args.weight_grad = {};
    if (wanted != 2) args.bias_grad = {};
    ExpectAgreement(args);
  }
}

// dY in f8e5m2, X and W in f8e4m3.
TEST_P(MatmulMxfp8BackwardTest, TypesOfTheirOwnForGradients) {
  MatmulMxfp8BackwardArgs args = Args();
  args.float8_dtype = DType::kF8E4M3;
  args.grad_float8_dtype = DType::kF8E5M2;
  ExpectAgreement(args);
}

// Codes that quantize_mxfp8 made give the bits of the numbers themselves.
TEST_P(MatmulMxfp8BackwardTest, CodesGiveTheBitsOfNumbers) {
  Run(Args());
  const std::vector<double> dx = ToDoubles(input_grad_);
  const std::vector<double> dw = ToDoubles(weight_grad_);
  const auto quantize = [&](const ConstTensor& x, int axis, const Tensor& codes,
                            const Tensor& scales) {
    ASSERT_TRUE(
        QuantizeMxfp8(
            {.src_tensor = x, .data = codes, .scales = scales, .axis = axis},
            context_)
            .ok());
  };
  GuardedTensor grad_n(DType::kF8E5M2, {7, 33});
  GuardedTensor grad_m(DType::kF8E5M2, {7, 33});
  GuardedTensor weights(DType::kF8E5M2, {33, 40});
  GuardedTensor input(DType::kF8E5M2, {7, 40});
  GuardedTensor grad_n_scales(DType::kE8M0, {7, 2});
  GuardedTensor grad_m_scales(DType::kE8M0, {1, 33});
  GuardedTensor weight_scales(DType::kE8M0, {2, 40});
  GuardedTensor input_scales(DType::kE8M0, {1, 40});
  quantize(grad_, -1, grad_n, grad_n_scales);
  quantize(grad_, -2, grad_m, grad_m_scales);
  quantize(weights_, -2, weights, weight_scales);
  quantize(input_, -2, input, input_scales);
  ExpectAgreement({.weights = weights,
                   .weight_scales = weight_scales,
                   .input_activation = input,
                   .input_scales = input_scales,
                   .output_grad_q_n = grad_n,
                   .output_grad_scales_n = grad_n_scales,
                   .output_grad_q_m = grad_m,
                   .output_grad_scales_m = grad_m_scales,
                   .input_grad = input_grad_,
                   .weight_grad = weight_grad_});
  EXPECT_EQ(ToDoubles(input_grad_), dx);
  EXPECT_EQ(ToDoubles(weight_grad_), dw);
}

TEST_P(MatmulMxfp8BackwardTest, AccumulatesMicroBatches) {
  MatmulMxfp8BackwardArgs args = Args();
  args.accumulate_weight_grad = true;
  ForEachIndex(weight_grad_.view().shape(),
               [&](const Dims& index) { Write(weight_grad_, index, 0); });
  for (int batch = 0; batch < 4; ++batch) {
    FillNormal(random_, grad_);
    ExpectAgreement(args);
  }
}

TEST_P(MatmulMxfp8BackwardTest, RoundsByChance) {
  GuardedTensor state(DType::kI32, {1, 6});
  for (int64_t i = 0; i < 6; ++i) {
    *state.view().At<int32_t>(0, i) = static_cast<int32_t>(i * 77);
  }
  MatmulMxfp8BackwardArgs args = Args();
  args.stochastic_rounding = true;
  args.rng_state = state;
  ExpectAgreement(args);
}

TEST_P(MatmulMxfp8BackwardTest, EmptySizes) {
  GuardedTensor grad(DType::kBF16, {0, 33});
  GuardedTensor input(DType::kBF16, {0, 40});
  GuardedTensor input_grad(DType::kF32, {0, 40});
  FillNormal(random_, weight_grad_);
  const std::vector<double> before = ToDoubles(weight_grad_);
  MatmulMxfp8BackwardArgs args = {.output_grad = grad,
                                  .weights = weights_,
                                  .input_activation = input,
                                  .input_grad = input_grad,
                                  .weight_grad = weight_grad_,
                                  .bias_grad = bias_grad_,
                                  .accumulate_weight_grad = true};
  ExpectAgreement(args);
  EXPECT_EQ(ToDoubles(weight_grad_), before);
  args.accumulate_weight_grad = false;
  ExpectAgreement(args);

  GuardedTensor no_grad(DType::kBF16, {7, 0});
  GuardedTensor no_weights(DType::kBF16, {0, 40});
  ExpectAgreement({.output_grad = no_grad,
                   .weights = no_weights,
                   .input_grad = input_grad_});
}

TEST(MatmulMxfp8BackwardErrorTest, NamesWhatDoesNotFit) {
  HostContext context(1);
  GuardedTensor grad(DType::kBF16, {7, 33});
  GuardedTensor weights(DType::kF8E5M2, {33, 40});
  GuardedTensor scales(DType::kE8M0, {2, 40});
  GuardedTensor along_k(DType::kE8M0, {33, 2});
  GuardedTensor input_grad(DType::kBF16, {7, 40});
  GuardedTensor bias_grad(DType::kF32, {33});
  const auto expect =
      [&](absl::FunctionRef<void(MatmulMxfp8BackwardArgs&)> change,
          const char* message) {
        MatmulMxfp8BackwardArgs args = {.output_grad = grad,
                                        .weights = weights,
                                        .weight_scales = scales,
                                        .input_grad = input_grad};
        change(args);
        const absl::Status status = MatmulMxfp8Backward(args, context);
        EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
        EXPECT_THAT(std::string(status.message()), HasSubstr(message));
      };
  using Args = MatmulMxfp8BackwardArgs;
  expect([](Args& a) { a.input_grad = {}; },
         "input_grad, weight_grad and bias_grad are missing");
  expect([&](Args& a) { a.weight_scales = along_k; },
         "weight_scales is [33, 2] but N/32 = 2");
  expect([](Args& a) { a.output_grad = {}; },
         "input_grad is given but dY or weights are not");
  expect([&](Args& a) { a.output_grad_q_n = a.output_grad; },
         "output_grad_q_n has dtype bf16");
  expect([&](Args& a) { a.stochastic_rounding = true; },
         "rng_state is missing");
  expect(
      [&](Args& a) {
        a.bias_grad = bias_grad;
        a.output_grad = {};
        a.input_grad = {};
      },
      "bias_grad is given but output_grad is not");
}

}  // namespace
}  // namespace tilework
