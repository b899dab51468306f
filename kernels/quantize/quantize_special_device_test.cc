// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What random arguments of moderate size do not reach on the device: values of
// all kinds, and sizes at which the work is cut otherwise.

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/fp8_dequantize.h"
#include "tilework/kernels/quantize/fp8_dequantize_oracle.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/mx_dequantize.h"
#include "tilework/kernels/quantize/mx_dequantize_oracle.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/kernels/quantize/row_quantization_oracle.h"
#include "tilework/kernels/quantize/static_quantization.h"
#include "tilework/kernels/quantize/static_quantization_oracle.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_tensor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using Granularity = QuantizationGranularity;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kCodes[] = {DType::kF8E4M3, DType::kF8E4M3_240, DType::kF8E5M2};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNaN = std::nanf("");

struct Config {
  Dims shape;
  DType input = kF32;
  DType output = DType::kF8E4M3;
  DType scale = kF32;
  Granularity granularity = Granularity::kRow;
  int64_t group_size = 128;
  float lower_bound = 0;
  float min_dequant_scale = 1e-6f;
  bool pow2_scale = false;
  Layout layout = Layout::kContiguous;
};

class QuantizeSpecialDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DeviceContext>> context =
        DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  // row_quantization of `x`, against the oracle.
  void ExpectRows(const Config& config, GuardedTensor& x) {
    GuardedTensor codes(config.output, config.shape, config.layout);
    GuardedTensor scale(
        config.scale,
        ScaleShape(config.shape, config.granularity, config.group_size, true));
    RowQuantizationArgs args = {.hidden_state = x,
                                .quantized = codes,
                                .dequant_scale = scale,
                                .granularity = config.granularity,
                                .group_size = config.group_size,
                                .lower_bound = config.lower_bound,
                                .min_dequant_scale = config.min_dequant_scale,
                                .pow2_scale = config.pow2_scale};
    SCOPED_TRACE(ToString(args.hidden_state) + " to " +
                 ToString(args.quantized));
    const std::vector<ExpectedTensor> expected = RowQuantizationExpected(args);
    DeviceTensor device_x(x, *context_);
    DeviceTensor device_codes(codes, *context_);
    DeviceTensor device_scale(scale, *context_);
    args.hidden_state = device_x;
    args.quantized = device_codes;
    args.dequant_scale = device_scale;
    ASSERT_EQ(RowQuantization(args, *context_), absl::OkStatus());
    device_codes.Download();
    device_scale.Download();
    EXPECT_TRUE(Agrees(expected));
    EXPECT_TRUE(codes.Intact());
    EXPECT_TRUE(scale.Intact());
  }
  void ExpectRows(const Config& config) {
    GuardedTensor x(config.input, config.shape, config.layout);
    Random random(1);
    FillMagnitudes(random, x, -16, 8);
    ExpectRows(config, x);
  }

  std::unique_ptr<DeviceContext> context_;
};

// Rows of each kind that the spec speaks of; all of them of `size` elements.
GuardedTensor SpecialRows(int64_t size) {
  GuardedTensor x(kF32, {9, size});
  Random random(2);
  FillMagnitudes(random, x, -8, 8);
  const auto fill = [&](int64_t row, float value) {
    for (int64_t i = 0; i < size; ++i) *x.view().At<float>(row, i) = value;
  };
  fill(0, 0.0f);
  fill(1, -0.0f);
  fill(2, 1e-40f);
  *x.view().At<float>(3, size - 1) = kNaN;
  *x.view().At<float>(4, size / 2) = kInfinity;
  *x.view().At<float>(5, 0) = -kInfinity;
  *x.view().At<float>(6, size - 1) = 1e30f;
  *x.view().At<float>(7, 0) = kNaN;
  *x.view().At<float>(7, size - 1) = kInfinity;
  *x.view().At<float>(8, 0) = -3.4e38f;
  return x;
}

