// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8_oracle.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using Mode = MxScaleMode;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kE4M3 = DType::kF8E4M3;
constexpr DType kE5M2 = DType::kF8E5M2;
constexpr DType kE2M1 = DType::kF4E2M1;
constexpr DType kE8M0 = DType::kE8M0;
constexpr DType kU8 = DType::kU8;
constexpr DType kInputs[] = {kF32, kBF16, DType::kF16};
constexpr DType kOutputs[] = {kE4M3, kE5M2, kE2M1};
constexpr Mode kAllModes[] = {Mode::kFloor, Mode::kCeil, Mode::kEven,
                              Mode::kRceil};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNaN = std::nanf("");

struct Config {
  Dims shape;
  DType input = kF32;
  DType output = kE4M3;
  DType scale = kE8M0;
  int axis = -1;
  Mode mode = Mode::kFloor;
  bool transposed = false;
  Layout layout = Layout::kContiguous;
  Layout output_layout = Layout::kContiguous;
};

int64_t Blocks(int64_t size) { return (size + 31) / 32; }

Dims Swapped(Dims shape) {
  if (shape.size() >= 2) {
    std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  }
  return shape;
}
// `shape` with the dimension `axis` in blocks.
Dims InBlocks(Dims shape, int axis) {
  const int i = shape.size() + axis;
  shape[i] = Blocks(shape[i]);
  return shape;
}

class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        x_(config.input, config.shape, config.layout),
        data_(config.output, config.shape, config.output_layout),
        scales_(config.scale, InBlocks(config.shape, config.axis),
                config.output_layout),
        data_t_(config.output, Swapped(config.shape), config.output_layout),
        scales_t_(config.scale, InBlocks(Swapped(config.shape), -1),
                  config.output_layout) {
    Random random(1);
    // Blocks of different magnitudes.
    ForEachIndex(config.shape, [&](const Dims& index) {
      const int64_t last = index[index.size() - 1];
      const double scale = std::exp2(static_cast<double>(last / 32 * 7 - 12));
      const int64_t kind = random.Integer(0, 16);
      Write(x_, index, kind == 0 ? -0.0 : scale * random.Normal());
    });
  }

  QuantizeMxfp8Args args() const {
    QuantizeMxfp8Args args = {.src_tensor = x_,
                              .data = data_,
                              .scales = scales_,
                              .axis = config_.axis,
                              .scale_mode = config_.mode};
    if (config_.transposed) {
      args.data_t = data_t_;
      args.scales_t = scales_t_;
    }
    return args;
  }
  const Tensor& input() const { return x_.view(); }
  bool Intact() const {
    return x_.Intact() && data_.Intact() && scales_.Intact() &&
           data_t_.Intact() && scales_t_.Intact();
  }

 private:
  Config config_;
  GuardedTensor x_, data_, scales_, data_t_, scales_t_;
};

void ExpectMatches(const QuantizeMxfp8Args& args) {
  const MxReference reference = QuantizeMxfp8Oracle(args);
  if (args.axis == -1) {
    EXPECT_EQ(Codes(args.scales), reference.scales);
    EXPECT_EQ(Codes(args.data), reference.codes);
  } else {
    EXPECT_EQ(Codes(args.scales.Transpose()), reference.scales);
    EXPECT_EQ(Codes(args.data.Transpose()), reference.codes);
  }
  if (!args.data_t.present()) return;
  const MxReference transposed = QuantizeMxfp8TransposedOracle(args);
  EXPECT_EQ(Codes(args.scales_t), transposed.scales);
  EXPECT_EQ(Codes(args.data_t), transposed.codes);
}

