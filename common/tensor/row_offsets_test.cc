// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/row_offsets.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

// Against the sum over all leading dimensions.
void ExpectOffsets(const Dims& shape, const Dims& strides) {
  float unused = 0;
  const Tensor tensor(&unused, DType::kF32, shape, strides);
  for (int num_leading = 0; num_leading <= shape.size(); ++num_leading) {
    const RowOffsets offsets(tensor, num_leading);
    int64_t rows = 1;
    for (int i = 0; i < num_leading; ++i) rows *= shape[i];
    for (int64_t row = 0; row < rows; ++row) {
      int64_t expected = 0;
      int64_t rest = row;
      for (int i = num_leading - 1; i >= 0; --i) {
        expected += rest % shape[i] * strides[i];
        rest /= shape[i];
      }
      EXPECT_EQ(offsets[row], expected)
          << shape.ToString() << " strides " << strides.ToString() << ", row "
          << row << " of " << num_leading << " dimensions";
    }
  }
}

TEST(RowOffsetsTest, AnyStrides) {
  ExpectOffsets({5}, {1});
  ExpectOffsets({2, 3, 4, 5}, {60, 20, 5, 1});
  ExpectOffsets({2, 3, 4, 5}, {60, 15, 1, 3});
  ExpectOffsets({2, 3, 4, 5}, {1, 2, 6, 24});
  ExpectOffsets({2, 3, 4, 5}, {80, 24, 6, 1});
  ExpectOffsets({2, 1, 4, 1}, {8, 77, 2, 99});
  ExpectOffsets({2, 3, 4}, {0, 4, 1});
  ExpectOffsets({2, 3, 4}, {0, 0, 1});
  ExpectOffsets({2, 0, 4}, {4, 4, 1});
}

TEST(RowOffsetsTest, AnAbsentTensorHasOnlyOffsetZero) {
  EXPECT_EQ(RowOffsets()[0], 0);
}

}  // namespace
}  // namespace tilework