TEST_F(QuantizeSpecialDeviceTest, RowsOfAllKinds) {
  // Some lanes, a warp, and a block.
  for (const int64_t size : {5, 300, 3000}) {
    GuardedTensor x = SpecialRows(size);
    for (const DType output : kCodes) {
      for (const bool pow2 : {false, true}) {
        for (const float bound : {0.0f, 0.5f}) {
          for (const float least : {0.0f, 1e-6f}) {
            ExpectRows({.shape = {9, size},
                        .output = output,
                        .scale = pow2 ? DType::kE8M0 : kF32,
                        .lower_bound = bound,
                        .min_dequant_scale = least,
                        .pow2_scale = pow2},
                       x);
          }
        }
      }
    }
  }
}

TEST_F(QuantizeSpecialDeviceTest, GroupsAndBlocksOfAllKinds) {
  GuardedTensor x = SpecialRows(300);
  for (const Granularity granularity :
       {Granularity::kGroup, Granularity::kBlock2d, Granularity::kTensor}) {
    for (const int64_t group : {3, 32, 128}) {
      ExpectRows(
          {.shape = {9, 300}, .granularity = granularity, .group_size = group},
          x);
    }
  }
}

// 32 Ki elements are the most that a block holds.
TEST_F(QuantizeSpecialDeviceTest, RowsThatABlockHoldsAndLongerOnes) {
  for (const DType input : {kF32, kBF16}) {
    for (const int64_t size : {2048, 2049, 32767, 32768, 32769, 70001}) {
      for (const Layout layout : {Layout::kContiguous, Layout::kUnaligned}) {
        ExpectRows({.shape = {3, size}, .input = input, .layout = layout});
      }
    }
  }
}

TEST_F(QuantizeSpecialDeviceTest, NaNInTheLastPieceOfALongRow) {
  GuardedTensor x = SpecialRows(40001);
  ExpectRows({.shape = {9, 40001}}, x);
}

TEST_F(QuantizeSpecialDeviceTest, TensorsOfManyBlocks) {
  for (const Layout layout : kAllLayouts) {
    ExpectRows({.shape = {3, 101, 333},
                .input = kBF16,
                .granularity = Granularity::kTensor,
                .layout = layout});
  }
  // The largest magnitude in the last element.
  GuardedTensor x(kF32, {200000});
  Random random(3);
  FillMagnitudes(random, x, -8, 0);
  x.view().data<float>()[199999] = -300;
  ExpectRows({.shape = {200000}, .granularity = Granularity::kTensor}, x);
}

TEST_F(QuantizeSpecialDeviceTest, BlocksOfTwoDimensions) {
  for (const int64_t group : {5, 64, 128, 200}) {
    for (const Layout layout : kAllLayouts) {
      ExpectRows({.shape = {2, 259, 413},
                  .input = kBF16,
                  .granularity = Granularity::kBlock2d,
                  .group_size = group,
                  .layout = layout});
    }
  }
}

TEST_F(QuantizeSpecialDeviceTest, TensorsInAnyOrderOfThreads) {
  ForEachSchedule([&] {
    ExpectRows({.shape = {5, 9001}, .granularity = Granularity::kTensor});
    ExpectRows({.shape = {5, 9001}});
  });
}

// static_quantization of `x`, against the oracle.
TEST_F(QuantizeSpecialDeviceTest, StaticScalesOfAllKinds) {
  GuardedTensor x = SpecialRows(301);
  for (const DType output : kCodes) {
    for (const float value : {0.5f, 1e-30f, 3e38f}) {
      GuardedTensor scale(kF32, {1});
      GuardedTensor codes(output, {9, 301});
      Write(scale, {0}, static_cast<double>(value));
      for (const bool quant : {false, true}) {
        StaticQuantizationArgs args = {.hidden_state = x, .quantized = codes};
        (quant ? args.quant_scale : args.input_dequant_scale) = scale;
        const std::vector<ExpectedTensor> expected =
            StaticQuantizationExpected(args);
        DeviceTensor device_x(x, *context_);
        DeviceTensor device_scale(scale, *context_);
        DeviceTensor device_codes(codes, *context_);
        args.hidden_state = device_x;
        (quant ? args.quant_scale : args.input_dequant_scale) = device_scale;
        args.quantized = device_codes;
        ASSERT_EQ(StaticQuantization(args, *context_), absl::OkStatus());
        device_codes.Download();
        EXPECT_TRUE(Agrees(expected));
        EXPECT_TRUE(codes.Intact());
      }
    }
  }
}