class QuantizeMxfp8Test : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const QuantizeMxfp8Args args = problem.args();
    SCOPED_TRACE(ToString(args.src_tensor) + " to " + ToString(args.data) +
                 ", scales " + ToString(args.scales) + ", mode " +
                 std::to_string(static_cast<int>(args.scale_mode)));
    ASSERT_EQ(QuantizeMxfp8(args, context_), absl::OkStatus());
    ExpectMatches(args);
    EXPECT_TRUE(problem.Intact());
  }
  // The scale's code, and the codes of one block.
  std::vector<int> Quantize(const std::vector<float>& block, DType dtype,
                            Mode mode) {
    const auto size = static_cast<int64_t>(block.size());
    const GuardedTensor data(dtype, {size});
    const GuardedTensor scale(kU8, {1});
    EXPECT_EQ(
        QuantizeMxfp8({.src_tensor = ConstTensor(block.data(), kF32, {size}),
                       .data = data,
                       .scales = scale,
                       .scale_mode = mode},
                      context_),
        absl::OkStatus());
    std::vector<int> result = {Codes(scale)[0]};
    for (const uint8_t code : Codes(data)) result.push_back(code);
    return result;
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(QuantizeMxfp8Test);

TEST_P(QuantizeMxfp8Test, EveryTypeAndMode) {
  for (const DType input : kInputs) {
    for (const DType output : kOutputs) {
      for (const Mode mode : kAllModes) {
        ExpectMatchesTheOracle(
            {.shape = {3, 71}, .input = input, .output = output, .mode = mode});
      }
    }
  }
}

TEST_P(QuantizeMxfp8Test, EverySize) {
  for (const int64_t size : InterestingSizes(200)) {
    for (const DType output : kOutputs) {
      ExpectMatchesTheOracle(
          {.shape = {2, size}, .input = kBF16, .output = output});
    }
  }
}

TEST_P(QuantizeMxfp8Test, EveryRankAndLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const Dims& shape : {Dims({37}), Dims({5, 37}), Dims({2, 3, 64}),
                              Dims({2, 1, 3, 2, 37}), Dims({4, 1})}) {
      for (const DType output : kOutputs) {
        const bool packed = output == kE2M1 && layout == Layout::kReversed;
        ExpectMatchesTheOracle(
            {.shape = shape,
             .output = output,
             .scale = kU8,
             .layout = layout,
             .output_layout = packed ? Layout::kContiguous : layout});
      }
    }
  }
}

TEST_P(QuantizeMxfp8Test, LongRows) {
  for (const DType output : kOutputs) {
    ExpectMatchesTheOracle({.shape = {2, 3001}, .output = output});
  }
  ExpectMatchesTheOracle({.shape = {2, 70001}, .input = kBF16});
  ExpectMatchesTheOracle({.shape = {2001, 40}, .input = kBF16});
}

// Blocks of every magnitude, and of elements of very different ones, beside one
// another: what is done for many at once must suit each.
TEST_P(QuantizeMxfp8Test, ManyUnlikeBlocks) {
  constexpr int64_t kBlocks = 16 * 20 + 9;
  Random random(2);
  for (const DType input : kInputs) {
    const GuardedTensor x(input, {2, 32 * kBlocks});
    ForEachIndex(x.view().shape(), [&](const Dims& index) {
      const int64_t block = index[1] / 32;
      // The second row is all normal: most of it is done at once.
      const bool wide = index[0] == 0 && block % 3 == 0;
      const auto exponent =
          static_cast<int>(index[0] == 0 ? block % 270 - 145 : block % 20 - 12);
      const auto below = static_cast<int>(wide ? random.Integer(0, 20) : 0);
      double value = std::ldexp(random.Normal(), exponent - below);
      if (block % 7 == 5) value = 0;
      if (index[0] == 0 && random.Integer(0, 999) == 0) value = kInfinity;
      if (index[0] == 0 && random.Integer(0, 999) == 0) value = kNaN;
      Write(x, index, value);
    });
    for (const DType output : kOutputs) {
      for (const Mode mode : kAllModes) {
        const GuardedTensor data(output, x.view().shape());
        const GuardedTensor scales(kE8M0, {2, kBlocks});
        const QuantizeMxfp8Args args = {.src_tensor = x,
                                        .data = data,
                                        .scales = scales,
                                        .scale_mode = mode};
        ASSERT_EQ(QuantizeMxfp8(args, context_), absl::OkStatus());
        ExpectMatches(args);
        EXPECT_TRUE(data.Intact() && scales.Intact());
      }
    }
  }
}

