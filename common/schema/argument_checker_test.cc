// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/argument_checker.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

class ArgumentCheckerTest : public testing::Test {
 protected:
  ConstTensor F32(const Dims& shape) {
    return ConstTensor(data_, DType::kF32, shape);
  }
  std::string Message() const { return std::string(check_.status().message()); }

  float data_[64] = {};
  ArgumentChecker check_{"kernel"};
};

TEST_F(ArgumentCheckerTest, BindsSymbolsInOrder) {
  check_.Required("x", F32({2, 3, 4}), "B S H", kFloatTypes);
  check_.Required("w", F32({4, 5}), "H I", kFloatTypes);
  check_.Optional("bias", ConstTensor(), "I", kFloatTypes);
  EXPECT_TRUE(check_.ok());
  EXPECT_EQ(check_["B"], 2);
  EXPECT_EQ(check_["I"], 5);
  EXPECT_EQ(check_["unknown"], 0);
}

TEST_F(ArgumentCheckerTest, MismatchNamesTensorSymbolAndNumbers) {
  check_.Required("x", F32({2, 3, 4}), "B S H", kFloatTypes);
  check_.Required("w", F32({5, 6}), "H I", kFloatTypes);
  EXPECT_EQ(check_.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Message(), "kernel: w is [5, 6] but H = 4 (from x [2, 3, 4])");
  check_.Require(false, "a later fault");
  EXPECT_EQ(Message(), "kernel: w is [5, 6] but H = 4 (from x [2, 3, 4])");
}

TEST_F(ArgumentCheckerTest, MissingAndRank) {
  ArgumentChecker missing("kernel");
  missing.Required("x", ConstTensor(), "B S H | T H", kFloatTypes);
  EXPECT_EQ(missing.status().message(),
            "kernel: x is missing, expected [B, S, H] or [T, H]");
  check_.Required("x", F32({4}), "B S H | T H", kFloatTypes);
  EXPECT_EQ(Message(), "kernel: x is [4], expected [B, S, H] or [T, H]");
}

TEST_F(ArgumentCheckerTest, RepeatedSymbols) {
  check_.Required("x", F32({2, 3}), "N N | A B", kFloatTypes);
  EXPECT_TRUE(check_.ok()) << Message();
  EXPECT_EQ(check_["B"], 3);
  check_.Required("y", F32({4, 5}), "M M", kFloatTypes);
  EXPECT_EQ(Message(), "kernel: y is [4, 5] but M = 4 (from y [4, 5])");
}

TEST_F(ArgumentCheckerTest, ShapesInMessages) {
  check_.Require(true, "no fault");
  check_.Require(false, "x is ", Dims{2, 3}, ", not ", 7);
  EXPECT_EQ(Message(), "kernel: x is [2, 3], not 7");
}

TEST_F(ArgumentCheckerTest, AlternativesOfTheSameRank) {
  check_.Required("x", F32({2, 3, 4}), "B S H", kFloatTypes);
  check_.Required("a", F32({1, 3}), "1 S | B S", kFloatTypes);
  check_.Required("b", F32({2, 3}), "1 S | B S", kFloatTypes);
  EXPECT_TRUE(check_.ok()) << Message();
  check_.Required("c", F32({4, 3}), "1 S | B S", kFloatTypes);
  EXPECT_EQ(Message(), "kernel: c is [4, 3] but B = 2 (from x [2, 3, 4])");
}

TEST_F(ArgumentCheckerTest, OneElementOfAnyRank) {
  for (const Dims& shape : {Dims(), Dims({1}), Dims({1, 1, 1})}) {
    check_.Required("x", F32(shape), "1*", kFloatTypes);
  }
  check_.Required("w", F32({4}), "N | 1*", kFloatTypes);
  check_.Required("v", F32({1, 1}), "N | 1*", kFloatTypes);
  EXPECT_TRUE(check_.ok()) << Message();
  EXPECT_EQ(check_["N"], 4);
  check_.Required("u", F32({1, 2}), "N | 1*", kFloatTypes);
  EXPECT_EQ(Message(), "kernel: u is [1, 2], expected [N] or one element");
}

TEST_F(ArgumentCheckerTest, PackedElements) {
  constexpr DType kPacked[] = {DType::kF4E2M1};
  const auto view = [&](const Dims& shape, const Dims& strides) {
    return ConstTensor(data_, DType::kF4E2M1, shape, strides);
  };
  check_.Required("x", view({3, 5}, {6, 1}), "M N", kPacked);
  check_.Required("y", view({3, 5}, {1, 4}), "M N", kPacked);
  check_.Required("one", view({1, 1}, {3, 3}), "1*", kPacked);
  EXPECT_TRUE(check_.ok()) << Message();
  check_.Required("z", view({3, 5}, {5, 1}), "M N", kPacked);
  EXPECT_EQ(Message(),
            "kernel: z of f4e2m1 has strides [5, 1], expected 1 in one "
            "dimension and even ones elsewhere");
}

TEST_F(ArgumentCheckerTest, PackedAlongACertainDimension) {
  constexpr DType kPacked[] = {DType::kF4E2M1};
  const auto view = [&](const Dims& shape, const Dims& strides) {
    return ConstTensor(data_, DType::kF4E2M1, shape, strides);
  };
  check_.Required("x", view({3, 5}, {1, 4}), "K N", kPacked, -2);
  check_.Required("one", view({1, 1}, {3, 3}), "1*", kPacked, -2);
  check_.Required("empty", view({0, 5}, {7, 9}), "Z N", kPacked, -2);
  EXPECT_TRUE(check_.ok()) << Message();
  check_.Required("z", view({3, 5}, {6, 1}), "K N", kPacked, -2);
  EXPECT_EQ(Message(),
            "kernel: z of f4e2m1 has strides [6, 1], expected 1 in dimension 0 "
            "and even ones elsewhere");
}

