// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tiling/fragment.h"

#include <set>
#include <tuple>
#include <utility>

#include "gtest/gtest.h"

namespace tilework {
namespace {

// A layout, and the columns that the matrix has.
class FragmentTest
    : public testing::TestWithParam<std::tuple<FragmentLayout, int>> {};

TEST_P(FragmentTest, PostConditions) {
  const auto& [layout, columns] = GetParam();
  const int elements = 64 * columns / kWarpgroupThreads;
  std::set<std::pair<int, int>> seen;
  for (int warp = 0; warp < 4; ++warp) {
    for (int lane = 0; lane < 32; ++lane) {
      for (int element = 0; element < elements; ++element) {
        const FragmentElement place = {warp, lane, element};
        const MatrixElement matrix = layout.ToMatrix(place);
        // (1) in the matrix
        EXPECT_TRUE(matrix.row >= 0 && matrix.row < 64);
        EXPECT_TRUE(matrix.column >= 0 && matrix.column < columns);
        // (2) ToFragment is the inverse
        EXPECT_EQ(layout.ToFragment(matrix), place);
        // (3) each warp has its sixteen rows
        EXPECT_EQ(matrix.row / 16, warp);
        seen.insert({matrix.row, matrix.column});
      }
    }
  }
  // (4) every element of the matrix is somewhere, once
  EXPECT_EQ(seen.size(), 64u * static_cast<unsigned>(columns));
}

INSTANTIATE_TEST_SUITE_P(Accumulator, FragmentTest,
                         testing::Combine(testing::Values(kAccumulatorFragment),
                                          testing::Values(8, 16, 24, 104,
                                                          256)));
INSTANTIATE_TEST_SUITE_P(Operand16, FragmentTest,
                         testing::Combine(testing::Values(kOperandFragment16),
                                          testing::Values(16)));
INSTANTIATE_TEST_SUITE_P(Operand8, FragmentTest,
                         testing::Combine(testing::Values(kOperandFragment8),
                                          testing::Values(32)));

// (5) A pair of accumulators, rounded to 16 bits, is a register of the operand
// of the next product: elements 8 i to 8 i + 7 of an accumulator are the
// fragment of columns 16 i to 16 i + 15.
TEST(FragmentTest, AccumulatorsAreOperandsOf16Bits) {
  for (int element = 0; element < 64; ++element) {
    const MatrixElement accumulator =
        kAccumulatorFragment.ToMatrix({1, 13, element});
    const MatrixElement operand =
        kOperandFragment16.ToMatrix({1, 13, element % 8});
    EXPECT_EQ(accumulator.row, operand.row);
    EXPECT_EQ(accumulator.column, element / 8 * 16 + operand.column);
  }
}

// Elements read off the figures of the PTX ISA.
static_assert(kAccumulatorFragment.ToMatrix({0, 0, 1}) == MatrixElement{0, 1});
static_assert(kAccumulatorFragment.ToMatrix({0, 5, 2}) == MatrixElement{9, 2});
static_assert(kAccumulatorFragment.ToMatrix({3, 31, 7}) ==
              MatrixElement{63, 15});
static_assert(kOperandFragment16.ToMatrix({0, 2, 4}) == MatrixElement{0, 12});
static_assert(kOperandFragment8.ToMatrix({0, 1, 4}) == MatrixElement{8, 4});
static_assert(kOperandFragment8.ToMatrix({0, 1, 8}) == MatrixElement{0, 20});

}  // namespace
}  // namespace tilework