TEST_P(QuantizeMxfp8Test, AlongTheOtherAxis) {
  for (const DType input : kInputs) {
    for (const DType output : {kE4M3, kE5M2}) {
      for (const Layout layout : kAllLayouts) {
        ExpectMatchesTheOracle({.shape = {2, 71, 35},
                                .input = input,
                                .output = output,
                                .axis = -2,
                                .layout = layout,
                                .output_layout = layout});
      }
    }
  }
  for (const Dims& shape : {Dims({1, 1}), Dims({32, 5}), Dims({33, 64}),
                            Dims({2, 3, 5, 7}), Dims({3, 2500})}) {
    for (const Mode mode : kAllModes) {
      ExpectMatchesTheOracle({.shape = shape, .axis = -2, .mode = mode});
    }
  }
}

TEST_P(QuantizeMxfp8Test, AlongBothAxes) {
  for (const DType input : kInputs) {
    for (const DType output : kOutputs) {
      for (const Layout layout : kAllLayouts) {
        const bool packed = output == kE2M1 && layout == Layout::kReversed;
        ExpectMatchesTheOracle(
            {.shape = {2, 71, 37},
             .input = input,
             .output = output,
             .transposed = true,
             .layout = layout,
             .output_layout = packed ? Layout::kContiguous : layout});
      }
    }
  }
  for (const Dims& shape : {Dims({1, 1}), Dims({32, 5}), Dims({33, 64}),
                            Dims({2, 3, 5, 7}), Dims({3, 2500})}) {
    for (const DType output : kOutputs) {
      ExpectMatchesTheOracle(
          {.shape = shape, .output = output, .transposed = true});
    }
  }
}

TEST_P(QuantizeMxfp8Test, GivenBlocks) {
  const auto floor = [&](const std::vector<float>& block, DType dtype) {
    return Quantize(block, dtype, Mode::kFloor);
  };
  const auto rceil = [&](const std::vector<float>& block, DType dtype) {
    return Quantize(block, dtype, Mode::kRceil);
  };
  std::vector<float> x = {1, -0.5f, 0.3f, 0};
  EXPECT_THAT(floor(x, kE4M3), ElementsAre(119, 0x78, 0xF0, 0x6A, 0));
  EXPECT_THAT(rceil(x, kE4M3), ElementsAre(119, 0x78, 0xF0, 0x6A, 0));
  EXPECT_THAT(floor(x, kE5M2), ElementsAre(112, 0x78, 0xF4, 0x71, 0));
  EXPECT_THAT(floor(x, kE2M1), ElementsAre(125, 6, 0xC, 2, 0));
  x = {500, 1, -3.3f, 0.01f};
  EXPECT_THAT(floor(x, kE4M3), ElementsAre(127, 0x7E, 0x38, 0xC5, 0x05));
  EXPECT_THAT(rceil(x, kE4M3), ElementsAre(128, 0x78, 0x30, 0xBD, 0x03));
  EXPECT_THAT(floor(x, kE5M2), ElementsAre(120, 0x7B, 0x58, 0xDF, 0x3D));
  EXPECT_THAT(floor(x, kE2M1), ElementsAre(133, 7, 0, 8, 0));
  EXPECT_THAT(rceil(x, kE2M1), ElementsAre(134, 6, 0, 8, 0));
  EXPECT_EQ(Quantize(x, kE4M3, Mode::kCeil)[0], 128);
  EXPECT_EQ(Quantize(x, kE4M3, Mode::kEven)[0], 128);
  x = {448, 449, -448, 100};
  EXPECT_THAT(floor(x, kE4M3), ElementsAre(127, 0x7E, 0x7E, 0xFE, 0x6C));
  EXPECT_THAT(rceil(x, kE4M3), ElementsAre(128, 0x76, 0x76, 0xF6, 0x64));
  EXPECT_THAT(floor(x, kE5M2), ElementsAre(120, 0x7B, 0x7B, 0xFB, 0x72));
  EXPECT_THAT(floor(x, kE2M1), ElementsAre(133, 7, 7, 0xF, 3));
  EXPECT_THAT(rceil(x, kE2M1), ElementsAre(134, 6, 6, 0xE, 2));
  EXPECT_EQ(Quantize(x, kE4M3, Mode::kCeil)[0], 128);
  EXPECT_EQ(Quantize(x, kE4M3, Mode::kEven)[0], 127);
  EXPECT_EQ(Quantize(x, kE2M1, Mode::kEven)[0], 134);
  x = {7.9f, 1, 0.26f, -0.24f};
  EXPECT_THAT(floor(x, kE4M3), ElementsAre(121, 0x7E, 0x68, 0x58, 0xD7));
  EXPECT_THAT(rceil(x, kE4M3), ElementsAre(122, 0x78, 0x60, 0x50, 0xCF));
  EXPECT_THAT(floor(x, kE5M2), ElementsAre(114, 0x7B, 0x70, 0x68, 0xE8));
  EXPECT_THAT(floor(x, kE2M1), ElementsAre(127, 7, 2, 1, 8));
  EXPECT_THAT(rceil(x, kE2M1), ElementsAre(128, 6, 1, 0, 8));
}

