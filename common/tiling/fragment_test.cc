// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tiling/fragment.h"

#include <set>
#include <utility>

#include "gtest/gtest.h"

namespace tilework {
namespace {

template <class Layout>
void CheckPostConditions(int columns) {
  const int elements = 64 * columns / kWarpgroupThreads;
  std::set<std::pair<int, int>> seen;
  for (int warp = 0; warp < 4; ++warp) {
    for (int lane = 0; lane < 32; ++lane) {
      for (int element = 0; element < elements; ++element) {
        const FragmentElement place = {warp, lane, element};
        const MatrixElement matrix = Layout::ToMatrix(place);
        // (1) in the matrix
        EXPECT_TRUE(matrix.row >= 0 && matrix.row < 64);
        EXPECT_TRUE(matrix.column >= 0 && matrix.column < columns);
        // (2) ToFragment is the inverse
        EXPECT_EQ(Layout::ToFragment(matrix), place);
        // (3) each warp has its sixteen rows
        EXPECT_EQ(matrix.row / 16, warp);
        seen.insert({matrix.row, matrix.column});
      }
    }
  }
  // (4) every element of the matrix is somewhere, once
  EXPECT_EQ(seen.size(), 64u * static_cast<unsigned>(columns));
}

TEST(FragmentTest, PostConditions) {
  for (int columns : {8, 16, 24, 104, 256}) {
    CheckPostConditions<AccumulatorFragment>(columns);
  }
  CheckPostConditions<OperandFragment16>(16);
  CheckPostConditions<OperandFragment8>(32);
}

// (5) A pair of accumulators, rounded to 16 bits, is a register of the operand
// of the next product: elements 8 i to 8 i + 7 of an accumulator are the
// fragment of columns 16 i to 16 i + 15.
TEST(FragmentTest, AccumulatorsAreOperandsOf16Bits) {
  for (int element = 0; element < 64; ++element) {
    const MatrixElement accumulator =
        AccumulatorFragment::ToMatrix({1, 13, element});
    const MatrixElement operand =
        OperandFragment16::ToMatrix({1, 13, element % 8});
    EXPECT_EQ(accumulator.row, operand.row);
    EXPECT_EQ(accumulator.column, element / 8 * 16 + operand.column);
  }
}

// Elements read off the figures of the PTX ISA.
static_assert(AccumulatorFragment::ToMatrix({0, 0, 1}) == MatrixElement{0, 1});
static_assert(AccumulatorFragment::ToMatrix({0, 5, 2}) == MatrixElement{9, 2});
static_assert(AccumulatorFragment::ToMatrix({3, 31, 7}) ==
              MatrixElement{63, 15});
static_assert(OperandFragment16::ToMatrix({0, 2, 4}) == MatrixElement{0, 12});
static_assert(OperandFragment8::ToMatrix({0, 1, 4}) == MatrixElement{8, 4});
static_assert(OperandFragment8::ToMatrix({0, 1, 8}) == MatrixElement{0, 20});

}  // namespace
}  // namespace tilework
