// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tiling/divisor.h"

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "gtest/gtest.h"

namespace tilework {
namespace {

TEST(DivisorTest, DividesAsIntegersDo) {
  std::vector<int64_t> numbers;
  for (int64_t power = 1; power < int64_t{1} << 53; power *= 2) {
    for (const int64_t n :
         {power - 1, power, power + 1, power / 3 * 2 + 1, power / 7 * 5}) {
      numbers.push_back(n);
    }
  }
  numbers.push_back((int64_t{1} << 53) - 1);
  for (const int64_t value : numbers) {
    if (value < 1) continue;
    const Divisor divisor(value);
    EXPECT_EQ(divisor.value(), value);
    for (const int64_t n : numbers) {
      for (const int64_t a : {n, n / value * value, n / value * value - 1,
                              n / value * value + value - 1}) {
        if (a < 0 || a >= int64_t{1} << 53) continue;
        ASSERT_EQ(divisor.Quotient(a), a / value) << a << " / " << value;
      }
    }
  }
}

}  // namespace
}  // namespace tilework
