// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/tensors.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/random.h"

namespace tilework {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(GuardedTensorTest, EveryLayoutHoldsItsElements) {
  for (DType dtype : kAllDTypes) {
    if (SmallestSubnormal(dtype) == 0 && dtype != DType::kE8M0) continue;
    const auto is_fresh = [&](double value) {
      return dtype == DType::kF4E2M1 ? value == -6 : std::isnan(value);
    };
    for (Layout layout : kAllLayouts) {
      GuardedTensor tensor(dtype, {2, 3, 5}, layout);
      for (double value : ToDoubles(tensor)) EXPECT_TRUE(is_fresh(value));
      double next = 0;
      ForEachIndex(tensor.view().shape(),
                   [&](const Dims& index) { Write(tensor, index, next++); });
      next = 0;
      for (double value : ToDoubles(tensor)) {
        EXPECT_EQ(value, RoundToDType(next++, dtype)) << Name(dtype);
      }
      EXPECT_TRUE(tensor.Intact());
      tensor.Poison();
      for (double value : ToDoubles(tensor)) EXPECT_TRUE(is_fresh(value));
    }
  }
}

TEST(RoundToDTypeTest, RoundsToTheType) {
  EXPECT_EQ(RoundToDType(0.3, DType::kF64), 0.3);
  EXPECT_EQ(RoundToDType(0.3, DType::kF32), static_cast<double>(0.3f));
  EXPECT_EQ(RoundToDType(19, DType::kF8E4M3), 20);
  EXPECT_EQ(RoundToDType(-500, DType::kF8E4M3), -448);
  EXPECT_EQ(RoundToDType(500, DType::kF8E4M3_240), 240);
  EXPECT_EQ(RoundToDType(18, DType::kF8E5M2), 16);
  EXPECT_EQ(RoundToDType(2.5, DType::kF4E2M1), 2);
  EXPECT_EQ(RoundToDType(5, DType::kE8M0), 4);
}

TEST(GuardedTensorTest, LayoutsAreWhatTheySay) {
  EXPECT_EQ(
      GuardedTensor(DType::kF32, {2, 3, 5}, Layout::kReversed).view().strides(),
      Dims({3, 1, 6}));
  EXPECT_EQ(
      GuardedTensor(DType::kF32, {2, 3, 5}, Layout::kPadded).view().strides(),
      Dims({24, 8, 1}));
  const GuardedTensor unaligned(DType::kBF16, {7}, Layout::kUnaligned);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(unaligned.view().data()) % 64, 2u);
}

TEST(GuardedTensorTest, NoticesWritesOutside) {
  GuardedTensor tensor(DType::kF32, {2, 3}, Layout::kPadded);
  float* data = tensor.view().data<float>();
  for (int64_t outside : {-1, 3, 9}) {
    const float old = data[outside];
    data[outside] = 0;
    EXPECT_FALSE(tensor.Intact()) << outside;
    data[outside] = old;
    EXPECT_TRUE(tensor.Intact());
  }
}

TEST(CompareTest, FindsTheWorstElement) {
  const float data[] = {1.0f, 2.5f, 3.0f, 4.25f};
  const ConstTensor actual(data, DType::kF32, {2, 2});
  const std::vector<double> bound = {1, 1, 1, 1};
  const Comparison result = Compare(actual, {1, 2, 3, 4}, bound);
  EXPECT_EQ(result.num_bad, 0);
  EXPECT_DOUBLE_EQ(result.worst_ratio, 0.5);
  EXPECT_EQ(result.worst, "[0, 1]: 2.5, expected 2 +- 1");
  EXPECT_DOUBLE_EQ(result.frobenius, std::sqrt(0.3125 / 30));
  EXPECT_TRUE(Within(actual, {1, 2, 3, 4}, bound, 0.11));
  EXPECT_FALSE(Within(actual, {1, 2, 3, 4}, bound, 0.1));
  EXPECT_FALSE(Within(actual, {1, 2, 3, 4}, {1, 0.49, 1, 1}));
  EXPECT_FALSE(Within(actual, {1, 2, 3, 4}, {0, 0, 0, 0}));
}

