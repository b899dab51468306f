// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numbers>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_oracle.h"
#include "tilework/kernels/rope/rope_problem.h"
#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kF16 = DType::kF16;
constexpr DType kTypes[] = {kF32, kBF16, kF16};

class RopeTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const RopeConfig& config) {
    const RopeProblem problem(config);
    const RopeArgs args = problem.args();
    SCOPED_TRACE(ToString(args.x_in) + ", cos " + ToString(args.cos) +
                 (args.contiguous_layout ? ", contiguous" : ", interleaved") +
                 (args.inverse ? ", inverse" : "") + ", out_layout " +
                 std::to_string(static_cast<int>(args.out_layout)));
    const std::vector<ExpectedTensor> expected = RopeExpected(args);
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(expected));
    EXPECT_TRUE(problem.Intact());
  }

  // Both layouts, both table widths, both directions.
  void ExpectAllModesMatch(RopeConfig config) {
    for (const bool contiguous : {true, false}) {
      for (const bool per_member : {true, false}) {
        for (const bool inverse : {true, false}) {
          config.contiguous = contiguous;
          config.per_member = per_member;
          config.inverse = inverse;
          ExpectMatchesTheOracle(config);
        }
      }
    }
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(RopeTest);

TEST_P(RopeTest, EveryType) {
  for (const DType dtype : kTypes) {
    for (const DType table_dtype : kTypes) {
      ExpectAllModesMatch({.dtype = dtype, .table_dtype = table_dtype});
    }
  }
}

TEST_P(RopeTest, EverySize) {
  for (const int64_t h : InterestingSizes(70)) {
    for (const DType dtype : kTypes) {
      ExpectAllModesMatch({.shape = {1, 2, 2, 2 * h}, .dtype = dtype});
    }
  }
}

TEST_P(RopeTest, EveryLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kTypes) {
      ExpectAllModesMatch(
          {.dtype = dtype, .table_dtype = dtype, .layout = layout});
    }
  }
}

TEST_P(RopeTest, TablesOfEachBatchOrOfAll) {
  for (const int64_t table_batch : {0, 1, 2}) {
    ExpectMatchesTheOracle({.table_batch = table_batch});
    ExpectMatchesTheOracle({.table_dtype = kBF16, .table_batch = table_batch});
  }
}

TEST_P(RopeTest, IndexedRows) {
  for (const DType position_dtype : {DType::kI32, DType::kI64}) {
    for (const Dims& shape : {Dims({2, 5}), Dims({1, 5}), Dims({5})}) {
      for (const Layout layout : kAllLayouts) {
        ExpectMatchesTheOracle({.shape = {2, 5, 3, 16},
                                .layout = layout,
                                .mode = RopeMode::kIndexed,
                                .position_dtype = position_dtype,
                                .position_shape = shape});
      }
    }
  }
  ExpectAllModesMatch({.shape = {2, 5, 3, 10},
                       .dtype = kF16,
                       .table_dtype = kBF16,
                       .rotary_dim = 6,
                       .rotary_offset = 3,
                       .mode = RopeMode::kIndexed});
}

TEST_P(RopeTest, Computed) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kTypes) {
      for (const bool contiguous : {true, false}) {
        for (const bool inverse : {true, false}) {
          ExpectMatchesTheOracle({.shape = {2, 5, 3, 46},
                                  .dtype = dtype,
                                  .contiguous = contiguous,
                                  .inverse = inverse,
                                  .rotary_dim = 42,
                                  .rotary_offset = 1,
                                  .layout = layout,
                                  .mode = RopeMode::kComputed,
                                  .position_dtype = DType::kI64,
                                  .attention_factor = 1.25});
        }
      }
    }
  }
}

