// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What random arguments do not reach on the device: blocks of all kinds, and
// sources that are transposed views.

#include <cmath>
#include <cstddef>
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
#include "tilework/common/dtype/mx.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8.h"
#include "tilework/experimental/quantize_mxfp8/quantize_mxfp8_oracle.h"
#include "tilework/kernels/quantize/quantize_testing.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/device_tensor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr DType kFormats[] = {DType::kF8E4M3, DType::kF8E5M2, DType::kF4E2M1};
constexpr MxScaleMode kModes[] = {MxScaleMode::kFloor, MxScaleMode::kCeil,
                                  MxScaleMode::kEven, MxScaleMode::kRceil};
constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNaN = std::nanf("");

struct Config {
  DType format = DType::kF8E4M3;
  MxScaleMode mode = MxScaleMode::kFloor;
  int axis = -1;
  bool both = false;      // data_t too
  bool reversed = false;  // the source is a transposed view
};

class QuantizeMxfp8SpecialDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DeviceContext>> context =
        DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  // A matrix [F, K], or [K, F] that is taken as its transpose.
  void ExpectMatches(GuardedTensor& x, const Config& config) {
    const auto blocks = [](int64_t size) { return (size + 31) / 32; };
    const auto source = [&](const Tensor& view) {
      return config.reversed ? view.Transpose() : view;
    };
    const ConstTensor src = source(x.view());
    const int64_t f = src.dim(0);
    const int64_t k = src.dim(1);
    GuardedTensor data(config.format, {f, k});
    GuardedTensor scales(DType::kE8M0, config.axis == -1
                                           ? Dims({f, blocks(k)})
                                           : Dims({blocks(f), k}));
    GuardedTensor data_t(config.format, {k, f});
    GuardedTensor scales_t(DType::kU8, {k, blocks(f)});
    QuantizeMxfp8Args args = {.src_tensor = src,
                              .data = data,
                              .scales = scales,
                              .axis = config.axis,
                              .scale_mode = config.mode};
    if (config.both) {
      args.data_t = data_t;
      args.scales_t = scales_t;
    }
    SCOPED_TRACE(ToString(args.src_tensor) + " to " + ToString(args.data) +
                 ", mode " + std::to_string(static_cast<int>(config.mode)));
    const std::vector<ExpectedTensor> expected = QuantizeMxfp8Expected(args);
    DeviceTensor device_x(x, *context_);
    DeviceTensor device_data(data, *context_);
    DeviceTensor device_scales(scales, *context_);
    DeviceTensor device_data_t(data_t, *context_);
    DeviceTensor device_scales_t(scales_t, *context_);
    args.src_tensor = source(device_x);
    args.data = device_data;
    args.scales = device_scales;
    if (config.both) {
      args.data_t = device_data_t;
      args.scales_t = device_scales_t;
    }
    ASSERT_EQ(QuantizeMxfp8(args, *context_), absl::OkStatus());
    for (DeviceTensor* tensor :
         {&device_data, &device_scales, &device_data_t, &device_scales_t}) {
      tensor->Download();
    }
    EXPECT_TRUE(Agrees(expected));
    for (const GuardedTensor* tensor : {&data, &scales, &data_t, &scales_t}) {
      EXPECT_TRUE(tensor->Intact());
    }
  }

  std::unique_ptr<DeviceContext> context_;
};

GuardedTensor RandomMatrix(DType dtype, const Dims& shape,
                           Layout layout = Layout::kContiguous) {
  GuardedTensor x(dtype, shape, layout);
  Random random(1);
  FillMagnitudes(random, x, -12, 8);
  return x;
}

// The blocks of the spec's table, and more, each in a row, and in a column.
TEST_F(QuantizeMxfp8SpecialDeviceTest, BlocksOfAllKinds) {
  const std::vector<std::vector<float>> blocks = {
      {1, -0.5f, 0.3f, 0},
      {500, 1, -3.3f, 0.01f},
      {448, 449, -448, 100},
      {7.9f, 1, 0.26f, -0.24f},
      {0, -0.0f, 0, 0},
      {1e-40f, 5e-39f, 0, -1e-39f},
      {3e38f, 1e38f, 1, -1e30f},
      {kInfinity, 1, 2, -1},
      {1, 2, -kInfinity, -1},
      {kNaN, 1, 2, -1},
      {1, kInfinity, 2, kNaN},
      {448.5f, 448.5f, 448.5f, 448.5f},
      {0x1p-126f, -0x1p-127f, 0x1p-149f, 0},
      {3.4028235e38f, -3.4028235e38f, 1e-45f, 1}};
  const auto count = static_cast<int64_t>(blocks.size());
  GuardedTensor rows(DType::kF32, {count, 4});
  GuardedTensor columns(DType::kF32, {4, count});
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t j = 0; j < 4; ++j) {
      const float value =
          blocks[static_cast<size_t>(i)][static_cast<size_t>(j)];
      *rows.view().At<float>(i, j) = value;
      *columns.view().At<float>(j, i) = value;
    }
  }
  for (const MxScaleMode mode : kModes) {
    for (const DType format : kFormats) {
      ExpectMatches(rows, {.format = format, .mode = mode});
      ExpectMatches(columns, {.format = format, .mode = mode, .both = true});
      if (format == DType::kF4E2M1) continue;
      ExpectMatches(columns, {.format = format, .mode = mode, .axis = -2});
    }
  }
}

TEST_F(QuantizeMxfp8SpecialDeviceTest, ShortBlocksBothWays) {
  for (const int64_t f : {1, 7, 31, 32, 33, 129, 200}) {
    for (const int64_t k : {1, 8, 31, 33, 65, 130}) {
      GuardedTensor x = RandomMatrix(DType::kBF16, {f, k});
      ExpectMatches(x, {.both = true});
      ExpectMatches(x, {.axis = -2});
      ExpectMatches(x, {.format = DType::kF4E2M1, .both = true});
    }
  }
}

TEST_F(QuantizeMxfp8SpecialDeviceTest, TransposedSources) {
  for (const Dims& shape : {Dims({100, 70}), Dims({64, 256})}) {
    GuardedTensor x = RandomMatrix(DType::kBF16, shape);
    for (const DType format : kFormats) {
      ExpectMatches(x, {.format = format, .reversed = true});
      ExpectMatches(x, {.format = format, .both = true, .reversed = true});
    }
    ExpectMatches(x, {.axis = -2, .reversed = true});
  }
}

TEST_F(QuantizeMxfp8SpecialDeviceTest, SourcesOfAllTypesAndLayouts) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const Layout layout : kAllLayouts) {
      GuardedTensor x = RandomMatrix(dtype, {70, 133}, layout);
      ExpectMatches(x, {});
      ExpectMatches(x, {.both = true});
      ExpectMatches(x, {.axis = -2});
    }
  }
}

// So many elements that threads have several vectors each.
TEST_F(QuantizeMxfp8SpecialDeviceTest, LargeSources) {
  GuardedTensor x = RandomMatrix(DType::kBF16, {1031, 4100});
  ExpectMatches(x, {});
}

TEST_F(QuantizeMxfp8SpecialDeviceTest, AnyOrderOfThreads) {
  GuardedTensor x = RandomMatrix(DType::kBF16, {140, 150});
  ForEachSchedule([&] {
    ExpectMatches(x, {.both = true});
    ExpectMatches(x, {.axis = -2});
  });
}

}  // namespace
}  // namespace tilework