TEST_P(QuantizeMxfp8Test, ExtremeBlocks) {
  for (const Mode mode : kAllModes) {
    const auto quantize = [&](const std::vector<float>& block, DType dtype) {
      return Quantize(block, dtype, mode);
    };
    std::vector<float> x = {0, -0.0f, 0, 0};
    EXPECT_THAT(quantize(x, kE4M3), ElementsAre(0, 0, 0x80, 0, 0));
    EXPECT_THAT(quantize(x, kE5M2), ElementsAre(0, 0, 0x80, 0, 0));
    EXPECT_THAT(quantize(x, kE2M1), ElementsAre(0, 0, 8, 0, 0));
    x = {1e-40f, 5e-39f, 0, -1e-39f};
    EXPECT_THAT(quantize(x, kE4M3), ElementsAre(0, 0x09, 0x36, 0, 0xA3));
    EXPECT_THAT(quantize(x, kE5M2), ElementsAre(0, 0x24, 0x3B, 0, 0xB1));
    EXPECT_THAT(quantize(x, kE2M1), ElementsAre(0, 0, 2, 0, 8));
    for (const float bad : {kInfinity, -kInfinity, kNaN}) {
      for (const DType dtype : kOutputs) {
        EXPECT_THAT(quantize({bad, 1, 2, -1}, dtype),
                    ElementsAre(255, 0, 0, 0, 0));
      }
    }
  }
  const std::vector<float> x = {3e38f, 1e38f, 1, -1e30f};
  EXPECT_THAT(Quantize(x, kE4M3, Mode::kFloor),
              ElementsAre(246, 0x7E, 0x71, 0, 0x80));
  EXPECT_THAT(Quantize(x, kE4M3, Mode::kRceil),
              ElementsAre(247, 0x76, 0x69, 0, 0x80));
  EXPECT_THAT(Quantize(x, kE5M2, Mode::kFloor),
              ElementsAre(239, 0x7B, 0x75, 0, 0x8A));
  EXPECT_THAT(Quantize(x, kE2M1, Mode::kFloor), ElementsAre(252, 7, 4, 0, 8));
  EXPECT_THAT(Quantize(x, kE2M1, Mode::kRceil), ElementsAre(253, 6, 2, 0, 8));
}

// Every exponent of the largest magnitude, with mantissas at the edges of what
// the modes tell apart.
TEST_P(QuantizeMxfp8Test, EveryScale) {
  std::vector<float> values;
  for (int exponent = -149; exponent < 128; ++exponent) {
    for (const double m : {1.0, 1 + 0x1p-23, 1.25 - 0x1p-23, 1.25, 1.5, 1.75,
                           1.75 + 0x1p-23, 1.875, 1.9375, 2 - 0x1p-23}) {
      const double value = std::ldexp(m, exponent);
      values.push_back(static_cast<float>(value));
    }
  }
  const auto rows = static_cast<int64_t>(values.size());
  const ConstTensor x(values.data(), kF32, {rows, 1});
  for (const DType dtype : kOutputs) {
    for (const Mode mode : kAllModes) {
      const GuardedTensor data(dtype, {rows, 1});
      const GuardedTensor scales(kE8M0, {rows, 1});
      const QuantizeMxfp8Args args = {
          .src_tensor = x, .data = data, .scales = scales, .scale_mode = mode};
      ASSERT_EQ(QuantizeMxfp8(args, context_), absl::OkStatus());
      ExpectMatches(args);
    }
  }
}