// The cosine and sine of any f32 angle, as what (1, 0) turns into.
TEST_P(RopeTest, ComputedAnglesOfAnySize) {
  std::vector<float> angles = {0, -0.0f, 1e-45f, 1e-38f, 2e8f, 2.0000002e8f};
  Random random(3);
  for (int i = 0; i < 20000; ++i) {
    angles.push_back(static_cast<float>(std::ldexp(
        random.Uniform(-1, 1), static_cast<int>(random.Integer(-140, 128)))));
    angles.push_back(static_cast<float>(random.Uniform(-7, 7)));
  }
  // The f32 values next to multiples of pi / 2, where one of the two is small.
  for (int64_t i = 1; i < 20000; ++i) {
    const double k = static_cast<double>(i < 10000 ? i : i * 12345);
    angles.push_back(static_cast<float>(k * std::numbers::pi / 2));
  }
  const int64_t h = static_cast<int64_t>(angles.size());
  const int64_t position[] = {1};
  std::vector<float> x(angles.size() * 2, 0.0f);
  std::fill_n(x.begin(), h, 1.0f);
  const GuardedTensor y(kF32, {1, 1, 1, 2 * h});
  ASSERT_EQ(Rope({.x_in = ConstTensor(x.data(), kF32, {1, 1, 1, 2 * h}),
                  .x_out = y,
                  .positions = ConstTensor(position, DType::kI64, {1}),
                  .inv_freq = ConstTensor(angles.data(), kF32, {h}),
                  .mode = RopeMode::kComputed},
                 context_),
            absl::OkStatus());
  std::vector<double> expected(x.size());
  std::vector<double> bound(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    const double angle = static_cast<double>(angles[i % angles.size()]);
    expected[i] = i < angles.size() ? std::cos(angle) : std::sin(angle);
    bound[i] =
        0.51 * std::ldexp(1, std::max(std::ilogb(expected[i]), -126) - 23);
  }
  EXPECT_TRUE(Within(y, expected, bound));
}

TEST_P(RopeTest, ComputedAnglesThatAreNotFinite) {
  const int64_t position[] = {3};
  const float inv_freq[] = {INFINITY, NAN, 3e38f, 0};
  const float x[] = {1, 1, 1, 1, 0, 0, 0, 0};
  const GuardedTensor y(kF32, {1, 1, 1, 8});
  ASSERT_EQ(Rope({.x_in = ConstTensor(x, kF32, {1, 1, 1, 8}),
                  .x_out = y,
                  .positions = ConstTensor(position, DType::kI64, {1}),
                  .inv_freq = ConstTensor(inv_freq, kF32, {4}),
                  .mode = RopeMode::kComputed},
                 context_),
            absl::OkStatus());
  for (int64_t i = 0; i < 8; ++i) {
    const double value = Read(y, {0, 0, 0, i});
    if (i % 4 == 3) {
      EXPECT_EQ(value, x[i]);
    } else {
      EXPECT_TRUE(std::isnan(value)) << i;
    }
  }
}

// Positions round to f32 once.
TEST_P(RopeTest, ComputedAtHugePositions) {
  const int64_t position[] = {(int64_t{1} << 60) + (int64_t{1} << 36) + 1,
                              std::numeric_limits<int64_t>::max()};
  const float inv_freq[] = {1};
  const float x[] = {1, 0, 1, 0};
  const GuardedTensor y(kF32, {1, 2, 1, 2});
  ASSERT_EQ(Rope({.x_in = ConstTensor(x, kF32, {1, 2, 1, 2}),
                  .x_out = y,
                  .positions = ConstTensor(position, DType::kI64, {2}),
                  .inv_freq = ConstTensor(inv_freq, kF32, {1}),
                  .mode = RopeMode::kComputed},
                 context_),
            absl::OkStatus());
  EXPECT_EQ(Read(y, {0, 0, 0, 0}),
            static_cast<float>(std::cos(0x1p60 + 0x1p37)));
  EXPECT_EQ(Read(y, {0, 1, 0, 0}), static_cast<float>(std::cos(0x1p63)));
}

TEST_P(RopeTest, OtherLayoutOut) {
  for (const RopeOutLayout out_layout :
       {RopeOutLayout::kContiguous, RopeOutLayout::kInterleaved}) {
    for (const Layout layout : kAllLayouts) {
      for (const DType dtype : kTypes) {
        ExpectAllModesMatch({.shape = {2, 3, 5, 75},
                             .dtype = dtype,
                             .rotary_dim = 70,
                             .rotary_offset = 2,
                             .layout = layout,
                             .out_layout = out_layout});
      }
    }
  }
}

