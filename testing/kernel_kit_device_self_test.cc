// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The kit finds what it is there to find on the device: kernels with one fault
// each.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/device_place.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/kernel_kit.h"
#include "tilework/testing/kernel_place.h"
#include "tilework/testing/random.h"
#include "tilework/testing/scale_kernel.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

using testing::HasSubstr;
using Bug = ScaleBug;

template <Bug kBug>
absl::Status Scale(const ScaleArgs& args, DeviceContext& context) {
  return ScaleOnDevice(args, kBug, context);
}

template <Bug kBug>
const TestedKernel& Kernel() {
  static const Tested<ScaleArgs> kernel({.run = ScaleOnHost,
                                         .expect = ScaleExpected,
                                         .run_device = Scale<kBug>,
                                         .bits_as_host = true});
  return kernel;
}

class KernelKitDeviceSelfTest : public testing::Test {
 protected:
  void SetUp() override {
    auto context = DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
    place_ = std::make_unique<DevicePlace>(*context_);
  }

  // The first failure in some cases of `check`.
  template <typename Check>
  static std::string FirstFailure(const Check& check) {
    for (uint64_t seed = 1; seed <= 100; ++seed) {
      if (std::string failure = check(seed); !failure.empty()) return failure;
    }
    return "";
  }
  template <Bug kBug>
  std::string Conformance() {
    return FirstFailure([&](uint64_t seed) {
      return CheckConformance(Kernel<kBug>(), seed, *place_).failure;
    });
  }
  template <Bug kBug>
  std::string Faults() {
    return FirstFailure([&](uint64_t seed) {
      return CheckFault(Kernel<kBug>(), seed, *place_);
    });
  }
  template <Bug kBug>
  std::string Rows() {
    return FirstFailure([&](uint64_t seed) {
      return CheckRows(Kernel<kBug>(), seed, *place_);
    });
  }
  template <Bug kBug>
  std::string Orders() {
    std::string failure;
    SameBitsCheck check(Kernel<kBug>(), 1, {.max_elements = 2048});
    ForEachSchedule([&] {
      if (failure.empty()) failure = check.Call(*place_, "another order");
    });
    return failure;
  }
  template <Bug kBug>
  std::string AsHost() {
    HostPlace host(host_context_);
    return FirstFailure([&](uint64_t seed) {
      SameBitsCheck check(Kernel<kBug>(), seed, {.max_elements = 2048});
      const std::string failure = check.Call(host, "the host");
      return failure.empty() ? check.Call(*place_, "the device") : failure;
    });
  }
  template <Bug kBug>
  std::string Spaces() {
    return CheckMemorySpaces(Kernel<kBug>(), 1, host_context_, *context_);
  }

  const DevicePlace& place() const { return *place_; }
  bool emulated() const { return context_->properties().emulated; }

 private:
  HostContext host_context_{2};
  std::unique_ptr<DeviceContext> context_;
  std::unique_ptr<DevicePlace> place_;
};

TEST_F(KernelKitDeviceSelfTest, AGoodKernelPasses) {
  EXPECT_EQ(Conformance<Bug::kNone>(), "");
  EXPECT_EQ(Faults<Bug::kNone>(), "");
  EXPECT_EQ(Rows<Bug::kNone>(), "");
  EXPECT_EQ(Orders<Bug::kNone>(), "");
  EXPECT_EQ(AsHost<Bug::kNone>(), "");
  EXPECT_EQ(Spaces<Bug::kNone>(), "");
}

TEST_F(KernelKitDeviceSelfTest, MakesLongRows) {
  int long_rows = 0, longest_rows = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    Random random(seed);
    const MadeArguments made = MakeArguments(Kernel<Bug::kNone>(), random,
                                             place().Suitable(MakerOptions()));
    const Tensor& x = made.tensors[0].view;
    long_rows += x.dim(0) > 1 && x.dim(1) > 500;
    longest_rows += x.dim(1) > 5000;
  }
  EXPECT_GE(long_rows, 5);
  EXPECT_GE(longest_rows, 1);
}

TEST_F(KernelKitDeviceSelfTest, WrongResults) {
  EXPECT_THAT(Conformance<Bug::kWrongValue>(),
              HasSubstr("elements are beyond their bound"));
  EXPECT_THAT(Conformance<Bug::kForgetsTheLast>(),
              HasSubstr("elements are beyond their bound"));
}

TEST_F(KernelKitDeviceSelfTest, WritesThatAreNotAllowed) {
  EXPECT_THAT(Conformance<Bug::kWritesBehind>(), HasSubstr("was written (y)"));
  EXPECT_THAT(Conformance<Bug::kWritesItsInput>(),
              HasSubstr("the input x was written"));
}

TEST_F(KernelKitDeviceSelfTest, ReadsThatAreNotAllowed) {
  if (!emulated()) return;
  EXPECT_THAT(Conformance<Bug::kReadsBehind>(), HasSubstr("a second call: "));
}

TEST_F(KernelKitDeviceSelfTest, ScratchThatGrows) {
  EXPECT_THAT(Conformance<Bug::kGrowsScratch>(),
              HasSubstr("a second call takes more scratch memory"));
}

TEST_F(KernelKitDeviceSelfTest, OtherBits) {
  EXPECT_THAT(Rows<Bug::kDependsOnRows>(), HasSubstr("alone: "));
  EXPECT_THAT(AsHost<Bug::kRoundsOtherwise>(),
              HasSubstr("other bits for the device"));
  // A GPU may keep to one order.
  if (!emulated()) return;
  EXPECT_THAT(Orders<Bug::kDependsOnThreads>(),
              HasSubstr("other bits for another order"));
}

TEST_F(KernelKitDeviceSelfTest, FaultyArguments) {
  EXPECT_THAT(Faults<Bug::kChecksNothing>(), HasSubstr("but the kernel OK"));
  EXPECT_THAT(Faults<Bug::kWritesBeforeChecking>(),
              HasSubstr("an output was written"));
  EXPECT_THAT(Spaces<Bug::kChecksNothing>(),
              HasSubstr("tensors in host memory, and the device part says OK"));
}

}  // namespace
}  // namespace tilework