TEST_P(QuantizeMxfp8Test, OnlyTheBlockOfANaNIsNaN) {
  for (const bool transposed : {false, true}) {
    const Problem problem({.shape = {64, 96}, .transposed = transposed});
    Write(problem.input(), {40, 50}, static_cast<double>(kNaN));
    Write(problem.input(), {3, 3}, static_cast<double>(kInfinity));
    ASSERT_EQ(QuantizeMxfp8(problem.args(), context_), absl::OkStatus());
    ExpectMatches(problem.args());
  }
}

TEST_P(QuantizeMxfp8Test, AnyNumberOfThreads) {
  for (const int kind : {0, 1, 2}) {
    const Config config = {.shape = {301, 515},
                           .input = kBF16,
                           .axis = kind == 1 ? -2 : -1,
                           .transposed = kind == 2};
    const Problem problem(config);
    ASSERT_EQ(QuantizeMxfp8(problem.args(), context_), absl::OkStatus());
    for (const int threads : {1, 3}) {
      const Problem other(config);
      HostContext context(threads);
      ASSERT_EQ(QuantizeMxfp8(other.args(), context), absl::OkStatus());
      EXPECT_TRUE(SameBits(other.args().data, problem.args().data));
      EXPECT_TRUE(SameBits(other.args().scales, problem.args().scales));
      if (kind != 2) continue;
      EXPECT_TRUE(SameBits(other.args().data_t, problem.args().data_t));
      EXPECT_TRUE(SameBits(other.args().scales_t, problem.args().scales_t));
    }
  }
}

TEST_P(QuantizeMxfp8Test, ARowAloneIsTheRowInABatch) {
  const Problem batch({.shape = {301, 515}, .input = kBF16});
  ASSERT_EQ(QuantizeMxfp8(batch.args(), context_), absl::OkStatus());
  const GuardedTensor data(kE4M3, {1, 515});
  const GuardedTensor scales(kE8M0, {1, Blocks(515)});
  ASSERT_EQ(QuantizeMxfp8({.src_tensor = batch.input().Slice(0, 150, 1),
                           .data = data,
                           .scales = scales},
                          context_),
            absl::OkStatus());
  EXPECT_TRUE(SameBits(data, batch.args().data.Slice(0, 150, 1)));
  EXPECT_TRUE(SameBits(scales, batch.args().scales.Slice(0, 150, 1)));
}

// An output that goes past the caches has the bits of small ones.
TEST_P(QuantizeMxfp8Test, OutputsBeyondTheCaches) {
  constexpr int64_t kRows = 1024, kSize = (int64_t{1} << 15) + 1;
  Buffer x(kBF16, {kRows, kSize});
  for (int64_t i = 0; i < kRows * kSize; ++i) {
    x.data<BFloat16>()[i] =
        BFloat16::FromBits(static_cast<uint16_t>(0x3C00 + i * 7919 % 0x800));
  }
  Buffer data(kE4M3, {kRows * kSize + 1});
  Buffer scales(kE8M0, {kRows, Blocks(kSize)});
  const Tensor large =
      data.view().Slice(0, 1, kRows * kSize).Reshape({kRows, kSize});
  ASSERT_EQ(
      QuantizeMxfp8(
          {.src_tensor = x.view(), .data = large, .scales = scales.view()},
          context_),
      absl::OkStatus());
  Buffer small(kE4M3, {1, kSize});
  Buffer small_scales(kE8M0, {1, Blocks(kSize)});
  for (const int64_t row : {int64_t{0}, kRows / 2, kRows - 1}) {
    ASSERT_EQ(QuantizeMxfp8({.src_tensor = x.view().Slice(0, row, 1),
                             .data = small.view(),
                             .scales = small_scales.view()},
                            context_),
              absl::OkStatus());
    EXPECT_EQ(
        std::memcmp(small.view().data(), large.Slice(0, row, 1).data(), kSize),
        0);
    EXPECT_TRUE(SameBits(small_scales.view(), scales.view().Slice(0, row, 1)));
  }
}

