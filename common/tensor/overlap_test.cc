// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/overlap.h"

#include <cstdint>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

class MayShareElementsTest : public testing::Test {
 protected:
  // A view of the memory, `begin` elements from its start.
  ConstTensor View(int64_t begin, const Dims& shape, const Dims& strides) {
    return {memory_.data<float>() + begin, DType::kF32, shape, strides};
  }

  Buffer memory_ = Buffer(DType::kF32, {1000});
};

TEST_F(MayShareElementsTest, PartsOfRows) {
  // [B, S, heads, D] in rows of 60.
  const auto heads = [&](int64_t first, int64_t count) {
    return View(first * 6, {2, 3, count, 6}, {180, 60, 6, 1});
  };
  EXPECT_FALSE(MayShareElements(heads(0, 5), heads(5, 3)));
  EXPECT_FALSE(MayShareElements(heads(5, 3), heads(0, 5)));
  EXPECT_FALSE(MayShareElements(heads(5, 3), heads(8, 2)));
  EXPECT_TRUE(MayShareElements(heads(0, 5), heads(4, 3)));
  EXPECT_TRUE(MayShareElements(heads(4, 3), heads(0, 5)));
  EXPECT_TRUE(MayShareElements(heads(4, 1), heads(0, 10)));
  EXPECT_TRUE(MayShareElements(heads(3, 2), heads(3, 2)));
  // The last row's end, seen from one that begins before it.
  EXPECT_FALSE(MayShareElements(heads(0, 5), heads(15, 5)));
  EXPECT_TRUE(MayShareElements(heads(0, 5), heads(14, 5)));
}

TEST_F(MayShareElementsTest, OtherViews) {
  const ConstTensor row = View(0, {10}, {1});
  EXPECT_FALSE(MayShareElements(row, View(10, {10}, {1})));
  EXPECT_TRUE(MayShareElements(row, View(9, {10}, {1})));
  EXPECT_FALSE(MayShareElements(row, ConstTensor()));
  EXPECT_FALSE(MayShareElements(row, View(5, {0, 10}, {10, 1})));
  // Even and odd elements.
  EXPECT_FALSE(MayShareElements(View(0, {10}, {2}), View(1, {10}, {2})));
  EXPECT_TRUE(MayShareElements(View(0, {10}, {2}), View(2, {10}, {2})));
  EXPECT_TRUE(MayShareElements(View(0, {10}, {2}), View(1, {10}, {3})));
  // A single element, repeated.
  EXPECT_TRUE(MayShareElements(View(3, {10}, {0}), row));
}

}  // namespace
}  // namespace tilework
