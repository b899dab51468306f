// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The tests of kernel_kit.h for the device parts of all kernels that are linked
// in: in the emulator, or on a GPU with --config=cuda.

#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/call_report.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/device_place.h"
#include "tilework/testing/device_schedules.h"
#include "tilework/testing/kernel_kit.h"
#include "tilework/testing/kernel_place.h"
#include "tilework/testing/kernel_test.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

std::vector<const TestedKernel*> DeviceKernels() {
  std::vector<const TestedKernel*> kernels;
  for (const TestedKernel* kernel : AllTestedKernels()) {
    if (kernel->on_device()) kernels.push_back(kernel);
  }
  return kernels;
}

class DeviceKernelTest : public TestOfKernel {
 protected:
  void SetUp() override {
    auto context = DeviceContext::Create();
    if (!context.ok()) GTEST_SKIP() << context.status();
    context_ = *std::move(context);
    place_ = std::make_unique<DevicePlace>(*context_);
  }

  std::unique_ptr<DeviceContext> context_;
  std::unique_ptr<DevicePlace> place_;
};

TEST_P(DeviceKernelTest, AgreesWithTheOracle) {
  ForSeeds(100, [&](uint64_t seed) {
    ExpectNone(CheckConformance(kernel(), seed, *place_).failure);
  });
}

// Twice on a GPU, whose order of threads nobody chooses.
TEST_P(DeviceKernelTest, SameBitsForAnyOrderOfThreads) {
  ForSeeds(40, [&](uint64_t seed) {
    SameBitsCheck check(kernel(), seed, place_->Suitable(MakerOptions()));
    const int rounds = context_->properties().emulated ? 1 : 2;
    for (int i = 0; i < rounds; ++i) {
      ForEachSchedule(
          [&] { ExpectNone(check.Call(*place_, "another order of threads")); });
    }
  });
}

TEST_P(DeviceKernelTest, SameBitsForARowAlone) {
  ForSeeds(60, [&](uint64_t seed) {
    ExpectNone(CheckRows(kernel(), seed, *place_));
  });
}

TEST_P(DeviceKernelTest, CanBeCaptured) {
  if (VerboseCalls()) GTEST_SKIP() << "a verbose call waits for the device";
  DevicePlace captured(*context_, DevicePlace::Calls::kCaptured);
  ForSeeds(40, [&](uint64_t seed) {
    SameBitsCheck check(kernel(), seed, place_->Suitable(MakerOptions()));
    // The first call may allocate scratch memory.
    ExpectNone(check.Call(*place_, "a call"));
    ExpectNone(check.Call(captured, "a captured call"));
  });
}

TEST_P(DeviceKernelTest, SameBitsAsOnTheHost) {
  if (!kernel().bits_as_host()) {
    GTEST_SKIP() << "the device may round otherwise";
  }
  HostContext host_context(2);
  HostPlace host(host_context);
  ForSeeds(200, [&](uint64_t seed) {
    SameBitsCheck check(kernel(), seed, place_->Suitable(MakerOptions()),
                        NanBits::kDoNotCount);
    ExpectNone(check.Call(host, "the host"));
    ExpectNone(check.Call(*place_, "the device"));
  });
}

TEST_P(DeviceKernelTest, FaultsAreRefusedByName) {
  ForSeeds(300, [&](uint64_t seed) {
    ExpectNone(CheckFault(kernel(), seed, *place_));
  });
}

TEST_P(DeviceKernelTest, AnyElementsAreHarmless) {
  ForSeeds(100, [&](uint64_t seed) {
    ExpectNone(CheckWildElements(kernel(), seed, *place_));
  });
}

TEST_P(DeviceKernelTest, OtherMemoryIsRefused) {
  HostContext host(2);
  ForSeeds(5, [&](uint64_t seed) {
    ExpectNone(CheckMemorySpaces(kernel(), seed, host, *context_));
  });
}

INSTANTIATE_TEST_SUITE_P(Kernels, DeviceKernelTest,
                         testing::ValuesIn(DeviceKernels()), KernelName);

}  // namespace
}  // namespace tilework
