// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/fp8_dequantize.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/fp8_dequantize_oracle.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::HasSubstr;
using Granularity = QuantizationGranularity;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kE4M3 = DType::kF8E4M3;
constexpr DType kInputs[] = {kE4M3, DType::kF8E4M3_240, DType::kF8E5M2};
constexpr DType kOutputs[] = {kF32, kBF16, DType::kF16};
constexpr Granularity kAllGranularities[] = {
    Granularity::kRow, Granularity::kGroup, Granularity::kBlock2d,
    Granularity::kTensor};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNaN = std::nanf("");

struct Config {
  Dims shape;  // of y
  DType input = kE4M3;
  DType output = kF32;
  DType scale = kF32;
  Granularity granularity = Granularity::kRow;
  int64_t group_size = 128;
  bool packed = false;
  bool keep_dim = true;  // ROW scales are [..., 1]
  Layout layout = Layout::kContiguous;
  Layout output_layout = Layout::kContiguous;
};

Dims CodesShape(const Config& config) {
  Dims shape = config.shape;
  if (config.packed) shape[shape.size() - 1] += 4;
  return shape;
}

class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        codes_(config.input, CodesShape(config), config.layout),
        scale_(config.scale,
               ScaleShape(config.shape, config.granularity, config.group_size,
                          config.keep_dim),
               config.layout),
        y_(config.output, config.shape, config.output_layout) {
    Random random(1);
    // All codes, also those of NaN and infinity.
    ForEachIndex(codes_.view().shape(), [&](const Dims& index) {
      SetCode(codes_, index, static_cast<uint8_t>(random.Integer(0, 255)));
    });
    ForEachIndex(scale_.view().shape(), [&](const Dims& index) {
      Write(scale_, index, std::exp2(random.Uniform(-20, 10)));
    });
    if (config.packed) FillPackedScales(random);
  }

  Fp8DequantizeArgs args() const {
    Fp8DequantizeArgs args = {.quantized = codes_,
                              .y = y_,
                              .granularity = config_.granularity,
                              .group_size = config_.group_size,
                              .packed = config_.packed};
    if (!config_.packed) args.dequant_scale = scale_;
    return args;
  }
  const Tensor& codes() const { return codes_.view(); }
  const Tensor& scale() const { return scale_.view(); }
  const Tensor& output() const { return y_.view(); }
  bool Intact() const { return y_.Intact(); }

 private:
  void FillPackedScales(Random& random) {
    const int64_t h = config_.shape[config_.shape.size() - 1];
    uint8_t bytes[4];
    ForEachIndex(codes_.view().shape(), [&](const Dims& index) {
      const int64_t i = index[index.size() - 1] - h;
      if (i < 0) return;
      if (i == 0) {
        const auto scale = static_cast<float>(random.Uniform(1e-3, 2));
        std::memcpy(bytes, &scale, 4);
      }
      SetCode(codes_, index, bytes[i]);
    });
  }

  Config config_;
  GuardedTensor codes_, scale_, y_;
};

void ExpectMatches(const Fp8DequantizeArgs& args) {
  EXPECT_TRUE(Agrees(Fp8DequantizeExpected(args)));
}

