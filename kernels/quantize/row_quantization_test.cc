// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/row_quantization.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
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
#include "tilework/kernels/quantize/row_quantization_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using Granularity = QuantizationGranularity;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kE4M3 = DType::kF8E4M3;
constexpr DType kE4M3_240 = DType::kF8E4M3_240;
constexpr DType kE5M2 = DType::kF8E5M2;
constexpr DType kInputs[] = {kF32, kBF16, DType::kF16};
constexpr DType kOutputs[] = {kE4M3, kE4M3_240, kE5M2};
constexpr Granularity kAllGranularities[] = {
    Granularity::kRow, Granularity::kGroup, Granularity::kBlock2d,
    Granularity::kTensor};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNaN = std::nanf("");

struct Config {
  Dims shape;
  DType input = kF32;
  DType output = kE4M3;
  DType scale = kF32;
  Granularity granularity = Granularity::kRow;
  int64_t group_size = 128;
  float lower_bound = 0;
  float min_dequant_scale = 1e-6f;
  bool pow2_scale = false;
  bool keep_dim = true;  // ROW scales are [..., 1]
  Layout layout = Layout::kContiguous;
  Layout output_layout = Layout::kContiguous;
};

class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        x_(config.input, config.shape, config.layout),
        quantized_(config.output, config.shape, config.output_layout),
        scale_(config.scale,
               ScaleShape(config.shape, config.granularity, config.group_size,
                          config.keep_dim),
               config.output_layout) {
    Random random(1);
    FillMagnitudes(random, x_, -16, 8);
  }

  RowQuantizationArgs args() const {
    return {.hidden_state = x_,
            .quantized = quantized_,
            .dequant_scale = scale_,
            .granularity = config_.granularity,
            .group_size = config_.group_size,
            .lower_bound = config_.lower_bound,
            .min_dequant_scale = config_.min_dequant_scale,
            .pow2_scale = config_.pow2_scale};
  }
  const Tensor& input() const { return x_.view(); }
  const Tensor& output() const { return quantized_.view(); }
  const Tensor& scale() const { return scale_.view(); }
  bool Intact() const {
    return x_.Intact() && quantized_.Intact() && scale_.Intact();
  }

 private:
  Config config_;
  GuardedTensor x_, quantized_, scale_;
};

// The codes and scales of a call that went well.
void ExpectMatches(const RowQuantizationArgs& args) {
  EXPECT_TRUE(Agrees(RowQuantizationExpected(args)));
}

class RowQuantizationTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const RowQuantizationArgs args = problem.args();
    SCOPED_TRACE(ToString(args.hidden_state) + " to " +
                 ToString(args.quantized) + ", scales " +
                 ToString(args.dequant_scale));
    ASSERT_EQ(RowQuantization(args, context_), absl::OkStatus());
    ExpectMatches(args);
    EXPECT_TRUE(problem.Intact());
  }
  // One row of f32.
  struct Row {
    std::vector<uint8_t> codes;
    float scale;
  };
  Row Quantize(const std::vector<float>& values, RowQuantizationArgs args = {},
               DType dtype = kE4M3) {
    const auto size = static_cast<int64_t>(values.size());
    const GuardedTensor quantized(dtype, {size});
    const GuardedTensor scale(kF32, {1});
    args.hidden_state = ConstTensor(values.data(), kF32, {size});
    args.quantized = quantized;
    args.dequant_scale = scale;
    EXPECT_EQ(RowQuantization(args, context_), absl::OkStatus());
    return {Codes(quantized), ToFloats(scale)[0]};
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(RowQuantizationTest);

TEST_P(RowQuantizationTest, EveryTypeAndLayout) {
  for (const DType input : kInputs) {
    for (const DType output : kOutputs) {
      for (const Layout layout : kAllLayouts) {
        for (const Granularity granularity : kAllGranularities) {
          ExpectMatchesTheOracle({.shape = {2, 5, 71},
                                  .input = input,
                                  .output = output,
                                  .granularity = granularity,
                                  .group_size = 16,
                                  .layout = layout,
                                  .output_layout = layout});
        }
      }
    }
  }
}

TEST_P(RowQuantizationTest, MixedLayouts) {
  for (const Granularity granularity : kAllGranularities) {
    for (const Layout layout : {Layout::kPadded, Layout::kReversed}) {
      const Config config = {
          .shape = {2, 5, 71}, .granularity = granularity, .group_size = 3};
      Config input = config;
      input.layout = layout;
      ExpectMatchesTheOracle(input);
      Config output = config;
      output.output_layout = layout;
      ExpectMatchesTheOracle(output);
    }
  }
}

TEST_P(RowQuantizationTest, EverySize) {
  for (const int64_t size : InterestingSizes(200)) {
    for (const DType input : kInputs) {
      ExpectMatchesTheOracle({.shape = {2, size}, .input = input});
    }
    ExpectMatchesTheOracle({.shape = {2, size},
                            .input = kBF16,
                            .granularity = Granularity::kGroup,
                            .group_size = 31});
  }
}

TEST_P(RowQuantizationTest, EveryRank) {
  for (const Granularity granularity : kAllGranularities) {
    for (const Dims& shape : {Dims({13}), Dims({1, 1}), Dims({6, 13}),
                              Dims({2, 3, 4, 13}), Dims({2, 1, 3, 1, 2, 7})}) {
      if (granularity == Granularity::kBlock2d && shape.size() < 2) continue;
      for (const bool keep_dim : {false, true}) {
        ExpectMatchesTheOracle({.shape = shape,
                                .granularity = granularity,
                                .group_size = 2,
                                .keep_dim = keep_dim});
      }
    }
  }
}

TEST_P(RowQuantizationTest, GroupSizes) {
  for (const int64_t group :
       {int64_t{1}, int64_t{7}, int64_t{33}, int64_t{40}, int64_t{41},
        std::numeric_limits<int64_t>::max()}) {
    for (const Granularity granularity :
         {Granularity::kGroup, Granularity::kBlock2d}) {
      Config config = {.shape = {3, 41, 40},
                       .granularity = granularity,
                       .group_size = group};
      // The largest one is checked below: ScaleShape() would overflow.
      if (group < 1000) ExpectMatchesTheOracle(config);
    }
  }
  const Problem problem({.shape = {3, 40}});
  RowQuantizationArgs args = problem.args();
  args.granularity = Granularity::kGroup;
  args.group_size = std::numeric_limits<int64_t>::max();
  ASSERT_EQ(RowQuantization(args, context_), absl::OkStatus());
  args.granularity = Granularity::kRow;
  ExpectMatches(args);
}

// Units for all threads, and rows of several pieces.
TEST_P(RowQuantizationTest, LargeUnits) {
  ExpectMatchesTheOracle({.shape = {2, 140001}, .input = kBF16});
  ExpectMatchesTheOracle({.shape = {5, 35001},
                          .input = kBF16,
                          .granularity = Granularity::kTensor});
  ExpectMatchesTheOracle({.shape = {5, 35001},
                          .granularity = Granularity::kTensor,
                          .layout = Layout::kPadded});
  ExpectMatchesTheOracle({.shape = {700, 700},
                          .input = kBF16,
                          .granularity = Granularity::kBlock2d,
                          .group_size = 500});
}

TEST_P(RowQuantizationTest, ANaNInALargeUnit) {
  const Problem problem({.shape = {1, 140001}, .input = kBF16});
  Write(problem.input(), {0, 100}, static_cast<double>(kNaN));
  ASSERT_EQ(RowQuantization(problem.args(), context_), absl::OkStatus());
  EXPECT_THAT(Codes(problem.output()), Each(0x7F));
}

TEST_P(RowQuantizationTest, PowersOfTwo) {
  for (const Granularity granularity : kAllGranularities) {
    for (const DType scale : {kF32, DType::kE8M0}) {
      for (const float least : {0.0f, 1e-6f, 0x1p-20f, 1e-40f, 1e30f}) {
        ExpectMatchesTheOracle({.shape = {2, 5, 71},
                                .scale = scale,
                                .granularity = granularity,
                                .group_size = 16,
                                .min_dequant_scale = least,
                                .pow2_scale = true});
      }
    }
  }
}

TEST_P(RowQuantizationTest, Clipping) {
  for (const Granularity granularity : kAllGranularities) {
    for (const float bound : {1e-6f, 1.1e-6f, 0.5f, 1e30f, kInfinity}) {
      for (const DType input : kInputs) {
        ExpectMatchesTheOracle({.shape = {2, 5, 71},
                                .input = input,
                                .granularity = granularity,
                                .group_size = 16,
                                .lower_bound = bound,
                                .layout = Layout::kPadded});
      }
    }
  }
}

TEST_P(RowQuantizationTest, GivenRows) {
  const std::vector<float> x = {1, -2.5f, 0.1f, 3};
  Row row = Quantize(x);
  EXPECT_EQ(std::bit_cast<uint32_t>(row.scale), 0x3BDB6DB7u);
  EXPECT_THAT(row.codes, ElementsAre(0x71, 0xFC, 0x57, 0x7E));
  row = Quantize(x, {}, kE4M3_240);
  EXPECT_EQ(std::bit_cast<uint32_t>(row.scale), 0x3C4CCCCDu);
  EXPECT_THAT(row.codes, ElementsAre(0x6A, 0xF4, 0x50, 0x77));
  row = Quantize(x, {}, kE5M2);
  EXPECT_EQ(std::bit_cast<uint32_t>(row.scale), 0x385B6DB7u);
  EXPECT_THAT(row.codes, ElementsAre(0x75, 0xFA, 0x67, 0x7B));
  row = Quantize({1e-5f, -3e-5f});
  EXPECT_EQ(std::bit_cast<uint32_t>(row.scale), 0x358637BDu);
  EXPECT_THAT(row.codes, ElementsAre(0x52, 0xDF));
}

TEST_P(RowQuantizationTest, SpecialRows) {
  Row row = Quantize({0, -0.0f, 0});
  EXPECT_EQ(row.scale, 1e-6f);
  EXPECT_THAT(row.codes, ElementsAre(0, 0x80, 0));
  row = Quantize({0, -0.0f, 0}, {.min_dequant_scale = 0});
  EXPECT_EQ(row.scale, 0);
  EXPECT_THAT(row.codes, Each(0x7F));
  row = Quantize({0, kNaN, kInfinity});
  EXPECT_TRUE(std::isnan(row.scale));
  EXPECT_THAT(row.codes, Each(0x7F));
  row = Quantize({0, kNaN, 1}, {.lower_bound = 0.5f});
  EXPECT_TRUE(std::isnan(row.scale));
  EXPECT_THAT(row.codes, Each(0x7F));
  row = Quantize({1, -kInfinity, -2});
  EXPECT_EQ(row.scale, kInfinity);
  EXPECT_THAT(row.codes, ElementsAre(0, 0x7F, 0x80));
  row = Quantize({0.25f, -kInfinity, -2}, {.lower_bound = 0.5f});
  EXPECT_EQ(row.scale, 0.5f / 448);
  EXPECT_THAT(row.codes, ElementsAre(0x76, 0xFE, 0xFE));
  row = Quantize({1, 1e30f, -1e-40f});
  EXPECT_EQ(row.scale, 1e30f / 448);
  EXPECT_THAT(row.codes, ElementsAre(0, 0x7E, 0x80));
  row = Quantize({1e-40f, 5e-39f}, {.min_dequant_scale = 0});
  EXPECT_EQ(row.scale, 5e-39f / 448);
}

// |codes * scale - x| is within half an ulp of the format.
TEST_P(RowQuantizationTest, RoundTrip) {
  for (const DType dtype : {kE4M3, kE5M2}) {
    const Problem problem({.shape = {8, 200}, .output = dtype});
    ASSERT_EQ(RowQuantization(problem.args(), context_), absl::OkStatus());
    const std::vector<uint8_t> codes = Codes(problem.output());
    const std::vector<float> scales = ToFloats(problem.scale());
    const std::vector<float> x = ToFloats(problem.input());
    for (size_t i = 0; i < x.size(); ++i) {
      const double ds = static_cast<double>(scales[i / 200]);
      const double value = static_cast<double>(Decode8(codes[i], dtype)) * ds;
      const double exact = static_cast<double>(x[i]);
      const double bound =
          UnitRoundoff(dtype) * std::abs(exact) * (1 + 0x1p-20) +
          ds * SmallestSubnormal(dtype) / 2;
      ASSERT_LE(std::abs(value - exact), bound) << i;
    }
  }
}

TEST_P(RowQuantizationTest, AnyNumberOfThreads) {
  for (const Granularity granularity : kAllGranularities) {
    const Config config = {
        .shape = {301, 515}, .input = kBF16, .granularity = granularity};
    const Problem problem(config);
    ASSERT_EQ(RowQuantization(problem.args(), context_), absl::OkStatus());
    for (const int threads : {1, 3}) {
      const Problem other(config);
      HostContext context(threads);
      ASSERT_EQ(RowQuantization(other.args(), context), absl::OkStatus());
      EXPECT_TRUE(SameBits(other.output(), problem.output()));
      EXPECT_TRUE(SameBits(other.scale(), problem.scale()));
    }
  }
}

TEST_P(RowQuantizationTest, ARowAloneIsTheRowInABatch) {
  const Problem batch({.shape = {301, 515}, .input = kBF16});
  ASSERT_EQ(RowQuantization(batch.args(), context_), absl::OkStatus());
  for (const int64_t i : {0, 150, 300}) {
    RowQuantizationArgs args = batch.args();
    const GuardedTensor row(kE4M3, {1, 515});
    const GuardedTensor scale(kF32, {1, 1});
    args.hidden_state = batch.input().Slice(0, i, 1);
    args.quantized = row;
    args.dequant_scale = scale;
    ASSERT_EQ(RowQuantization(args, context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(row, batch.output().Slice(0, i, 1)));
    EXPECT_TRUE(SameBits(scale, batch.scale().Slice(0, i, 1)));
  }
}

TEST_P(RowQuantizationTest, NoNewScratch) {
  const Problem problem(
      {.shape = {500, 700}, .granularity = Granularity::kTensor});
  ASSERT_EQ(RowQuantization(problem.args(), context_), absl::OkStatus());
  const size_t capacity = context_.arena().capacity();
  ASSERT_EQ(RowQuantization(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

TEST_P(RowQuantizationTest, NoElements) {
  NoDispatchNeeded();
  for (const Granularity granularity :
       {Granularity::kRow, Granularity::kGroup, Granularity::kBlock2d}) {
    for (const Dims& shape : {Dims({0, 8}), Dims({2, 0, 8}), Dims({0, 0})}) {
      const Problem problem({.shape = shape,
                             .granularity = granularity,
                             .keep_dim = shape.size() == 2});
      EXPECT_EQ(RowQuantization(problem.args(), context_), absl::OkStatus());
    }
  }
  const Problem problem(
      {.shape = {3, 0}, .granularity = Granularity::kBlock2d});
  EXPECT_EQ(RowQuantization(problem.args(), context_), absl::OkStatus());
}

class RowQuantizationErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const std::vector<uint8_t> before = Codes(problem_.output());
    const absl::Status status = RowQuantization(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    EXPECT_EQ(Codes(problem_.output()), before) << "written before the error";
    args_ = problem_.args();
  }

  Problem problem_{{.shape = {2, 3, 8}, .group_size = 4}};
  RowQuantizationArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(RowQuantizationErrorTest, NoFault) {
  EXPECT_EQ(RowQuantization(args_, context_), absl::OkStatus());
}

TEST_F(RowQuantizationErrorTest, Tensors) {
  args_.hidden_state = ConstTensor();
  ExpectError("row_quantization: hidden_state is missing, expected [..., H]");
  args_.hidden_state = args_.quantized;
  ExpectError(
      "row_quantization: hidden_state has dtype f8e4m3, expected f32 or bf16 "
      "or f16");
  args_.quantized = Tensor();
  ExpectError("row_quantization: quantized is missing, expected [..., H]");
  const GuardedTensor bytes(DType::kU8, {2, 3, 8});
  args_.quantized = bytes;
  ExpectError(
      "row_quantization: quantized has dtype u8, expected f8e4m3 or "
      "f8e4m3_240 or f8e5m2");
  const GuardedTensor narrow(kE4M3, {2, 3, 7});
  args_.quantized = narrow;
  ExpectError(
      "row_quantization: quantized is [2, 3, 7] but H = 8 (from hidden_state "
      "[2, 3, 8])");
  const GuardedTensor flat(kE4M3, {6, 8});
  args_.quantized = flat;
  ExpectError(
      "row_quantization: quantized is [6, 8] but its leading dimensions should "
      "be [2, 3] (from hidden_state [2, 3, 8])");
  const GuardedTensor empty(kF32, {3, 0});
  args_.hidden_state = empty;
  ExpectError("row_quantization: hidden_state is [3, 0]: H = 0, expected >= 1");
  args_.hidden_state = empty;
  args_.granularity = Granularity::kTensor;
  ExpectError("row_quantization: hidden_state is [3, 0]: no elements");
  const GuardedTensor vector(kF32, {8});
  args_.hidden_state = vector;
  args_.granularity = Granularity::kBlock2d;
  ExpectError("row_quantization: hidden_state is [8], expected [..., M, H]");
}

TEST_F(RowQuantizationErrorTest, Scale) {
  args_.dequant_scale = Tensor();
  ExpectError(
      "row_quantization: dequant_scale is missing, expected [..., 1] or [...]");
  const GuardedTensor wide(kF32, {2, 3, 2});
  args_.dequant_scale = wide;
  ExpectError(
      "row_quantization: dequant_scale is [2, 3, 2] but its leading dimensions "
      "should be [2, 3]");
  args_.granularity = Granularity::kGroup;
  ExpectError(
      "row_quantization: dequant_scale is [2, 3, 1] but H/G = 2 (from ceil(H / "
      "group_size))");
  args_.granularity = Granularity::kBlock2d;
  args_.dequant_scale = wide;
  ExpectError(
      "row_quantization: dequant_scale is [2, 3, 2] but M/G = 1 (from ceil(M / "
      "group_size))");
  args_.granularity = Granularity::kTensor;
  ExpectError(
      "row_quantization: dequant_scale is [2, 3, 1], expected one element");
  args_.granularity = Granularity::kTensor;
  args_.dequant_scale = Tensor();
  ExpectError(
      "row_quantization: dequant_scale is missing, expected one element");
  const GuardedTensor exponents(DType::kE8M0, {2, 3, 1});
  args_.dequant_scale = exponents;
  ExpectError("row_quantization: dequant_scale has dtype e8m0, expected f32");
  const GuardedTensor half(kBF16, {2, 3, 1});
  args_.dequant_scale = half;
  ExpectError("row_quantization: dequant_scale has dtype bf16, expected f32");
}

TEST_F(RowQuantizationErrorTest, Attributes) {
  args_.granularity = static_cast<Granularity>(4);
  ExpectError(
      "row_quantization: granularity is 4, expected 0 (ROW), 1 (GROUP), 2 "
      "(BLOCK2D) or 3 (TENSOR)");
  for (const int64_t size : {int64_t{0}, int64_t{-128}}) {
    args_.granularity = Granularity::kGroup;
    args_.group_size = size;
    ExpectError("row_quantization: group_size is " + std::to_string(size) +
                ", expected >= 1");
    args_.granularity = Granularity::kBlock2d;
    args_.group_size = size;
    ExpectError("row_quantization: group_size is " + std::to_string(size));
  }
  for (const float value : {-1.0f, kNaN}) {
    args_.lower_bound = value;
    ExpectError("row_quantization: lower_bound is ");
    args_.min_dequant_scale = value;
    ExpectError("row_quantization: min_dequant_scale is ");
  }
}

TEST_F(RowQuantizationErrorTest, Overlap) {
  const GuardedTensor memory(kF32, {2, 3, 8});
  args_.hidden_state = memory;
  args_.quantized = Tensor(memory.view().data(), kE4M3, {2, 3, 8});
  ExpectError("row_quantization: quantized overlaps hidden_state");
  args_.hidden_state = memory;
  args_.dequant_scale = memory.view().Slice(2, 7, 1);
  ExpectError("row_quantization: dequant_scale overlaps hidden_state");
  args_.quantized = Tensor(memory.view().data(), kE4M3, {2, 3, 8});
  args_.dequant_scale = memory.view().Slice(2, 0, 1);
  ExpectError("row_quantization: dequant_scale overlaps quantized");
}

}  // namespace
}  // namespace tilework
