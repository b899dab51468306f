// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/tensor/tensor.h"

#include <cstdint>
#include <cstring>
#include <numeric>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"

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
  EXPECT_EQ(Dims({int64_t{1} << 62, int64_t{1} << 62, 0}).Product(), 0);
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

// Codes i % 16 in row-major order.
Buffer PackedIota(const Dims& shape) {
  Buffer buffer = Buffer::Zeros(DType::kF4E2M1, shape);
  uint8_t code = 0;
  for (int64_t i = 0; i < shape[0]; ++i) {
    for (int64_t j = 0; j < shape[1]; ++j) {
      SetPacked(buffer.data<Float4E2M1Pair>(), i * buffer.view().stride(0) + j,
                Float4E2M1::FromBits(code++ % 16));
    }
  }
  return buffer;
}

TEST(PackedTensorTest, RowsAreWholeBytes) {
  Buffer buffer = PackedIota({3, 5});
  const Tensor x = buffer.view();
  EXPECT_EQ(x.strides(), Dims({6, 1}));
  EXPECT_EQ(x.NumBytes(), 9);
  EXPECT_TRUE(x.IsContiguous());
  EXPECT_EQ(x.At<Float4E2M1Pair>(1, 0)->bits, 0x65);
  EXPECT_EQ(x.At<Float4E2M1Pair>(1, 3)->bits, 0x87);
  EXPECT_EQ(x.At<Float4E2M1Pair>(1, 4)->bits, 0x09);
  EXPECT_EQ(x.Slice(1, 2, 3).At<Float4E2M1Pair>(2, 0)->bits, 0xDC);
  EXPECT_EQ(x.Select(0, 2).At<Float4E2M1Pair>(0)->bits, 0xBA);
  EXPECT_DEATH(x.Slice(1, 1, 2), "slice from 1");
  EXPECT_FALSE(x.Slice(1, 0, 3).IsContiguous());
  EXPECT_TRUE(x.Slice(0, 1, 2).IsContiguous());
  EXPECT_EQ(Buffer(DType::kF4E2M1, {}).view().NumBytes(), 1);
  EXPECT_EQ(Buffer(DType::kF4E2M1, {4, 0}).view().NumBytes(), 0);
  EXPECT_EQ(Buffer(DType::kF4E2M1, {4, 1}).view().NumBytes(), 4);
}

TEST(PackedTensorTest, ReshapesWhereRowsStayWholeBytes) {
  Buffer buffer = PackedIota({3, 12});
  const Tensor x = buffer.view();
  EXPECT_EQ(x.Reshape({9, 4}).At<Float4E2M1Pair>(8, 2)->bits, 0x32);
  EXPECT_EQ(x.Reshape({36}).At<Float4E2M1Pair>(34)->bits, 0x32);
  EXPECT_DEATH(x.Reshape({12, 3}), "whole bytes");
  Buffer odd = PackedIota({3, 5});
  EXPECT_DEATH(odd.view().Reshape({15}), "without a copy");
}

TEST(PackedTensorTest, OverlapCountsHalfBytes) {
  Buffer buffer = PackedIota({4, 5});
  const Tensor x = buffer.view();
  EXPECT_FALSE(Overlap(x.Slice(0, 0, 2), x.Slice(0, 2, 2)));
  EXPECT_TRUE(Overlap(x.Slice(0, 0, 3), x.Slice(0, 2, 2)));
  // The last element of a row is alone in its byte.
  EXPECT_TRUE(Overlap(x.Slice(0, 0, 1), x.Select(0, 0).Slice(0, 4, 1)));
}

TEST(PackedTensorTest, CopiesFollowStrides) {
  Buffer buffer = PackedIota({3, 5});
  Buffer copy(DType::kF4E2M1, {5, 3});
  std::memset(copy.view().data(), 0xFF, 10);
  Copy(buffer.view().Transpose(), copy.view());
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t j = 0; j < 3; ++j) {
      EXPECT_EQ(GetPacked(copy.data<Float4E2M1Pair>(), i * 4 + j).bits,
                (j * 5 + i) % 16);
    }
    EXPECT_EQ(copy.data<Float4E2M1Pair>()[i * 2 + 1].second().bits, 0);
  }
  Buffer back(DType::kF4E2M1, {3, 5});
  Copy(copy.view().Transpose(), back.view());
  EXPECT_EQ(std::memcmp(back.view().data(), buffer.view().data(), 9), 0);
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