TEST_P(QuantizeMxfp8Test, NoElements) {
  NoDispatchNeeded();
  for (const Dims& shape : {Dims({0, 8}), Dims({2, 0, 8}), Dims({0, 0})}) {
    for (const int axis : {-1, -2}) {
      const Problem problem({.shape = shape, .axis = axis});
      EXPECT_EQ(QuantizeMxfp8(problem.args(), context_), absl::OkStatus());
    }
  }
}

class QuantizeMxfp8ErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const std::vector<uint8_t> before = Codes(problem_.args().data);
    const absl::Status status = QuantizeMxfp8(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    EXPECT_EQ(Codes(problem_.args().data), before)
        << "written before the error";
    args_ = problem_.args();
  }

  Problem problem_{{.shape = {2, 3, 40}, .transposed = true}};
  QuantizeMxfp8Args args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(QuantizeMxfp8ErrorTest, NoFault) {
  EXPECT_EQ(QuantizeMxfp8(args_, context_), absl::OkStatus());
}

TEST_F(QuantizeMxfp8ErrorTest, Source) {
  args_.src_tensor = ConstTensor();
  ExpectError("quantize_mxfp8: src_tensor is missing, expected [..., F, K]");
  args_.src_tensor = args_.data;
  ExpectError(
      "quantize_mxfp8: src_tensor has dtype f8e4m3, expected f32 or bf16 or "
      "f16");
  const GuardedTensor empty(kF32, {2, 0});
  args_ = {.src_tensor = empty};
  ExpectError("quantize_mxfp8: src_tensor is [2, 0]: K = 0, expected >= 1");
  args_ = {.src_tensor = empty, .axis = -2};
  ExpectError("quantize_mxfp8: src_tensor is [2, 0]: K = 0, expected >= 1");
  const GuardedTensor vector(kF32, {8});
  args_ = {.src_tensor = vector, .axis = -2};
  ExpectError("quantize_mxfp8: src_tensor is [8], expected [..., F, K]");
  const GuardedTensor data(kE4M3, {8});
  const GuardedTensor scales(kE8M0, {1});
  args_.src_tensor = vector;
  args_.data = data;
  args_.scales = scales;
  ExpectError(
      "quantize_mxfp8: data_t is given but axis is -2 or src_tensor has no F");
}

TEST_F(QuantizeMxfp8ErrorTest, Data) {
  args_.data = Tensor();
  ExpectError("quantize_mxfp8: data is missing, expected [..., F, K]");
  const GuardedTensor other(DType::kF8E4M3_240, {2, 3, 40});
  args_.data = other;
  ExpectError(
      "quantize_mxfp8: data has dtype f8e4m3_240, expected f8e4m3 or f8e5m2 or "
      "f4e2m1");
  const GuardedTensor narrow(kE4M3, {2, 3, 39});
  args_.data = narrow;
  ExpectError(
      "quantize_mxfp8: data is [2, 3, 39] but K = 40 (from src_tensor [2, 3, "
      "40])");
  const GuardedTensor packed(kE2M1, {2, 3, 40});
  args_.data = packed;
  ExpectError("quantize_mxfp8: data_t has dtype f8e4m3, expected f4e2m1");
  args_ = {.src_tensor = args_.src_tensor,
           .data = packed,
           .scales = args_.scales,
           .axis = -2};
  ExpectError(
      "quantize_mxfp8: data has dtype f4e2m1, expected f8e4m3 or f8e5m2");
  const GuardedTensor reversed(kE2M1, {2, 3, 40}, Layout::kReversed);
  args_.data = reversed;
  ExpectError("quantize_mxfp8: data of f4e2m1 has strides ");
  args_.data = Tensor(packed.view().data(), kE2M1, {2, 3, 40}, {120, 39, 1});
  ExpectError(
      "quantize_mxfp8: data of f4e2m1 has strides [120, 39, 1], expected 1 in "
      "one dimension and even ones elsewhere");
}

