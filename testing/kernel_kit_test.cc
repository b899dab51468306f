// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The tests of kernel_kit.h for all kernels that are linked in.

#include "tilework/testing/kernel_kit.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/kernel_description.h"
#include "tilework/testing/kernel_place.h"
#include "tilework/testing/kernel_test.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

class KernelTest : public TestOfKernel {
 protected:
  HostContext context_{2};
  HostPlace place_{context_};
};

TEST_P(KernelTest, EveryArgumentIsDescribed) {
  const KernelDescription& description = kernel().description();
  EXPECT_NE(description.summary, "");
  for (const TensorDescription& tensor : description.tensors) {
    EXPECT_NE(tensor.help, "") << tensor.name;
    EXPECT_NE(tensor.dtypes, "") << tensor.name;
  }
  for (const AttributeDescription& attribute : description.attributes) {
    EXPECT_NE(attribute.help, "") << attribute.name;
    EXPECT_NE(attribute.default_value, "") << attribute.name;
  }
}

TEST_P(KernelTest, FaultsAreRefusedByName) {
  ForSeeds(300, [&](uint64_t seed) {
    ExpectNone(CheckFault(kernel(), seed, place_));
  });
}

TEST_P(KernelTest, SameBitsForAnyNumberOfThreads) {
  ForSeeds(20,
           [&](uint64_t seed) { ExpectNone(CheckThreads(kernel(), seed)); });
}

TEST_P(KernelTest, SameBitsForARowAlone) {
  ForSeeds(30, [&](uint64_t seed) {
    ExpectNone(CheckRows(kernel(), seed, place_));
  });
}

INSTANTIATE_TEST_SUITE_P(Kernels, KernelTest,
                         testing::ValuesIn(AllTestedKernels()), KernelName);

// On every SIMD target.
class KernelTargetTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(KernelTargetTest);

TEST_P(KernelTargetTest, AgreesWithTheOracle) {
  HostContext context(2);
  HostPlace place(context);
  ASSERT_FALSE(AllTestedKernels().empty());
  bool any_simd = false;
  for (const TestedKernel* kernel : AllTestedKernels()) {
    any_simd |= kernel->simd();
    ForSeeds(60, [&](uint64_t seed) {
      ExpectNone(CheckConformance(*kernel, seed, place).failure);
    });
  }
  if (!any_simd) NoDispatchNeeded();
}

}  // namespace
}  // namespace tilework