TEST_P(RopeTest, OtherTypeOut) {
  for (const DType dtype : kTypes) {
    for (const DType out_dtype : kTypes) {
      for (const Layout layout : {Layout::kContiguous, Layout::kReversed}) {
        ExpectAllModesMatch({.shape = {2, 3, 3, 46},
                             .dtype = dtype,
                             .out_dtype = out_dtype,
                             .rotary_dim = 42,
                             .rotary_offset = 1,
                             .layout = layout});
      }
    }
  }
  ExpectMatchesTheOracle({.dtype = kBF16,
                          .out_dtype = kF32,
                          .out_layout = RopeOutLayout::kInterleaved});
}

TEST_P(RopeTest, PartOfTheHead) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kTypes) {
      for (const int64_t offset : {0, 1, 4}) {
        ExpectAllModesMatch({.shape = {2, 3, 3, 10},
                             .dtype = dtype,
                             .rotary_dim = 6,
                             .rotary_offset = offset,
                             .layout = layout});
      }
    }
  }
}

TEST_P(RopeTest, TheLastElementOfAnOddHeadIsCopied) {
  ExpectMatchesTheOracle({.shape = {1, 2, 1, 7}, .rotary_dim = 6});
}

// Rotates tensors whose dimensions lie in memory in the given order, the last
// with unit stride, and expects the bits of the contiguous problem.
void ExpectSameInOrder(const RopeConfig& config, const Dims& order,
                       HostContext& context) {
  const RopeProblem problem(config);
  ASSERT_EQ(Rope(problem.args(), context), absl::OkStatus());
  Dims stored = order;
  Dims inverse = order;
  for (int i = 0; i < 4; ++i) {
    stored[i] = config.shape[static_cast<int>(order[i])];
    inverse[static_cast<int>(order[i])] = i;
  }
  const GuardedTensor in(config.dtype, stored);
  const GuardedTensor out(config.dtype, stored);
  RopeArgs args = problem.args();
  Copy(args.x_in, in.view().Permute(inverse));
  args.x_in = in.view().Permute(inverse);
  args.x_out = out.view().Permute(inverse);
  SCOPED_TRACE(ToString(args.x_in));
  ASSERT_EQ(Rope(args, context), absl::OkStatus());
  EXPECT_TRUE(SameBits(args.x_out, problem.x_out()));
  EXPECT_TRUE(out.Intact());
  if (config.out_layout == RopeOutLayout::kSame) {
    args.x_out = in.view().Permute(inverse);
    ASSERT_EQ(Rope(args, context), absl::OkStatus());
    EXPECT_TRUE(SameBits(args.x_out, problem.x_out()));
    EXPECT_TRUE(in.Intact());
  }
}

TEST_P(RopeTest, EveryOrderOfDimensions) {
  Dims order = {0, 1, 2, 3};
  do {
    for (const bool contiguous : {true, false}) {
      for (const bool per_member : {true, false}) {
        ExpectSameInOrder({.shape = {3, 9, 2, 10},
                           .dtype = kBF16,
                           .table_batch = 3,
                           .per_member = per_member,
                           .contiguous = contiguous,
                           .inverse = per_member,
                           .rotary_dim = 6,
                           .rotary_offset = 3},
                          order, context_);
      }
    }
  } while (std::next_permutation(&order[0], &order[0] + 4));
}

// More columns than a tile has, in one and in several runs.
TEST_P(RopeTest, ManyAdjacentColumns) {
  const Dims d_b_n_s = {3, 0, 2, 1};
  const Dims d_b_s_n = {3, 0, 1, 2};
  for (const Dims& shape :
       {Dims({2, 515, 2, 4}), Dims({7, 8, 30, 4}), Dims({700, 1, 3, 4}),
        Dims({1, 1, 1200, 4}), Dims({2, 100, 11, 4})}) {
    ExpectSameInOrder({.shape = shape}, d_b_n_s, context_);
    ExpectSameInOrder({.shape = shape,
                       .dtype = kF16,
                       .mode = RopeMode::kIndexed,
                       .out_layout = RopeOutLayout::kInterleaved},
                      d_b_n_s, context_);
    ExpectSameInOrder({.shape = shape, .mode = RopeMode::kComputed}, d_b_s_n,
                      context_);
  }
}

