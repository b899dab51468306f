// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/device_call.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/call_report.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

struct ToyArgs {
  ConstTensor x;
  Tensor y;
};

void Declare(const ToyArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "toy"});
  v.Input("x", args.x, {.shape = "T H", .dtypes = kF32Only});
  v.Output("y", args.y, {.shape = "T H", .dtypes = kF32Only});
}

TEST(DeviceCallReportTest, NamesKernelTensorsAndFigures) {
  const ToyArgs args = {.x = ConstTensor(nullptr, DType::kF32, {1000, 250}),
                        .y = Tensor(nullptr, DType::kF32, {1000, 250})};
  const auto report = [&](const DeviceProperties& properties) {
    return DeviceCallReport(
        [&](SchemaVisitor& visitor) { Declare(args, visitor); }, properties,
        1e-3);
  };
  EXPECT_EQ(report({.name = "H100"}),
            "toy x=f32[1000, 250] y=f32[1000, 250]: H100, 2.00 MB, 1.000 ms, "
            "2.0 GB/s");
  EXPECT_EQ(report({.name = "emulated Hopper", .emulated = true}),
            "toy x=f32[1000, 250] y=f32[1000, 250]: emulated Hopper, 2.00 MB, "
            "1.000 ms");
}

class DeviceCallTest : public testing::Test {
 protected:
  void SetUp() override {
    auto context = DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
    for (DeviceBuffer* buffer : {&x_, &y_}) {
      auto memory = DeviceBuffer::Allocate(DType::kF32, {2, 3}, *context_);
      ASSERT_TRUE(memory.ok()) << memory.status();
      *buffer = *std::move(memory);
    }
    args_ = {.x = x_.view(), .y = y_.view()};
  }
  absl::Status Call(const absl::Status& result) {
    return CallOnDevice(args_, *context_, [&] {
      ++calls_;
      return result;
    });
  }

  ToyArgs args_;
  int calls_ = 0;

 private:
  std::unique_ptr<DeviceContext> context_;
  DeviceBuffer x_, y_;
};

TEST_F(DeviceCallTest, ChecksAndRuns) {
  EXPECT_EQ(Call(absl::OkStatus()), absl::OkStatus());
  EXPECT_EQ(calls_, 1);
  Buffer y = Buffer::Zeros(DType::kF32, {2, 3});
  args_.y = y.view();
  EXPECT_EQ(Call(absl::OkStatus()).message(),
            "toy: y is in host memory but the context is a device context");
  EXPECT_EQ(calls_, 1);
}

TEST_F(DeviceCallTest, ErrorsNameTheKernel) {
  EXPECT_EQ(Call(absl::InternalError("a launch failed")),
            absl::InternalError("toy: a launch failed"));
  EXPECT_EQ(Call(absl::InternalError("toy: a launch failed")),
            absl::InternalError("toy: a launch failed"));
}

// The test runs with TILEWORK_VERBOSE and without.
TEST_F(DeviceCallTest, ReportsWhereAskedTo) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(Call(absl::OkStatus()), absl::OkStatus());
  const std::string line = testing::internal::GetCapturedStderr();
  if (VerboseCalls()) {
    EXPECT_THAT(line, AllOf(StartsWith("toy x=f32[2, 3] y=f32[2, 3]: "),
                            HasSubstr(" ms")));
  } else {
    EXPECT_EQ(line, "");
  }
}

}  // namespace
}  // namespace tilework
