// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The tests of kernel_kit.h for all kernels that are linked in.

#include "tilework/testing/kernel_kit.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/kernel_description.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoll(value);
}

// Calls test(seed) until one fails.
template <typename Test>
void ForSeeds(int64_t cases, const Test& test) {
  const int64_t first = FromEnvironment("TILEWORK_TEST_SEED", 1);
  cases = FromEnvironment("TILEWORK_TEST_CASES", cases);
  testing::Test::RecordProperty("seed", std::to_string(first));
  for (int64_t i = 0; i < cases && !testing::Test::HasFailure(); ++i) {
    test(static_cast<uint64_t>(first + i));
  }
}

void ExpectNone(const std::string& failure) {
  EXPECT_TRUE(failure.empty()) << failure;
}

class KernelTest : public testing::TestWithParam<const TestedKernel*> {
 protected:
  const TestedKernel& kernel() const { return *GetParam(); }
  HostContext context_{2};
};

std::string KernelName(
    const testing::TestParamInfo<const TestedKernel*>& info) {
  return info.param->name();
}

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
    ExpectNone(CheckFault(kernel(), seed, context_));
  });
}

TEST_P(KernelTest, SameBitsForAnyNumberOfThreads) {
  ForSeeds(20,
           [&](uint64_t seed) { ExpectNone(CheckThreads(kernel(), seed)); });
}

TEST_P(KernelTest, SameBitsForARowAlone) {
  ForSeeds(30, [&](uint64_t seed) {
    ExpectNone(CheckRows(kernel(), seed, context_));
  });
}

INSTANTIATE_TEST_SUITE_P(Kernels, KernelTest,
                         testing::ValuesIn(AllTestedKernels()), KernelName);

// On every SIMD target.
class KernelTargetTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(KernelTargetTest);

TEST_P(KernelTargetTest, AgreesWithTheOracle) {
  HostContext context(2);
  ASSERT_FALSE(AllTestedKernels().empty());
  bool any_simd = false;
  for (const TestedKernel* kernel : AllTestedKernels()) {
    any_simd |= kernel->simd();
    ForSeeds(60, [&](uint64_t seed) {
      ExpectNone(CheckConformance(*kernel, seed, context).failure);
    });
  }
  if (!any_simd) NoDispatchNeeded();
}

}  // namespace
}  // namespace tilework
