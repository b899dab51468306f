// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/sincos.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

constexpr int kThreads = 64;

__global__ void CosSinKernel(const double* x, int count, double* cos,
                             double* sin) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    const CosSinValues values = CosSin(x[i]);
    cos[i] = values.cos;
    sin[i] = values.sin;
  }
}

class DeviceCosSinTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DeviceContext>> context =
        DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
  }

  // The cosines, then the sines.
  std::vector<double> Run(const std::vector<double>& x) {
    const auto count = static_cast<int64_t>(x.size());
    const int64_t bytes = count * static_cast<int64_t>(sizeof(double));
    absl::StatusOr<DeviceBuffer> buffer =
        DeviceBuffer::Allocate(DType::kF64, {3 * count}, *context_);
    EXPECT_TRUE(buffer.ok()) << buffer.status();
    auto* device = buffer->view().data<double>();
    EXPECT_EQ(CopyToDevice(x.data(), device, bytes, *context_),
              absl::OkStatus());
    EXPECT_EQ(Launch(CosSinKernel,
                     {.kernel = "cos_sin", .grid = {1}, .block = {kThreads}},
                     *context_, device, static_cast<int>(count), device + count,
                     device + 2 * count),
              absl::OkStatus());
    std::vector<double> result(2 * x.size());
    EXPECT_EQ(CopyToHost(device + count, result.data(), 2 * bytes, *context_),
              absl::OkStatus());
    return result;
  }

  void ExpectExact(const std::vector<double>& x) {
    const std::vector<double> values = Run(x);
    for (size_t i = 0; i < x.size(); ++i) {
      const double cos = std::cos(x[i]);
      const double sin = std::sin(x[i]);
      EXPECT_NEAR(values[i], cos, std::abs(cos) * 0x1p-32) << x[i];
      EXPECT_NEAR(values[x.size() + i], sin, std::abs(sin) * 0x1p-32) << x[i];
    }
  }

  std::unique_ptr<DeviceContext> context_;
};

TEST_F(DeviceCosSinTest, AnglesOfAllSizes) {
  Random random(1);
  std::vector<double> x = {0.0, -0.0, 1.0, 2e8, 0x1p-1074};
  for (int exponent = -60; exponent < 255; ++exponent) {
    for (int i = 0; i < 8; ++i) {
      const double sign = i % 2 == 0 ? 1 : -1;
      x.push_back(std::ldexp(random.Uniform(1, 2), exponent) * sign);
    }
  }
  ExpectExact(x);
}

TEST_F(DeviceCosSinTest, NearMultiplesOfQuarterTurns) {
  std::vector<double> x;
  for (double k = 1; k < 1e20; k = std::floor(k * 1.3) + 1) {
    const double angle = k * 1.5707963267948966;
    x.push_back(angle);
    x.push_back(-angle);
    x.push_back(static_cast<double>(static_cast<float>(angle)));
  }
  ExpectExact(x);
}

TEST_F(DeviceCosSinTest, NaNWhereThereIsNoAngle) {
  const std::vector<double> values =
      Run({std::numeric_limits<double>::infinity(),
           -std::numeric_limits<double>::infinity(),
           std::numeric_limits<double>::quiet_NaN(), 0x1p256});
  for (const double value : values) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace tilework
