// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "tilework/tools/commands.h"

namespace tilework {
namespace {

TEST(KernelsMdTest, IsMadeFromTheSchemas) {
  const char* path = std::getenv("KERNELS_MD");
  ASSERT_NE(path, nullptr);
  std::ostringstream actual;
  actual << std::ifstream(path).rdbuf();
  std::ostringstream expected;
  Docs(expected);
  EXPECT_TRUE(actual.str() == expected.str())
      << path << " is not fresh; make it with:\n"
      << "  ./bazelw run //tools:tilework -- docs > docs/kernels.md";
}

}  // namespace
}  // namespace tilework