class Fp8DequantizeTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const Fp8DequantizeArgs args = problem.args();
    SCOPED_TRACE(ToString(args.quantized) + " to " + ToString(args.y) +
                 ", scales " + ToString(args.dequant_scale));
    ASSERT_EQ(Fp8Dequantize(args, context_), absl::OkStatus());
    ExpectMatches(args);
    EXPECT_TRUE(problem.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(Fp8DequantizeTest);

TEST_P(Fp8DequantizeTest, EveryTypeAndLayout) {
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

TEST_P(Fp8DequantizeTest, MixedLayouts) {
  for (const Layout layout : kAllLayouts) {
    for (const Layout output_layout : kAllLayouts) {
      ExpectMatchesTheOracle({.shape = {2, 5, 71},
                              .granularity = Granularity::kGroup,
                              .group_size = 3,
                              .layout = layout,
                              .output_layout = output_layout});
    }
  }
}

TEST_P(Fp8DequantizeTest, Exponents) {
  for (const Granularity granularity : kAllGranularities) {
    ExpectMatchesTheOracle({.shape = {4, 5, 71},
                            .scale = DType::kE8M0,
                            .granularity = granularity,
                            .group_size = 2});
  }
}

TEST_P(Fp8DequantizeTest, Packed) {
  for (const DType input : kInputs) {
    for (const DType output : kOutputs) {
      for (const Layout layout : kAllLayouts) {
        ExpectMatchesTheOracle({.shape = {2, 3, 37},
                                .input = input,
                                .output = output,
                                .packed = true,
                                .layout = layout});
      }
    }
  }
}

TEST_P(Fp8DequantizeTest, EverySize) {
  for (const int64_t size : InterestingSizes(200)) {
    ExpectMatchesTheOracle({.shape = {2, size}});
    ExpectMatchesTheOracle({.shape = {2, size}, .packed = true});
    ExpectMatchesTheOracle({.shape = {2, size},
                            .output = kBF16,
                            .granularity = Granularity::kGroup,
                            .group_size = 31});
  }
}

TEST_P(Fp8DequantizeTest, EveryRank) {
  for (const Granularity granularity : kAllGranularities) {
    for (const Dims& shape :
         {Dims({13}), Dims({1, 1}), Dims({6, 13}), Dims({2, 3, 4, 13})}) {
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

TEST_P(Fp8DequantizeTest, LongRows) {
  ExpectMatchesTheOracle({.shape = {2, 140001}});
  ExpectMatchesTheOracle({.shape = {2, 140001},
                          .output = kBF16,
                          .granularity = Granularity::kGroup,
                          .group_size = 1000});
}

TEST_P(Fp8DequantizeTest, NaNScales) {
  for (const DType scale : {kF32, DType::kE8M0}) {
    const Problem problem({.shape = {3, 40}, .scale = scale});
    Write(problem.scale(), {1, 0}, static_cast<double>(kNaN));
    ASSERT_EQ(Fp8Dequantize(problem.args(), context_), absl::OkStatus());
    ExpectMatches(problem.args());
    for (int64_t i = 0; i < 40; ++i) {
      EXPECT_TRUE(std::isnan(Read(problem.output(), {1, i})));
    }
  }
}

// The smallest and the largest results, and the scale 0 of packed rows.
TEST_P(Fp8DequantizeTest, Extremes) {
  for (const DType output : kOutputs) {
    for (const double scale : {1e-45, 1e-38, 0x1p-24, 1.0, 1e37, 3e38}) {
      const Problem problem({.shape = {1, 256}, .output = output});
      for (int i = 0; i < 256; ++i) {
        SetCode(problem.codes(), {0, i}, static_cast<uint8_t>(i));
      }
      Write(problem.scale(), {0, 0}, scale);
      ASSERT_EQ(Fp8Dequantize(problem.args(), context_), absl::OkStatus());
      ExpectMatches(problem.args());
    }
  }
  const Problem problem({.shape = {1, 4}, .packed = true});
  for (int64_t i = 0; i < 8; ++i) {
    SetCode(problem.codes(), {0, i}, i < 4 ? 0x38 : 0);
  }
  ASSERT_EQ(Fp8Dequantize(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(ToDoubles(problem.output()), std::vector<double>(4, 0.0));
}

TEST_P(Fp8DequantizeTest, AnyNumberOfThreads) {
  const Config config = {
      .shape = {301, 515}, .output = kBF16, .granularity = Granularity::kGroup};
  const Problem problem(config);
  ASSERT_EQ(Fp8Dequantize(problem.args(), context_), absl::OkStatus());
  for (const int threads : {1, 3}) {
    const Problem other(config);
    HostContext context(threads);
    ASSERT_EQ(Fp8Dequantize(other.args(), context), absl::OkStatus());
    EXPECT_TRUE(SameBits(other.output(), problem.output()));
  }
}

TEST_P(Fp8DequantizeTest, ARowAloneIsTheRowInABatch) {
  const Problem batch({.shape = {301, 515}});
  ASSERT_EQ(Fp8Dequantize(batch.args(), context_), absl::OkStatus());
  Fp8DequantizeArgs args = batch.args();
  const GuardedTensor row(kF32, {1, 515});
  args.quantized = batch.codes().Slice(0, 150, 1);
  args.dequant_scale = batch.scale().Slice(0, 150, 1);
  args.y = row;
  ASSERT_EQ(Fp8Dequantize(args, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(row, batch.output().Slice(0, 150, 1)));
}

// An output that goes past the caches has the bits of small ones.
TEST_P(Fp8DequantizeTest, OutputsBeyondTheCaches) {
  constexpr int64_t kRows = 512, kSize = (int64_t{1} << 14) + 1;
  Buffer codes(kE4M3, {kRows, kSize});
  auto* bytes = static_cast<uint8_t*>(codes.view().data());
  for (int64_t i = 0; i < kRows * kSize; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 7919 % 0x7F);
  }
  Buffer scale(kF32, {kRows});
  for (int64_t i = 0; i < kRows; ++i) {
    scale.data<float>()[i] = static_cast<float>(i + 1);
  }
  Buffer y(kF32, {kRows * kSize + 1});
  const Tensor large =
      y.view().Slice(0, 1, kRows * kSize).Reshape({kRows, kSize});
  ASSERT_EQ(Fp8Dequantize({.quantized = codes.view(),
                           .dequant_scale = scale.view(),
                           .y = large},
                          context_),
            absl::OkStatus());
  Buffer small(kF32, {1, kSize});
  for (const int64_t row : {int64_t{0}, kRows / 2, kRows - 1}) {
    ASSERT_EQ(Fp8Dequantize({.quantized = codes.view().Slice(0, row, 1),
                             .dequant_scale = scale.view().Slice(0, row, 1),
                             .y = small.view()},
                            context_),
              absl::OkStatus());
    EXPECT_EQ(std::memcmp(small.view().data(), large.Slice(0, row, 1).data(),
                          4 * kSize),
              0);
  }
}

TEST_P(Fp8DequantizeTest, NoElements) {
  NoDispatchNeeded();
  const Problem rows({.shape = {0, 8}});
  EXPECT_EQ(Fp8Dequantize(rows.args(), context_), absl::OkStatus());
  const Problem packed({.shape = {2, 0, 8}, .packed = true});
  EXPECT_EQ(Fp8Dequantize(packed.args(), context_), absl::OkStatus());
}

class Fp8DequantizeErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = Fp8Dequantize(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(problem_.output())) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
    args_ = problem_.args();
  }

  Problem problem_{{.shape = {2, 3, 8}, .group_size = 4}};
  Fp8DequantizeArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(Fp8DequantizeErrorTest, NoFault) {
  EXPECT_EQ(Fp8Dequantize(args_, context_), absl::OkStatus());
}

TEST_F(Fp8DequantizeErrorTest, Tensors) {
  args_.quantized = ConstTensor();
  ExpectError("fp8_dequantize: quantized is missing, expected [..., H]");
  const GuardedTensor bytes(DType::kU8, {2, 3, 8});
  args_.quantized = bytes;
  ExpectError(
      "fp8_dequantize: quantized has dtype u8, expected f8e4m3 or f8e4m3_240 "
      "or f8e5m2");
  args_.y = Tensor();
  ExpectError("fp8_dequantize: y is missing, expected [..., H]");
  args_.y = bytes;
  ExpectError("fp8_dequantize: y has dtype u8, expected f32 or bf16 or f16");
  const GuardedTensor narrow(kF32, {2, 3, 7});
  args_.y = narrow;
  ExpectError(
      "fp8_dequantize: y is [2, 3, 7] but H = 8 (from quantized [2, 3, 8])");
  const GuardedTensor empty(kE4M3, {3, 0});
  args_.quantized = empty;
  ExpectError("fp8_dequantize: quantized is [3, 0]: H = 0, expected >= 1");
  args_.quantized = empty;
  args_.granularity = Granularity::kTensor;
  ExpectError("fp8_dequantize: quantized is [3, 0]: no elements");
}

TEST_F(Fp8DequantizeErrorTest, Scale) {
  args_.dequant_scale = Tensor();
  ExpectError("fp8_dequantize: dequant_scale is missing");
  const GuardedTensor half(kBF16, {2, 3, 1});
  args_.dequant_scale = half;
  ExpectError(
      "fp8_dequantize: dequant_scale has dtype bf16, expected f32 or e8m0");
  args_.granularity = Granularity::kGroup;
  ExpectError("fp8_dequantize: dequant_scale is [2, 3, 1] but H/G = 2");
  args_.granularity = Granularity::kTensor;
  ExpectError(
      "fp8_dequantize: dequant_scale is [2, 3, 1], expected one element");
  const double before = Read(problem_.scale(), {1, 2, 0});
  for (const float value : {0.0f, -1.0f, kInfinity}) {
    Write(problem_.scale(), {1, 2, 0}, static_cast<double>(value));
    ExpectError("fp8_dequantize: dequant_scale[1, 2, 0] is ");
    Write(problem_.scale(), {1, 2, 0}, before);
  }
}

TEST_F(Fp8DequantizeErrorTest, Attributes) {
  args_.granularity = static_cast<Granularity>(4);
  ExpectError("fp8_dequantize: granularity is 4, expected 0 (ROW), 1 (GROUP)");
  args_.granularity = Granularity::kGroup;
  args_.group_size = 0;
  ExpectError("fp8_dequantize: group_size is 0, expected >= 1");
}

TEST_F(Fp8DequantizeErrorTest, Packed) {
  args_.packed = true;
  ExpectError("fp8_dequantize: dequant_scale is given but packed is true");
  args_.packed = true;
  args_.dequant_scale = ConstTensor();
  ExpectError("fp8_dequantize: y is [2, 3, 8] but H = 4 (from H+4 - 4)");
  const GuardedTensor narrow(kE4M3, {2, 3, 3});
  args_.packed = true;
  args_.dequant_scale = ConstTensor();
  args_.quantized = narrow;
  ExpectError("fp8_dequantize: quantized is [2, 3, 3]: H+4 = 3, expected >= 4");
  args_.packed = true;
  args_.granularity = Granularity::kGroup;
  ExpectError("fp8_dequantize: packed with granularity 1, expected 0 (ROW)");
  const GuardedTensor empty(kE4M3, {2, 3, 4});
  args_.packed = true;
  args_.dequant_scale = ConstTensor();
  args_.quantized = empty;
  ExpectError("fp8_dequantize: quantized is [2, 3, 4]: H = 0, expected >= 1");
}

TEST_F(Fp8DequantizeErrorTest, Overlap) {
  const GuardedTensor memory(kF32, {2, 3, 8});
  args_.y = memory;
  args_.quantized = Tensor(memory.view().data(), kE4M3, {2, 3, 8});
  ExpectError("fp8_dequantize: y overlaps quantized");
  args_.y = memory;
  args_.dequant_scale = memory.view().Slice(2, 7, 1);
  ExpectError("fp8_dequantize: y overlaps dequant_scale");
}

}  // namespace
}  // namespace tilework
