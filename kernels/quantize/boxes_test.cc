// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/boxes.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {
namespace {

// How often each element of [rows, size] is in one of the boxes.
std::vector<int> Cover(const std::vector<Box>& boxes, int64_t rows,
                       int64_t size) {
  std::vector<int> count(static_cast<size_t>(rows * size), 0);
  for (const Box& box : boxes) {
    for (int64_t row = box.row; row < box.row + box.num_rows; ++row) {
      for (int64_t i = box.begin; i < box.end; ++i) {
        ++count.at(static_cast<size_t>(row * size + i));
      }
    }
  }
  return count;
}

std::vector<Box> All(const ScaleUnits& units) {
  std::vector<Box> boxes;
  for (int64_t band = 0; band < units.num_bands(); ++band) {
    for (int64_t column = 0; column < units.num_columns(); ++column) {
      const Box box = units(band, column);
      EXPECT_LE(box.size(), units.unit_elements());
      for (int64_t row = box.row; row < box.row + box.num_rows; ++row) {
        EXPECT_EQ(units.Band(row), band);
      }
      boxes.push_back(box);
    }
  }
  EXPECT_EQ(static_cast<int64_t>(boxes.size()), units.num_units());
  return boxes;
}

TEST(ScaleUnitsTest, HaveEachElementOnce) {
  const ConstTensor x(nullptr, DType::kF32, {3, 5, 7});
  for (int granularity = 0; granularity < 4; ++granularity) {
    for (const int64_t group : {1, 2, 3, 5, 7, 100}) {
      const ScaleUnits units(
          x, static_cast<QuantizationGranularity>(granularity), group);
      EXPECT_EQ(Cover(All(units), 15, 7), std::vector<int>(15 * 7, 1));
    }
  }
}

TEST(ScaleUnitsTest, BlocksEndWithTheMatrix) {
  const ConstTensor x(nullptr, DType::kF32, {2, 5, 7});
  const ScaleUnits units(x, QuantizationGranularity::kBlock2d, 4);
  EXPECT_EQ(units.num_bands(), 4);
  EXPECT_EQ(units.num_columns(), 2);
  EXPECT_EQ(units(0, 0), (Box{0, 4, 0, 4}));
  EXPECT_EQ(units(1, 1), (Box{4, 1, 4, 7}));
  EXPECT_EQ(units(2, 0), (Box{5, 4, 0, 4}));
  EXPECT_EQ(units(3, 1), (Box{9, 1, 4, 7}));
}

TEST(PiecesTest, HaveEachElementOnce) {
  for (const int64_t rows : {1, 3, 200}) {
    for (const int64_t size : {1, 700, 70000, 140001}) {
      if (rows * size > 1000000) continue;
      const Pieces pieces({2, rows, 0, size});
      std::vector<Box> boxes;
      for (int64_t i = 0; i < pieces.num(); ++i) {
        boxes.push_back(pieces[i]);
        EXPECT_LE(boxes.back().size(), Pieces::kElements);
        boxes.back().row -= 2;
      }
      EXPECT_EQ(Cover(boxes, rows, size),
                std::vector<int>(static_cast<size_t>(rows * size), 1));
    }
  }
}

TEST(OrderForStreamingTest, MakesOneRowIfItCan) {
  float data[24];
  uint8_t codes[24];
  const auto shape_of = [&](const Dims& strides, const Dims& code_strides) {
    ConstTensor x(data, DType::kF32, {2, 3, 4}, strides);
    Tensor y(codes, DType::kU8, {2, 3, 4}, code_strides);
    OrderForStreaming(x, y);
    EXPECT_EQ(x.shape(), y.shape());
    return x.shape();
  };
  EXPECT_EQ(shape_of({12, 4, 1}, {12, 4, 1}), Dims({24}));
  EXPECT_EQ(shape_of({12, 1, 3}, {12, 1, 3}), Dims({24}));
  EXPECT_EQ(shape_of({12, 1, 3}, {12, 4, 1}), Dims({2, 4, 3}));
  EXPECT_EQ(shape_of({16, 5, 1}, {12, 4, 1}), Dims({2, 3, 4}));
}

TEST(OrderForStreamingTest, AScalarIsARow) {
  float value;
  uint8_t code;
  ConstTensor x(&value, DType::kF32, {});
  Tensor y(&code, DType::kU8, {});
  OrderForStreaming(x, y);
  EXPECT_EQ(x.shape(), Dims({1}));
  EXPECT_EQ(y.shape(), Dims({1}));
}

}  // namespace
}  // namespace tilework
