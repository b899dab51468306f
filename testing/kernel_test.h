// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What kernel_kit_test.cc and kernel_kit_device_test.cc share.

#ifndef TILEWORK_TESTING_KERNEL_TEST_H_
#define TILEWORK_TESTING_KERNEL_TEST_H_

#include <cstdint>
#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

inline int64_t FromEnvironment(const char* name, int64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::atoll(value);
}

// Calls test(seed) until one fails, `cases` times if the environment does not
// say how often.
template <typename Test>
void ForSeeds(int64_t cases, const Test& test) {
  const int64_t first = FromEnvironment("TILEWORK_TEST_SEED", 1);
  cases = FromEnvironment("TILEWORK_TEST_CASES", cases);
  testing::Test::RecordProperty("seed", std::to_string(first));
  for (int64_t i = 0; i < cases && !testing::Test::HasFailure(); ++i) {
    test(static_cast<uint64_t>(first + i));
  }
}

inline void ExpectNone(const std::string& failure) {
  EXPECT_TRUE(failure.empty()) << failure;
}

class TestOfKernel : public testing::TestWithParam<const TestedKernel*> {
 protected:
  static const TestedKernel& kernel() { return *GetParam(); }
};

inline std::string KernelName(
    const testing::TestParamInfo<const TestedKernel*>& info) {
  return info.param->name();
}

}  // namespace tilework

#endif  // TILEWORK_TESTING_KERNEL_TEST_H_
