// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/static_quantization.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/kernels/quantize/static_quantization_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr DType kF32 = DType::kF32;
constexpr DType kInputs[] = {kF32, DType::kBF16, DType::kF16};
constexpr DType kOutputs[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                              DType::kF8E5M2};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Config {
  Dims shape;
  DType input = kF32;
  DType output = DType::kF8E4M3;
  std::optional<float> dequant_scale = 0.37f;
  std::optional<float> quant_scale;
  Layout layout = Layout::kContiguous;
  Layout output_layout = Layout::kContiguous;
};

class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        x_(config.input, config.shape, config.layout),
        dequant_scale_(kF32, {1}),
        quant_scale_(kF32, {1, 1}),
        quantized_(config.output, config.shape, config.output_layout) {
    Random random(1);
    FillMagnitudes(random, x_, -20, 18);
    Write(dequant_scale_, {0}, config.dequant_scale.value_or(1));
    Write(quant_scale_, {0, 0}, config.quant_scale.value_or(1));
  }

  StaticQuantizationArgs args() const {
    StaticQuantizationArgs args = {.hidden_state = x_, .quantized = quantized_};
    if (config_.dequant_scale) args.input_dequant_scale = dequant_scale_;
    if (config_.quant_scale) args.quant_scale = quant_scale_;
    return args;
  }
  const Tensor& input() const { return x_.view(); }
  const Tensor& output() const { return quantized_.view(); }
  bool Intact() const { return x_.Intact() && quantized_.Intact(); }

 private:
  Config config_;
  GuardedTensor x_, dequant_scale_, quant_scale_, quantized_;
};

class StaticQuantizationTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const StaticQuantizationArgs args = problem.args();
    SCOPED_TRACE(ToString(args.hidden_state) + " to " +
                 ToString(args.quantized));
    ASSERT_EQ(StaticQuantization(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(StaticQuantizationExpected(args)));
    EXPECT_TRUE(problem.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(StaticQuantizationTest);

TEST_P(StaticQuantizationTest, EveryTypeAndLayout) {
  for (const DType input : kInputs) {
    for (const DType output : kOutputs) {
      for (const Layout layout : kAllLayouts) {
        for (const Layout output_layout : kAllLayouts) {
          ExpectMatchesTheOracle({.shape = {2, 3, 71},
                                  .input = input,
                                  .output = output,
                                  .layout = layout,
                                  .output_layout = output_layout});
        }
      }
    }
  }
}

TEST_P(StaticQuantizationTest, EverySize) {
  for (const int64_t size : InterestingSizes(200)) {
    for (const DType input : kInputs) {
      ExpectMatchesTheOracle({.shape = {size}, .input = input});
      ExpectMatchesTheOracle(
          {.shape = {3, size}, .input = input, .layout = Layout::kPadded});
    }
  }
}

TEST_P(StaticQuantizationTest, EveryRank) {
  for (const Dims& shape : {Dims(), Dims({1}), Dims({5, 7}), Dims({2, 3, 5, 7}),
                            Dims({2, 1, 3, 2, 1, 7})}) {
    for (const Layout layout : kAllLayouts) {
      ExpectMatchesTheOracle({.shape = shape, .layout = layout});
    }
  }
}

// Rows longer than a task, and more rows than one.
TEST_P(StaticQuantizationTest, SeveralTasks) {
  ExpectMatchesTheOracle({.shape = {70001}, .input = DType::kBF16});
  ExpectMatchesTheOracle(
      {.shape = {2, 70001}, .input = DType::kBF16, .layout = Layout::kPadded});
  ExpectMatchesTheOracle(
      {.shape = {1001, 70}, .input = DType::kBF16, .layout = Layout::kPadded});
}

TEST_P(StaticQuantizationTest, Scales) {
  for (const float scale : {1e-30f, 0.1f, 1.0f, 3.0f, 1e30f}) {
    ExpectMatchesTheOracle({.shape = {50}, .dequant_scale = scale});
    ExpectMatchesTheOracle(
        {.shape = {50}, .dequant_scale = std::nullopt, .quant_scale = scale});
    // The reciprocal that is given wins.
    ExpectMatchesTheOracle(
        {.shape = {50}, .dequant_scale = 3.0f, .quant_scale = scale});
  }
}

TEST_P(StaticQuantizationTest, RoundsAndSaturates) {
  const float values[] = {-0.0f,     0x1p-10f,   0x3p-10f,     0.3f,
                          -0.3f,     17.0f,      447.0f,       1e9f,
                          kInfinity, -kInfinity, std::nanf("")};
  const GuardedTensor x(kF32, {11});
  for (int64_t i = 0; i < 11; ++i) Write(x, {i}, values[i]);
  const GuardedTensor scale(kF32, {});
  Write(scale, {}, 1);
  const auto quantize = [&](DType dtype) {
    const GuardedTensor y(dtype, {11});
    EXPECT_EQ(
        StaticQuantization(
            {.hidden_state = x, .input_dequant_scale = scale, .quantized = y},
            context_),
        absl::OkStatus());
    return Codes(y);
  };
  EXPECT_THAT(quantize(DType::kF8E4M3),
              ElementsAre(0x80, 0x00, 0x02, 0x2A, 0xAA, 0x58, 0x7E, 0x7E, 0x7E,
                          0xFE, 0x7F));
  EXPECT_THAT(quantize(DType::kF8E4M3_240),
              ElementsAre(0x80, 0x00, 0x02, 0x2A, 0xAA, 0x58, 0x77, 0x77, 0x77,
                          0xF7, 0x7F));
  EXPECT_THAT(quantize(DType::kF8E5M2),
              ElementsAre(0x80, 0x14, 0x1A, 0x35, 0xB5, 0x4C, 0x5F, 0x7B, 0x7B,
                          0xFB, 0x7F));
}

TEST_P(StaticQuantizationTest, AnyNumberOfThreads) {
  const Config config = {.shape = {301, 515}, .input = DType::kBF16};
  const Problem problem(config);
  ASSERT_EQ(StaticQuantization(problem.args(), context_), absl::OkStatus());
  for (const int threads : {1, 3}) {
    const Problem other(config);
    HostContext context(threads);
    ASSERT_EQ(StaticQuantization(other.args(), context), absl::OkStatus());
    EXPECT_TRUE(SameBits(other.output(), problem.output()));
  }
}

TEST_P(StaticQuantizationTest, ARowAloneIsTheRowInABatch) {
  const Problem batch({.shape = {301, 515}});
  ASSERT_EQ(StaticQuantization(batch.args(), context_), absl::OkStatus());
  StaticQuantizationArgs args = batch.args();
  args.hidden_state = batch.input().Slice(0, 150, 1);
  const GuardedTensor row(DType::kF8E4M3, {1, 515});
  args.quantized = row;
  ASSERT_EQ(StaticQuantization(args, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(row, batch.output().Slice(0, 150, 1)));
}

// An output that goes past the caches has the bits of small ones.
TEST_P(StaticQuantizationTest, OutputsBeyondTheCaches) {
  constexpr int64_t kRows = 1024, kSize = (int64_t{1} << 15) + 1;
  Buffer x(DType::kBF16, {kRows, kSize});
  for (int64_t i = 0; i < kRows * kSize; ++i) {
    x.data<BFloat16>()[i] =
        BFloat16::FromBits(static_cast<uint16_t>(0x3C00 + i * 7919 % 0x800));
  }
  Buffer y(DType::kF8E4M3, {kRows * kSize + 1});
  const GuardedTensor scale(kF32, {1});
  Write(scale, {0}, 0.1);
  StaticQuantizationArgs args = {.hidden_state = x.view(),
                                 .input_dequant_scale = scale};
  args.quantized = y.view().Slice(0, 1, kRows * kSize).Reshape({kRows, kSize});
  ASSERT_EQ(StaticQuantization(args, context_), absl::OkStatus());
  Buffer small(DType::kF8E4M3, {1, kSize});
  for (const int64_t row : {int64_t{0}, kRows / 2, kRows - 1}) {
    const Tensor large = args.quantized.Slice(0, row, 1);
    ASSERT_EQ(StaticQuantization({.hidden_state = x.view().Slice(0, row, 1),
                                  .input_dequant_scale = scale,
                                  .quantized = small.view()},
                                 context_),
              absl::OkStatus());
    EXPECT_EQ(std::memcmp(small.view().data(), large.data(), kSize), 0);
  }
}

TEST_P(StaticQuantizationTest, NoElements) {
  NoDispatchNeeded();
  for (const Dims& shape : {Dims({0}), Dims({0, 8}), Dims({3, 0})}) {
    const Problem problem({.shape = shape});
    EXPECT_EQ(StaticQuantization(problem.args(), context_), absl::OkStatus());
  }
}

class StaticQuantizationErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const std::vector<uint8_t> before = Codes(problem_.output());
    const absl::Status status = StaticQuantization(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    EXPECT_EQ(Codes(problem_.output()), before) << "written before the error";
    args_ = problem_.args();
  }

  Problem problem_{{.shape = {2, 8}, .quant_scale = 1.0f}};
  StaticQuantizationArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(StaticQuantizationErrorTest, NoFault) {
  EXPECT_EQ(StaticQuantization(args_, context_), absl::OkStatus());
}

TEST_F(StaticQuantizationErrorTest, Tensors) {
  args_.hidden_state = ConstTensor();
  ExpectError("static_quantization: hidden_state is missing");
  args_.hidden_state = args_.quantized;
  ExpectError(
      "static_quantization: hidden_state has dtype f8e4m3, expected f32 or "
      "bf16 or f16");
  args_.quantized = Tensor();
  ExpectError("static_quantization: quantized is missing");
  const GuardedTensor packed(DType::kF4E2M1, {2, 8});
  args_.quantized = packed;
  ExpectError(
      "static_quantization: quantized has dtype f4e2m1, expected f8e4m3 or "
      "f8e4m3_240 or f8e5m2");
  const GuardedTensor other(DType::kF8E4M3, {2, 7});
  args_.quantized = other;
  ExpectError(
      "static_quantization: quantized is [2, 7] but its leading dimensions "
      "should be [2, 8] (from hidden_state [2, 8])");
  args_.hidden_state = ConstTensor(nullptr, kF32, {2, 8});
  ExpectError(
      "static_quantization: hidden_state is [2, 8] but its data is null");
}

TEST_F(StaticQuantizationErrorTest, Scales) {
  args_.input_dequant_scale = args_.quant_scale = ConstTensor();
  ExpectError(
      "static_quantization: input_dequant_scale and quant_scale are missing, "
      "expected one of them");
  const GuardedTensor two(kF32, {2});
  args_.input_dequant_scale = two;
  ExpectError(
      "static_quantization: input_dequant_scale is [2], expected one element");
  args_.quant_scale = two;
  ExpectError("static_quantization: quant_scale is [2], expected one element");
  const GuardedTensor half(DType::kBF16, {1});
  args_.input_dequant_scale = half;
  ExpectError(
      "static_quantization: input_dequant_scale has dtype bf16, expected f32");
  args_.quant_scale = half;
  ExpectError("static_quantization: quant_scale has dtype bf16, expected f32");
  const GuardedTensor bad(kF32, {1});
  for (const float value : {0.0f, -1.0f, kInfinity, std::nanf("")}) {
    Write(bad, {0}, value);
    args_.input_dequant_scale = bad;
    ExpectError("static_quantization: input_dequant_scale[0] is ");
    args_.quant_scale = bad;
    ExpectError("static_quantization: quant_scale[0] is ");
  }
}

TEST_F(StaticQuantizationErrorTest, Overlap) {
  const auto as_codes = [](const ConstTensor& memory) {
    return Tensor(const_cast<void*>(memory.data()), DType::kF8E4M3, {2, 8},
                  {1, 0});
  };
  args_.quantized = as_codes(args_.hidden_state);
  ExpectError("static_quantization: quantized overlaps hidden_state");
  args_.quantized = as_codes(args_.input_dequant_scale);
  ExpectError("static_quantization: quantized overlaps input_dequant_scale");
  args_.quantized = as_codes(args_.quant_scale);
  ExpectError("static_quantization: quantized overlaps quant_scale");
}

}  // namespace
}  // namespace tilework