TEST(CompareTest, SpecialValues) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const float data[] = {nan, inf, -inf, 1.0f};
  const ConstTensor actual(data, DType::kF32, {4});
  const std::vector<double> bound(4, 1.0);
  EXPECT_TRUE(Within(actual, {std::nan(""), kInfinity, -kInfinity, 1}, bound));
  EXPECT_FALSE(Within(actual, {0, kInfinity, -kInfinity, 1}, bound));
  EXPECT_FALSE(
      Within(actual, {std::nan(""), -kInfinity, -kInfinity, 1}, bound));
  EXPECT_FALSE(Within(
      actual, {std::nan(""), kInfinity, -kInfinity, std::nan("")}, bound));
  EXPECT_FALSE(Within(actual, {std::nan(""), 5, -kInfinity, 1}, bound));
}

TEST(CompareTest, SameBits) {
  const float a[] = {0.0f, 1.0f};
  const float b[] = {-0.0f, 1.0f};
  EXPECT_TRUE(SameBits(ConstTensor(a, DType::kF32, {2}),
                       ConstTensor(a, DType::kF32, {2})));
  EXPECT_FALSE(SameBits(ConstTensor(a, DType::kF32, {2}),
                        ConstTensor(b, DType::kF32, {2})));
  EXPECT_FALSE(SameBits(ConstTensor(a, DType::kF32, {2}),
                        ConstTensor(a, DType::kF32, {1})));
}

TEST(CompareTest, SameBitsOfPackedElements) {
  const auto bits = [](uint8_t a) { return Float4E2M1Pair::FromBits(a); };
  const Float4E2M1Pair zero[] = {bits(0x21), bits(0xE0)};
  const Float4E2M1Pair beyond[] = {bits(0x21), bits(0x70)};
  const Float4E2M1Pair minus_zero[] = {bits(0x21), bits(0xE8)};
  const auto three = [](const Float4E2M1Pair* pairs) {
    return ConstTensor(pairs, DType::kF4E2M1, {3});
  };
  EXPECT_TRUE(SameBits(three(zero), three(beyond)));
  EXPECT_FALSE(SameBits(three(zero), three(minus_zero)));
  EXPECT_FALSE(SameBits(ConstTensor(zero, DType::kF4E2M1, {4}),
                        ConstTensor(beyond, DType::kF4E2M1, {4})));
}

TEST(RandomTest, NormalHasMeanAndVariance) {
  Random random(1);
  GuardedTensor tensor(DType::kF32, {100, 100});
  FillNormal(random, tensor, 2.0, 1.0);
  double sum = 0;
  double squares = 0;
  for (double value : ToDoubles(tensor)) {
    sum += value;
    squares += (value - 1) * (value - 1);
  }
  EXPECT_NEAR(sum / 1e4, 1.0, 0.1);
  EXPECT_NEAR(squares / 1e4, 4.0, 0.3);
}

TEST(InterestingSizesTest, SurroundsPowersOfTwo) {
  EXPECT_EQ(InterestingSizes(9),
            std::vector<int64_t>({1, 2, 3, 4, 5, 6, 7, 8, 9}));
  const std::vector<int64_t> sizes = InterestingSizes(100);
  EXPECT_EQ(sizes.back(), 97);
}

TEST(AgreesTest, NamesTheTensorThatDoesNot) {
  const GuardedTensor x(DType::kF32, {2});
  Write(x, {0}, 1);
  Write(x, {1}, 2);
  const ExpectedTensor good = {"x", x, {1, 2.5}, {0, 0.5}};
  const ExpectedTensor absent = {"none", ConstTensor(), {7}, {0}};
  const ExpectedTensor bad = {"bad", x, {1, 3}, {0.5, 0.5}};
  const ExpectedTensor far = {"far", x, {1, 2.5}, {1, 1}, 0.01};
  EXPECT_TRUE(Agrees(good));
  EXPECT_TRUE(Agrees(absent));
  EXPECT_TRUE(Agrees({good, absent}));
  const std::string message = Agrees({good, absent, bad}).message();
  EXPECT_NE(message.find("(bad)"), std::string::npos) << message;
  EXPECT_NE(message.find("[1]: 2, expected 3"), std::string::npos) << message;
  EXPECT_FALSE(Agrees(far));
}

}  // namespace
}  // namespace tilework