TEST_F(QuantizeMxfp8ErrorTest, Scales) {
  args_.scales = Tensor();
  ExpectError("quantize_mxfp8: scales is missing, expected [..., F, K/32]");
  const GuardedTensor floats(kF32, {2, 3, 2});
  args_.scales = floats;
  ExpectError("quantize_mxfp8: scales has dtype f32, expected e8m0 or u8");
  const GuardedTensor wide(kE8M0, {2, 3, 3});
  args_.scales = wide;
  ExpectError(
      "quantize_mxfp8: scales is [2, 3, 3] but K/32 = 2 (from ceil(K / 32))");
  args_.data_t = args_.scales_t = Tensor();
  args_.axis = -2;
  ExpectError(
      "quantize_mxfp8: scales is [2, 3, 2] but F/32 = 1 (from ceil(F / 32))");
}

TEST_F(QuantizeMxfp8ErrorTest, Transposed) {
  args_.data_t = Tensor();
  ExpectError("quantize_mxfp8: scales_t is given but data_t is not");
  args_.scales_t = Tensor();
  ExpectError("quantize_mxfp8: scales_t is missing, expected [..., K, F/32]");
  args_.data_t = args_.data;
  ExpectError("quantize_mxfp8: data_t is [2, 3, 40] but K = 40");
  args_.scales_t = args_.scales;
  ExpectError("quantize_mxfp8: scales_t is [2, 3, 2] but K = 40");
  const GuardedTensor scales(kE8M0, {2, 1, 40});
  args_.axis = -2;
  args_.scales = scales;
  ExpectError("quantize_mxfp8: data_t is given but axis is -2");
  const GuardedTensor packed(kE2M1, {2, 3, 40});
  const GuardedTensor reversed(kE2M1, {2, 40, 3}, Layout::kReversed);
  args_.data = packed;
  args_.data_t = reversed;
  ExpectError("quantize_mxfp8: data_t of f4e2m1 has strides ");
}

TEST_F(QuantizeMxfp8ErrorTest, Attributes) {
  for (const int axis : {0, 1, -3}) {
    args_.axis = axis;
    ExpectError("quantize_mxfp8: axis is " + std::to_string(axis) +
                ", expected -1 or -2");
  }
  for (const int64_t size : {0, 16, 64}) {
    args_.block_size = size;
    ExpectError("quantize_mxfp8: block_size is " + std::to_string(size) +
                ", expected 32");
  }
  args_.scale_mode = static_cast<Mode>(4);
  ExpectError(
      "quantize_mxfp8: scale_mode is 4, expected 0 (FLOOR), 1 (CEIL), 2 (EVEN) "
      "or 3 (RCEIL)");
}

TEST_F(QuantizeMxfp8ErrorTest, Overlap) {
  const auto at = [](const ConstTensor& memory, const Tensor& like) {
    return Tensor(const_cast<void*>(memory.data()), like.dtype(), like.shape());
  };
  const auto expect = [&](Tensor QuantizeMxfp8Args::*output,
                          const ConstTensor& other,
                          const std::string& message) {
    args_.*output = at(other, args_.*output);
    ExpectError(message);
  };
  using Args = QuantizeMxfp8Args;
  expect(&Args::data, args_.src_tensor,
         "quantize_mxfp8: data overlaps src_tensor");
  expect(&Args::scales, args_.src_tensor,
         "quantize_mxfp8: scales overlaps src_tensor");
  expect(&Args::data_t, args_.src_tensor,
         "quantize_mxfp8: data_t overlaps src_tensor");
  expect(&Args::scales_t, args_.src_tensor,
         "quantize_mxfp8: scales_t overlaps src_tensor");
  expect(&Args::scales, args_.data, "quantize_mxfp8: scales overlaps data");
  expect(&Args::data_t, args_.data, "quantize_mxfp8: data_t overlaps data");
  expect(&Args::scales_t, args_.data_t,
         "quantize_mxfp8: scales_t overlaps data_t");
}

}  // namespace
}  // namespace tilework