TEST_F(ArgumentCheckerTest, LeadingDimensions) {
  check_.Required("x", F32({2, 3, 4}), "... H", kFloatTypes);
  check_.Required("rstd", F32({2, 3}), "...", kFloatTypes);
  EXPECT_TRUE(check_.ok()) << Message();
  EXPECT_EQ(check_.leading(), Dims({2, 3}));
  check_.Required("y", F32({3, 2, 4}), "... H", kFloatTypes);
  EXPECT_EQ(Message(),
            "kernel: y is [3, 2, 4] but its leading dimensions should be [2, "
            "3] (from x [2, 3, 4]), expected [..., H]");
}

TEST_F(ArgumentCheckerTest, StorageFaults) {
  check_.Required("x", ConstTensor(data_, DType::kI32, {4}), "H", kFloatTypes);
  EXPECT_EQ(Message(), "kernel: x has dtype i32, expected f32 or bf16 or f16");
  ArgumentChecker null("kernel");
  null.Required("x", ConstTensor(nullptr, DType::kF32, {4}), "H", kFloatTypes);
  EXPECT_EQ(null.status().message(), "kernel: x is [4] but its data is null");
  ArgumentChecker empty("kernel");
  empty.Required("x", ConstTensor(nullptr, DType::kF32, {0}), "H", kFloatTypes);
  EXPECT_TRUE(empty.ok());
  ArgumentChecker device("kernel");
  device.Required(
      "x", ConstTensor(data_, DType::kF32, {4}, {1}, MemorySpace::kDevice), "H",
      kFloatTypes);
  EXPECT_EQ(device.status().message(),
            "kernel: x is in device memory but the context is a host context");
  ArgumentChecker host("kernel", MemorySpace::kDevice);
  host.Required("x", F32({4}), "H", kFloatTypes);
  EXPECT_EQ(host.status().message(),
            "kernel: x is in host memory but the context is a device context");
  ArgumentChecker negative("kernel");
  negative.Required("x", F32({-1}), "H", kFloatTypes);
  EXPECT_EQ(negative.status().message(),
            "kernel: x is [-1]: a size is negative");
  ArgumentChecker huge("kernel");
  huge.Required("x", F32({int64_t{1} << 40, int64_t{1} << 40}), "T H",
                kFloatTypes);
  EXPECT_EQ(huge.status().message(),
            "kernel: x is [1099511627776, 1099511627776]: too many elements");
}

TEST_F(ArgumentCheckerTest, LeadingDimensionsBroadcast) {
  check_.Broadcast("...", "..a", "..b");
  check_.Required("a", F32({2, 1, 3, 4}), "..a M K", kFloatTypes);
  check_.Required("b", F32({5, 4, 6}), "..b K N", kFloatTypes);
  check_.Required("out", F32({2, 5, 3, 6}), "... M N", kFloatTypes);
  EXPECT_TRUE(check_.ok()) << Message();
  EXPECT_EQ(check_.leading("..b"), Dims({5}));
  EXPECT_EQ(check_.leading(), Dims({2, 5}));
  check_.Required("residual", F32({2, 1, 3, 6}), "... M N", kFloatTypes);
  EXPECT_EQ(Message(),
            "kernel: residual is [2, 1, 3, 6] but its leading dimensions "
            "should be [2, 5] (from a [2, 1, 3, 4] and b [5, 4, 6]), expected "
            "[..., M, N]");
  ArgumentChecker differ("kernel");
  differ.Broadcast("...", "..a", "..b");
  differ.Required("a", F32({2, 3, 4}), "..a M K", kFloatTypes);
  differ.Required("b", F32({3, 4, 6}), "..b K N", kFloatTypes);
  EXPECT_EQ(differ.status().message(),
            "kernel: b [3, 4, 6] has leading dimensions that do not broadcast "
            "with those of a [2, 3, 4]");
}

TEST_F(ArgumentCheckerTest, BindAndForbidden) {
  check_.Bind("D", 8, "num_heads");
  check_.Bind("D", 8, "x");
  EXPECT_TRUE(check_.ok());
  check_.Bind("D", 9, "x [9]");
  EXPECT_EQ(Message(), "kernel: D = 9 (from x [9]) but D = 8 (from num_heads)");
  ArgumentChecker forbidden("kernel");
  forbidden.Forbidden("beta", F32({4}), "the norm has none");
  EXPECT_EQ(forbidden.status().message(),
            "kernel: beta is given but the norm has none");
}

TEST_F(ArgumentCheckerTest, Aliasing) {
  const ConstTensor x = F32({4, 4});
  check_.SameOrNoOverlap("y", x, "x", x);
  check_.NoOverlap("y", x.Slice(0, 0, 2), "x", x.Slice(0, 2, 2));
  EXPECT_TRUE(check_.ok());
  ArgumentChecker partial("kernel");
  partial.SameOrNoOverlap("y", x.Slice(0, 0, 3), "x", x.Slice(0, 1, 3));
  EXPECT_EQ(partial.status().message(),
            "kernel: y overlaps x without being the same view");
  check_.NoOverlap("y", x, "x", x);
  EXPECT_EQ(Message(), "kernel: y overlaps x");
}

}  // namespace
}  // namespace tilework