// So many elements that threads have several vectors each.
TEST_F(QuantizeSpecialDeviceTest, LargeTensors) {
  const Dims shape = {1031, 4099};
  GuardedTensor x(kBF16, shape);
  GuardedTensor scale(kF32, {1});
  GuardedTensor codes(DType::kF8E4M3, shape);
  Random random(4);
  FillMagnitudes(random, x, -8, 8);
  Write(scale, {0}, 0.25);
  StaticQuantizationArgs args = {
      .hidden_state = x, .input_dequant_scale = scale, .quantized = codes};
  const std::vector<ExpectedTensor> expected = StaticQuantizationExpected(args);
  DeviceTensor device_x(x, *context_);
  DeviceTensor device_scale(scale, *context_);
  DeviceTensor device_codes(codes, *context_);
  args = {.hidden_state = device_x,
          .input_dequant_scale = device_scale,
          .quantized = device_codes};
  ASSERT_EQ(StaticQuantization(args, *context_), absl::OkStatus());
  device_codes.Download();
  EXPECT_TRUE(Agrees(expected));
  EXPECT_TRUE(codes.Intact());
}

// All codes with scales of all kinds, NaN among them.
TEST_F(QuantizeSpecialDeviceTest, NumbersOfAllCodes) {
  const std::vector<float> scales = {1.0f,   1e-40f, 3e38f, 0x1p-126f,
                                     0.013f, kNaN,   7.5f,  1e-45f};
  const auto rows = static_cast<int64_t>(scales.size());
  for (const DType format : kCodes) {
    for (const DType y_type : {kF32, kBF16, DType::kF16}) {
      GuardedTensor codes(format, {rows, 256});
      GuardedTensor scale(kF32, {rows, 1});
      GuardedTensor y(y_type, {rows, 256});
      for (int64_t row = 0; row < rows; ++row) {
        *scale.view().At<float>(row, 0) = scales[static_cast<size_t>(row)];
        for (int64_t i = 0; i < 256; ++i) {
          SetCode(codes, {row, i}, static_cast<uint8_t>(i));
        }
      }
      Fp8DequantizeArgs args = {
          .quantized = codes, .dequant_scale = scale, .y = y};
      const std::vector<ExpectedTensor> expected = Fp8DequantizeExpected(args);
      DeviceTensor device_codes(codes, *context_);
      DeviceTensor device_scale(scale, *context_);
      DeviceTensor device_y(y, *context_);
      args = {.quantized = device_codes,
              .dequant_scale = device_scale,
              .y = device_y};
      ASSERT_EQ(Fp8Dequantize(args, *context_), absl::OkStatus());
      device_y.Download();
      EXPECT_TRUE(Agrees(expected)) << Name(format) << " to " << Name(y_type);
    }
  }
}

// All codes with all scales.
TEST_F(QuantizeSpecialDeviceTest, NumbersOfAllMxBlocks) {
  for (const DType format : {DType::kF8E4M3, DType::kF8E5M2, DType::kF4E2M1}) {
    GuardedTensor codes(format, {256, 256});
    GuardedTensor scales(DType::kE8M0, {256, 8});
    ForEachIndex({256, 256}, [&](const Dims& index) {
      SetCode(codes, index, static_cast<uint8_t>(index[1]));
    });
    ForEachIndex({256, 8}, [&](const Dims& index) {
      SetCode(scales, index, static_cast<uint8_t>(index[0]));
    });
    for (const DType y_type : {kF32, kBF16, DType::kF16}) {
      GuardedTensor y(y_type, {256, 256});
      MxDequantizeArgs args = {.data = codes, .scales = scales, .y = y};
      const std::vector<ExpectedTensor> expected = MxDequantizeExpected(args);
      DeviceTensor device_codes(codes, *context_);
      DeviceTensor device_scales(scales, *context_);
      DeviceTensor device_y(y, *context_);
      args = {.data = device_codes, .scales = device_scales, .y = device_y};
      ASSERT_EQ(MxDequantize(args, *context_), absl::OkStatus());
      device_y.Download();
      EXPECT_TRUE(Agrees(expected)) << Name(format) << " to " << Name(y_type);
    }
  }
}

}  // namespace
}  // namespace tilework
