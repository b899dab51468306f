// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/mx_dequantize.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/mx_dequantize_oracle.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::HasSubstr;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kE4M3 = DType::kF8E4M3;
constexpr DType kE2M1 = DType::kF4E2M1;
constexpr DType kE8M0 = DType::kE8M0;
constexpr DType kInputs[] = {kE4M3, DType::kF8E5M2, kE2M1};
constexpr DType kOutputs[] = {kF32, kBF16, DType::kF16};

struct Config {
  Dims shape;
  DType input = kE4M3;
  DType output = kF32;
  DType scale = kE8M0;
  int axis = -1;
  Layout layout = Layout::kContiguous;
  Layout output_layout = Layout::kContiguous;
  bool swapped = false;  // data lies with the last two dimensions swapped
};

Dims ScalesShape(const Config& config) {
  Dims shape = config.shape;
  const int i = shape.size() + config.axis;
  shape[i] = (shape[i] + 31) / 32;
  return shape;
}
Dims DataShape(const Config& config) {
  Dims shape = config.shape;
  const int last = shape.size() - 1;
  if (config.swapped) std::swap(shape[last], shape[last - 1]);
  return shape;
}

class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        data_(config.input, DataShape(config), config.layout),
        scales_(config.scale, ScalesShape(config), config.output_layout),
        y_(config.output, config.shape, config.output_layout) {
    Random random(1);
    // All codes.
    ForEachIndex(data_.view().shape(), [&](const Dims& index) {
      SetCode(data_, index, static_cast<uint8_t>(random.Integer(0, 255)));
    });
    ForEachIndex(scales_.view().shape(), [&](const Dims& index) {
      const int64_t code = random.Integer(0, 9) == 0 ? random.Integer(0, 255)
                                                     : random.Integer(117, 137);
      SetCode(scales_, index, static_cast<uint8_t>(code));
    });
  }

  MxDequantizeArgs args() const {
    return {.data = config_.swapped ? data_.view().Transpose() : data_.view(),
            .scales = scales_,
            .y = y_,
            .axis = config_.axis};
  }
  bool Intact() const { return y_.Intact(); }

 private:
  Config config_;
  GuardedTensor data_, scales_, y_;
};

void ExpectMatches(const MxDequantizeArgs& args) {
  EXPECT_TRUE(Agrees(MxDequantizeExpected(args)));
}

class MxDequantizeTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const MxDequantizeArgs args = problem.args();
    SCOPED_TRACE(ToString(args.data) + " to " + ToString(args.y) + ", scales " +
                 ToString(args.scales));
    ASSERT_EQ(MxDequantize(args, context_), absl::OkStatus());
    ExpectMatches(args);
    EXPECT_TRUE(problem.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(MxDequantizeTest);

TEST_P(MxDequantizeTest, EveryTypeAndLayout) {
  for (const DType input : kInputs) {
    for (const DType output : kOutputs) {
      for (const Layout layout : kAllLayouts) {
        for (const int axis : {-1, -2}) {
          const bool packed = input == kE2M1 && layout == Layout::kReversed;
          ExpectMatchesTheOracle(
              {.shape = {2, 35, 71},
               .input = input,
               .output = output,
               .axis = axis,
               .layout = packed ? Layout::kContiguous : layout,
               .output_layout = layout});
        }
      }
    }
  }
}

// A weight [K, N] whose K is contiguous.
TEST_P(MxDequantizeTest, DataThatLiesTransposed) {
  for (const DType input : kInputs) {
    for (const int axis : {-1, -2}) {
      for (const Dims& shape :
           {Dims({70, 37}), Dims({2, 33, 1}), Dims({2, 1, 33})}) {
        ExpectMatchesTheOracle({.shape = shape,
                                .input = input,
                                .scale = DType::kU8,
                                .axis = axis,
                                .swapped = true});
      }
    }
  }
}

TEST_P(MxDequantizeTest, EverySize) {
  for (const int64_t size : InterestingSizes(200)) {
    for (const DType input : kInputs) {
      ExpectMatchesTheOracle(
          {.shape = {2, size}, .input = input, .output = kBF16});
      ExpectMatchesTheOracle({.shape = {2, size}, .input = input, .axis = -2});
    }
  }
}

TEST_P(MxDequantizeTest, EveryRankAndLongRows) {
  for (const DType input : kInputs) {
    for (const Dims& shape :
         {Dims({37}), Dims({1, 1}), Dims({2, 3, 4, 37}), Dims({2, 3001})}) {
      ExpectMatchesTheOracle({.shape = shape, .input = input});
    }
    for (const Dims& shape :
         {Dims({1, 1}), Dims({2, 3, 40, 7}), Dims({3, 3001})}) {
      ExpectMatchesTheOracle({.shape = shape, .input = input, .axis = -2});
    }
  }
  ExpectMatchesTheOracle({.shape = {2, 70001}, .output = kBF16});
}

// Every code with every scale.
TEST_P(MxDequantizeTest, EveryValue) {
  for (const DType input : kInputs) {
    for (const DType output : kOutputs) {
      const Problem problem(
          {.shape = {256, 256}, .input = input, .output = output});
      const MxDequantizeArgs args = problem.args();
      const Tensor data(const_cast<void*>(args.data.data()), input,
                        args.data.shape(), args.data.strides());
      const Tensor scales(const_cast<void*>(args.scales.data()), kE8M0,
                          args.scales.shape(), args.scales.strides());
      for (int row = 0; row < 256; ++row) {
        for (int i = 0; i < 256; ++i) {
          SetCode(data, {row, i}, static_cast<uint8_t>(i));
        }
        for (int i = 0; i < 8; ++i) {
          SetCode(scales, {row, i}, static_cast<uint8_t>(row));
        }
      }
      ASSERT_EQ(MxDequantize(args, context_), absl::OkStatus());
      ExpectMatches(args);
    }
  }
}

TEST_P(MxDequantizeTest, AnyNumberOfThreads) {
  for (const int axis : {-1, -2}) {
    const Config config = {.shape = {301, 515}, .output = kBF16, .axis = axis};
    const Problem problem(config);
    ASSERT_EQ(MxDequantize(problem.args(), context_), absl::OkStatus());
    for (const int threads : {1, 3}) {
      const Problem other(config);
      HostContext context(threads);
      ASSERT_EQ(MxDequantize(other.args(), context), absl::OkStatus());
      EXPECT_TRUE(SameBits(other.args().y, problem.args().y));
    }
  }
}

// An output that goes past the caches has the bits of small ones.
TEST_P(MxDequantizeTest, OutputsBeyondTheCaches) {
  constexpr int64_t kRows = 512, kSize = (int64_t{1} << 14) + 1;
  Buffer data(kE4M3, {kRows, kSize});
  auto* bytes = static_cast<uint8_t*>(data.view().data());
  for (int64_t i = 0; i < kRows * kSize; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 7919 % 0x7F);
  }
  Buffer scales(kE8M0, {kRows, (kSize + 31) / 32});
  std::memset(scales.view().data(), 130,
              static_cast<size_t>(scales.view().NumBytes()));
  Buffer y(kF32, {kRows * kSize + 1});
  const Tensor large =
      y.view().Slice(0, 1, kRows * kSize).Reshape({kRows, kSize});
  ASSERT_EQ(
      MxDequantize({.data = data.view(), .scales = scales.view(), .y = large},
                   context_),
      absl::OkStatus());
  Buffer small(kF32, {1, kSize});
  for (const int64_t row : {int64_t{0}, kRows / 2, kRows - 1}) {
    ASSERT_EQ(MxDequantize({.data = data.view().Slice(0, row, 1),
                            .scales = scales.view().Slice(0, row, 1),
                            .y = small.view()},
                           context_),
              absl::OkStatus());
    EXPECT_EQ(std::memcmp(small.view().data(), large.Slice(0, row, 1).data(),
                          4 * kSize),
              0);
  }
}

