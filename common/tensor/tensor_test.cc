// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/tensor.h"

#include <cstdint>
#include <cstring>
#include <numeric>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"

namespace tilework {
namespace {

Buffer Iota(const Dims& shape) {
  Buffer buffer(DType::kF32, shape);
  std::iota(buffer.data<float>(),
            buffer.data<float>() + buffer.view().NumElements(), 0.0f);
  return buffer;
}

TEST(DimsTest, Product) {
  EXPECT_EQ(Dims({}).Product(), 1);
  EXPECT_EQ(Dims({2, 3, 5}).Product(), 30);
  EXPECT_EQ(Dims({2, 0, 5}).Product(), 0);
  EXPECT_TRUE(Dims({0, int64_t{1} << 62, int64_t{1} << 62}).ProductFits());
  EXPECT_TRUE(Dims({1, int64_t{1} << 62}).ProductFits());
  EXPECT_FALSE(Dims({2, int64_t{1} << 62}).ProductFits());
  EXPECT_EQ(Dims({2, 128}).ToString(), "[2, 128]");
}

TEST(TensorTest, AbsentByDefault) {
  EXPECT_FALSE(Tensor().present());
  EXPECT_FALSE(ConstTensor(Tensor()).present());
  EXPECT_EQ(ToString(ConstTensor()), "absent");
  Buffer empty(DType::kF32, {0, 4});
  EXPECT_TRUE(empty.view().present());
  EXPECT_EQ(empty.view().NumElements(), 0);
}

TEST(TensorTest, ViewsAddressTheRightElements) {
  Buffer buffer = Iota({2, 3, 4});
  const Tensor x = buffer.view();
  EXPECT_EQ(*x.At<float>(1, 2, 3), 23.0f);
  EXPECT_EQ(*x.Transpose().At<float>(1, 3, 2), 23.0f);
  EXPECT_EQ(*x.Permute({2, 0, 1}).At<float>(3, 1, 2), 23.0f);
  EXPECT_EQ(*x.Slice(1, 1, 2).At<float>(1, 1, 0), 20.0f);
  EXPECT_EQ(*x.Slice(-1, 3, 1).At<float>(0, 0, 0), 3.0f);
  EXPECT_EQ(*x.Select(0, 1).At<float>(2, 3), 23.0f);
  EXPECT_EQ(x.Select(1, 0).shape(), Dims({2, 4}));
  EXPECT_TRUE(x.IsContiguous());
  EXPECT_FALSE(x.Transpose().IsContiguous());
  EXPECT_EQ(ToString(x.Transpose()), "f32 [2, 4, 3] strides [12, 1, 4]");
}

TEST(TensorTest, ReshapeSplitsAndMerges) {
  Buffer buffer = Iota({2, 6, 4});
  const Tensor x = buffer.view();
  EXPECT_EQ(*x.Reshape({12, 2, 2}).At<float>(11, 1, 1), 47.0f);
  EXPECT_EQ(*x.Reshape({48}).At<float>(47), 47.0f);
  EXPECT_EQ(*x.Reshape({1, 2, 3, 1, 2, 4}).At<float>(0, 1, 2, 0, 1, 3), 47.0f);
  // Rows with a gap: the last dimension splits, the others stay strided.
  const Tensor rows = x.Slice(2, 0, 2);
  const Tensor split = rows.Reshape({2, 3, 2, 2});
  EXPECT_EQ(split.strides(), Dims({24, 8, 4, 1}));
  EXPECT_EQ(*split.At<float>(1, 2, 1, 1), 45.0f);
  EXPECT_DEATH(rows.Reshape({2, 12}), "without a copy");
  EXPECT_DEATH(x.Reshape({47}), "");
  EXPECT_EQ(x.Slice(0, 0, 0).Reshape({0, 7}).shape(), Dims({0, 7}));
}

TEST(TensorTest, OverlapAndSameView) {
  Buffer buffer = Iota({4, 4});
  const Tensor x = buffer.view();
  EXPECT_TRUE(Overlap(x, x));
  EXPECT_FALSE(Overlap(x.Slice(0, 0, 2), x.Slice(0, 2, 2)));
  EXPECT_TRUE(Overlap(x.Slice(0, 0, 3), x.Slice(0, 2, 2)));
  EXPECT_FALSE(Overlap(x, x.Slice(0, 1, 0)));
  EXPECT_TRUE(SameView(x, x));
  EXPECT_FALSE(SameView(x, x.Transpose()));
}

TEST(TensorTest, CopyConvertsAndFollowsStrides) {
  Buffer source = Iota({3, 5});
  Buffer target = Buffer::Zeros(DType::kBF16, {5, 3});
  Copy(source.view(), target.view().Transpose());
  EXPECT_EQ(static_cast<float>(*target.view().At<BFloat16>(4, 2)), 14.0f);
  Buffer back = ToContiguous(target.view().Transpose(), DType::kF32);
  EXPECT_EQ(std::memcmp(back.data<float>(), source.data<float>(),
                        static_cast<size_t>(source.view().NumBytes())),
            0);
}

TEST(BufferTest, IsAlignedAndMoves) {
  Buffer a = Buffer::Zeros(DType::kF16, {7});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.view().data()) % 64, 0u);
  const void* data = a.view().data();
  Buffer b = std::move(a);
  EXPECT_EQ(b.view().data(), data);
}

}  // namespace
}  // namespace tilework