// A head's elements lie side by side in one of the two only.
TEST_P(RopeTest, OtherStridesOut) {
  const RopeConfig config = {.shape = {2, 9, 3, 10}, .dtype = kF16};
  const RopeProblem problem(config);
  ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  const GuardedTensor other(kF16, config.shape, Layout::kReversed);
  RopeArgs args = problem.args();
  args.x_out = other;
  ASSERT_EQ(Rope(args, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(other, problem.x_out()));
  Copy(problem.x_in(), other);
  args = problem.args();
  args.x_in = other;
  const GuardedTensor out(kF16, config.shape);
  args.x_out = out;
  ASSERT_EQ(Rope(args, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(out, problem.x_out()));
}

// One head for all: strides of 0.
TEST_P(RopeTest, RepeatedInput) {
  for (const Dims& strides :
       {Dims({0, 16, 0, 1}), Dims({0, 1, 0, 3}), Dims({0, 0, 0, 0})}) {
    const RopeProblem problem({.shape = {2, 3, 4, 16}});
    RopeArgs args = problem.args();
    args.x_in =
        ConstTensor(problem.x_in().data(), kF32, {2, 3, 4, 16}, strides);
    const std::vector<ExpectedTensor> expected = RopeExpected(args);
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(expected));
  }
}

// Outputs so large that they go past the caches, against the same in place.
TEST_P(RopeTest, LargeOutputs) {
  const Dims shape = {1, 2048, 64, 64};
  Buffer x(DType::kF32, shape);
  Buffer y(DType::kF32, {1, 2048 * 64 * 64 + 1});
  for (int64_t i = 0; i < shape.Product(); ++i) {
    x.data<float>()[i] = static_cast<float>(i % 1001) - 500;
  }
  const RopeProblem tables({.shape = {1, 2048, 1, 60}});
  ASSERT_GE(x.view().NumBytes(), int64_t{32} << 20);
  for (const Dims& order : {Dims({0, 1, 2, 3}), Dims({1, 3, 2, 0})}) {
    Dims stored = shape;
    for (int i = 0; i < 4; ++i) stored[static_cast<int>(order[i])] = shape[i];
    Tensor out = Tensor(y.data<float>() + 1, kF32, stored).Permute(order);
    RopeArgs args = tables.args();
    args.x_in = x.view().Reshape(stored).Permute(order);
    args.x_out = out;
    args.rotary_dim = 60;
    args.rotary_offset = 3;
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    args.x_out = x.view().Reshape(stored).Permute(order);
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    EXPECT_EQ(std::memcmp(x.data<float>(), y.data<float>() + 1,
                          static_cast<size_t>(x.view().NumBytes())),
              0);
  }
}

TEST_P(RopeTest, InPlace) {
  for (const Layout layout : kAllLayouts) {
    for (const bool contiguous : {true, false}) {
      for (const RopeOutLayout out_layout :
           {RopeOutLayout::kSame, RopeOutLayout::kContiguous,
            RopeOutLayout::kInterleaved}) {
        const RopeConfig config = {.shape = {2, 3, 4, 70},
                                   .dtype = kBF16,
                                   .contiguous = contiguous,
                                   .rotary_dim = 66,
                                   .rotary_offset = 2,
                                   .layout = layout,
                                   .out_layout = out_layout};
        const RopeProblem apart(config);
        ASSERT_EQ(Rope(apart.args(), context_), absl::OkStatus());
        const RopeProblem in_place(config);
        RopeArgs args = in_place.args();
        args.x_out = in_place.x_in();
        ASSERT_EQ(Rope(args, context_), absl::OkStatus());
        EXPECT_TRUE(SameBits(in_place.x_in(), apart.x_out()));
        EXPECT_TRUE(in_place.Intact());
      }
    }
  }
}

TEST_P(RopeTest, KnownValues) {
  const GuardedTensor cos(kF32, {4, 2});
  const GuardedTensor sin(kF32, {4, 2});
  ASSERT_EQ(RopeTables({.cos = cos, .sin = sin, .rotary_dim = 4}, context_),
            absl::OkStatus());
  const float x[] = {1, 2, 3, 4};
  const std::pair<bool, std::vector<double>> cases[] = {
      {true, {-1.41335252, 1.87911807, -2.82885748, 4.05819114}},
      {false, {-1.27223251, -1.83886499, 2.87866811, 4.08818664}},
  };
  for (const auto& [contiguous, expected] : cases) {
    const GuardedTensor y(kF32, {1, 1, 1, 4});
    ASSERT_EQ(Rope({.x_in = ConstTensor(x, kF32, {1, 1, 1, 4}),
                    .x_out = y,
                    .cos = cos.view().Slice(0, 3, 1),
                    .sin = sin.view().Slice(0, 3, 1),
                    .contiguous_layout = contiguous},
                   context_),
              absl::OkStatus());
    EXPECT_TRUE(Within(y, expected, std::vector<double>(4, 1e-6)));
    const int64_t position[] = {3};
    const float inv_freq[] = {1, 0.01f};
    const GuardedTensor computed(kF32, {1, 1, 1, 4});
    ASSERT_EQ(Rope({.x_in = ConstTensor(x, kF32, {1, 1, 1, 4}),
                    .x_out = computed,
                    .positions = ConstTensor(position, DType::kI64, {1}),
                    .inv_freq = ConstTensor(inv_freq, kF32, {2}),
                    .contiguous_layout = contiguous,
                    .mode = RopeMode::kComputed},
                   context_),
              absl::OkStatus());
    EXPECT_TRUE(Within(computed, expected, std::vector<double>(4, 1e-6)));
  }
}

TEST_P(RopeTest, ForwardThenInverseReturnsTheInput) {
  const GuardedTensor inv_freq(kF32, {40});
  const GuardedTensor positions(DType::kI32, {7});
  ASSERT_EQ(RopeTables({.inv_freq = inv_freq, .rotary_dim = 80}, context_),
            absl::OkStatus());
  for (int64_t s = 0; s < 7; ++s) {
    Write(positions, {s}, static_cast<double>(1000000 + s));
  }
  for (const bool contiguous : {true, false}) {
    const RopeProblem problem({.shape = {2, 7, 3, 80}});
    RopeArgs args = {.x_in = problem.x_in(),
                     .x_out = problem.x_out(),
                     .positions = positions,
                     .inv_freq = inv_freq,
                     .contiguous_layout = contiguous,
                     .mode = RopeMode::kComputed};
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    args.x_in = problem.x_out();
    args.inverse = true;
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    const std::vector<double> expected = ToDoubles(problem.x_in());
    EXPECT_TRUE(Within(problem.x_out(), expected,
                       std::vector<double>(expected.size(), 4e-6)));
  }
}

TEST_P(RopeTest, NonFiniteValuesStayInTheirPair) {
  const RopeProblem problem({.shape = {1, 1, 1, 70}, .rotary_dim = 68});
  Write(problem.x_in(), {0, 0, 0, 3}, std::nan(""));
  Write(problem.x_in(), {0, 0, 0, 33}, std::numeric_limits<double>::infinity());
  Write(problem.x_in(), {0, 0, 0, 69}, std::nan(""));
  ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  for (int64_t i = 0; i < 70; ++i) {
    const double y = Read(problem.x_out(), {0, 0, 0, i});
    if (i == 3 || i == 37 || i == 69) {
      EXPECT_TRUE(std::isnan(y)) << i;
    } else if (i == 33 || i == 67) {
      EXPECT_TRUE(std::isinf(y)) << i;
    } else {
      EXPECT_TRUE(std::isfinite(y)) << i;
    }
  }
}

TEST_P(RopeTest, NaNsOutsideTheRotatedRangeKeepTheirBits) {
  const RopeProblem problem(
      {.shape = {1, 1, 1, 5}, .dtype = kF16, .rotary_dim = 4});
  problem.x_in().data<Float16>()[4] = Float16::FromBits(0x7C01);  // signalling
  ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(problem.x_out().data<Float16>()[4].bits, 0x7C01);
}

// Enough heads for several tasks; tasks begin in the middle of a token.
RopeConfig ManyHeads() {
  return {.shape = {2, 43, 37, 66}, .dtype = kBF16, .table_dtype = kBF16};
}

TEST_P(RopeTest, AnyNumberOfThreads) {
  std::vector<RopeProblem> problems;
  for (const int threads : {1, 2, 3}) {
    problems.emplace_back(ManyHeads());
    HostContext context(threads);
    ASSERT_EQ(Rope(problems.back().args(), context), absl::OkStatus());
    EXPECT_TRUE(SameBits(problems.back().x_out(), problems[0].x_out()));
  }
}

TEST_P(RopeTest, AnyNumberOfThreadsByColumns) {
  RopeConfig config = ManyHeads();
  config.shape = {2, 1100, 40, 4};
  config.layout = Layout::kReversed;
  for (const RopeMode mode : {RopeMode::kTable, RopeMode::kComputed}) {
    config.mode = mode;
    std::vector<RopeProblem> problems;
    for (const int threads : {1, 2, 3}) {
      problems.emplace_back(config);
      HostContext context(threads);
      ASSERT_EQ(Rope(problems.back().args(), context), absl::OkStatus());
      EXPECT_TRUE(SameBits(problems.back().x_out(), problems[0].x_out()));
    }
  }
}

// Heads of one token for several tasks.
TEST_P(RopeTest, HugeTokens) {
  ExpectMatchesTheOracle({.shape = {1, 2, 5, 40000}});
}

TEST_P(RopeTest, AHeadAloneIsTheHeadInABatch) {
  const RopeProblem batch(ManyHeads());
  ASSERT_EQ(Rope(batch.args(), context_), absl::OkStatus());
  for (const int64_t token : {0, 42}) {
    for (const int64_t head : {0, 36}) {
      const auto select = [&](auto tensor) {
        return tensor.Slice(0, 1, 1).Slice(1, token, 1).Slice(2, head, 1);
      };
      RopeArgs args = batch.args();
      args.x_in = select(args.x_in);
      args.cos = args.cos.Slice(0, token, 1);
      args.sin = args.sin.Slice(0, token, 1);
      const GuardedTensor alone(kBF16, {1, 1, 1, 66});
      args.x_out = alone;
      ASSERT_EQ(Rope(args, context_), absl::OkStatus());
      EXPECT_TRUE(SameBits(alone, select(batch.x_out())));
    }
  }
}

TEST_P(RopeTest, NothingToDoAndNoNewScratch) {
  for (const Dims& shape :
       {Dims({0, 2, 3, 4}), Dims({2, 0, 3, 4}), Dims({2, 3, 0, 4})}) {
    const RopeProblem problem({.shape = shape});
    EXPECT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  }
  const RopeProblem problem(ManyHeads());
  ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  const size_t capacity = context_.arena().capacity();
  ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

TEST(RopeTargetsTest, AllGiveTheSameBits) {
  for (const bool contiguous : {true, false}) {
    for (const bool computed : {true, false}) {
      std::optional<RopeProblem> first;
      ForEachSimdTarget([&](int64_t target) {
        SCOPED_TRACE(SimdTargetName(target));
        HostContext context(1);
        RopeProblem problem(
            {.shape = {2, 30, 2, 90},
             .per_member = !computed,
             .contiguous = contiguous,
             .mode = computed ? RopeMode::kComputed : RopeMode::kTable,
             .attention_factor = computed ? 1.5f : 1});
        ASSERT_EQ(Rope(problem.args(), context), absl::OkStatus());
        if (!first.has_value()) {
          first.emplace(std::move(problem));
          return;
        }
        EXPECT_TRUE(SameBits(problem.x_out(), first->x_out()));
      });
    }
  }
}

}  // namespace
}  // namespace tilework