TEST_P(MxDequantizeTest, NoElements) {
  NoDispatchNeeded();
  for (const Dims& shape : {Dims({0, 8}), Dims({2, 0, 8})}) {
    for (const int axis : {-1, -2}) {
      const Problem problem({.shape = shape, .axis = axis});
      EXPECT_EQ(MxDequantize(problem.args(), context_), absl::OkStatus());
    }
  }
}

class MxDequantizeErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = MxDequantize(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(problem_.args().y)) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
    args_ = problem_.args();
  }

  Problem problem_{{.shape = {2, 3, 40}}};
  MxDequantizeArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(MxDequantizeErrorTest, NoFault) {
  EXPECT_EQ(MxDequantize(args_, context_), absl::OkStatus());
}

TEST_F(MxDequantizeErrorTest, Data) {
  args_.data = ConstTensor();
  ExpectError("mx_dequantize: data is missing, expected [..., K]");
  const GuardedTensor other(DType::kF8E4M3_240, {2, 3, 40});
  args_.data = other;
  ExpectError(
      "mx_dequantize: data has dtype f8e4m3_240, expected f8e4m3 or f8e5m2 or "
      "f4e2m1");
  const GuardedTensor empty(kE4M3, {2, 0});
  args_.data = empty;
  ExpectError("mx_dequantize: data is [2, 0]: K = 0, expected >= 1");
  const GuardedTensor packed(kE2M1, {2, 3, 40});
  args_.data = Tensor(packed.view().data(), kE2M1, {2, 3, 40}, {120, 39, 1});
  ExpectError(
      "mx_dequantize: data of f4e2m1 has strides [120, 39, 1], expected 1 in "
      "one dimension and even ones elsewhere");
  args_.data = packed.view().Permute({2, 1, 0});
  ExpectError(
      "mx_dequantize: data of f4e2m1 has strides [1, 40, 120], expected 1 in "
      "one of the last two dimensions");
}

TEST_F(MxDequantizeErrorTest, Scales) {
  args_.scales = ConstTensor();
  ExpectError("mx_dequantize: scales is missing, expected [..., K/32]");
  const GuardedTensor floats(kF32, {2, 3, 2});
  args_.scales = floats;
  ExpectError("mx_dequantize: scales has dtype f32, expected e8m0 or u8");
  const GuardedTensor wide(kE8M0, {2, 3, 3});
  args_.scales = wide;
  ExpectError(
      "mx_dequantize: scales is [2, 3, 3] but K/32 = 2 (from ceil(K / 32))");
  args_.axis = -2;
  ExpectError(
      "mx_dequantize: scales is [2, 3, 2] but F/32 = 1 (from ceil(F / 32))");
}

TEST_F(MxDequantizeErrorTest, Output) {
  args_.y = Tensor();
  ExpectError("mx_dequantize: y is missing, expected [..., K]");
  const GuardedTensor bytes(DType::kU8, {2, 3, 40});
  args_.y = bytes;
  ExpectError("mx_dequantize: y has dtype u8, expected f32 or bf16 or f16");
  const GuardedTensor narrow(kF32, {2, 3, 39});
  args_.y = narrow;
  ExpectError(
      "mx_dequantize: y is [2, 3, 39] but K = 40 (from data [2, 3, 40])");
  const GuardedTensor memory(kF32, {2, 3, 40});
  args_.y = memory;
  args_.data = Tensor(memory.view().data(), kE4M3, {2, 3, 40});
  ExpectError("mx_dequantize: y overlaps data");
  args_.y = memory;
  args_.scales = Tensor(memory.view().data(), kE8M0, {2, 3, 2});
  ExpectError("mx_dequantize: y overlaps scales");
}

TEST_F(MxDequantizeErrorTest, Axis) {
  for (const int axis : {0, 1, -3}) {
    args_.axis = axis;
    ExpectError("mx_dequantize: axis is " + std::to_string(axis) +
                ", expected -1 or -2");
  }
}

}  // namespace
}  // namespace tilework
