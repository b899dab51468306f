// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope.h"

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_oracle.h"
#include "tilework/kernels/rope/rope_tables.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::HasSubstr;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kF16 = DType::kF16;
constexpr DType kTypes[] = {kF32, kBF16, kF16};

struct Config {
  Dims shape = {2, 3, 4, 16};
  DType dtype = kF32;
  DType table_dtype = kF32;
  // Of the table: 0 for a table of rank 2.
  int64_t table_batch = 0;
  bool per_member = false;  // W = R
  bool contiguous = true;
  bool inverse = false;
  std::optional<int64_t> rotary_dim;
  int64_t rotary_offset = 0;
  Layout layout = Layout::kContiguous;
};

// The tensors of one call, filled. The two members of a pair have different
// cosines and sines, so that exchanging them shows.
class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        x_in_(config.dtype, config.shape, config.layout),
        x_out_(config.dtype, config.shape, config.layout),
        cos_(config.table_dtype, TableShape(), config.layout),
        sin_(config.table_dtype, TableShape(), config.layout) {
    Random random(1);
    FillNormal(random, x_in_);
    FillUniform(random, cos_, -1, 1);
    FillUniform(random, sin_, -1, 1);
  }

  RopeArgs args() const {
    return {.x_in = x_in_,
            .x_out = x_out_,
            .cos = cos_,
            .sin = sin_,
            .contiguous_layout = config_.contiguous,
            .inverse = config_.inverse,
            .rotary_dim = config_.rotary_dim,
            .rotary_offset = config_.rotary_offset};
  }
  const Tensor& x_in() const { return x_in_.view(); }
  const Tensor& x_out() const { return x_out_.view(); }
  bool Intact() const {
    return x_in_.Intact() && x_out_.Intact() && cos_.Intact() && sin_.Intact();
  }

 private:
  Dims TableShape() const {
    const int64_t r = config_.rotary_dim.value_or(config_.shape[3]);
    const int64_t w = config_.per_member ? r : r / 2;
    // One row more than there are tokens.
    const int64_t p = config_.shape[1] + 1;
    return config_.table_batch == 0 ? Dims({p, w})
                                    : Dims({config_.table_batch, p, w});
  }

  Config config_;
  GuardedTensor x_in_, x_out_, cos_, sin_;
};

class RopeTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const RopeArgs args = problem.args();
    SCOPED_TRACE(ToString(args.x_in) + ", cos " + ToString(args.cos) +
                 (args.contiguous_layout ? ", contiguous" : ", interleaved") +
                 (args.inverse ? ", inverse" : ""));
    const RopeReference reference = RopeOracle(args);
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    EXPECT_TRUE(Within(args.x_out, reference.x_out,
                       RopeBounds(reference, args.x_out.dtype())));
    EXPECT_TRUE(problem.Intact());
  }

  // Both layouts, both table widths, both directions.
  void ExpectAllModesMatch(Config config) {
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

TEST_P(RopeTest, PermutedViews) {
  // [B, N, S, D] and [D, B, N, S] in memory.
  for (const Dims& order : {Dims({0, 2, 1, 3}), Dims({1, 3, 2, 0})}) {
    const Problem problem({.shape = {3, 5, 4, 6}});
    RopeArgs args = problem.args();
    Dims stored = order;
    for (int i = 0; i < 4; ++i) {
      stored[static_cast<int>(order[i])] = args.x_in.dim(i);
    }
    GuardedTensor in(kF32, stored);
    GuardedTensor out(kF32, stored);
    Copy(args.x_in, in.view().Permute(order));
    args.x_in = in.view().Permute(order);
    args.x_out = out.view().Permute(order);
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(args.x_out, problem.x_out()));
    EXPECT_TRUE(out.Intact());
  }
}

TEST_P(RopeTest, InPlace) {
  for (const Layout layout : kAllLayouts) {
    for (const bool contiguous : {true, false}) {
      const Config config = {.shape = {2, 3, 4, 70},
                             .dtype = kBF16,
                             .contiguous = contiguous,
                             .rotary_dim = 66,
                             .rotary_offset = 2,
                             .layout = layout};
      const Problem apart(config);
      ASSERT_EQ(Rope(apart.args(), context_), absl::OkStatus());
      const Problem in_place(config);
      RopeArgs args = in_place.args();
      args.x_out = in_place.x_in();
      ASSERT_EQ(Rope(args, context_), absl::OkStatus());
      EXPECT_TRUE(SameBits(in_place.x_in(), apart.x_out()));
      EXPECT_TRUE(in_place.Intact());
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
  }
}

TEST_P(RopeTest, ForwardThenInverseReturnsTheInput) {
  const GuardedTensor cos(kF32, {7, 40});
  const GuardedTensor sin(kF32, {7, 40});
  ASSERT_EQ(
      RopeTables(
          {.cos = cos, .sin = sin, .rotary_dim = 80, .position_start = 1000000},
          context_),
      absl::OkStatus());
  for (const bool contiguous : {true, false}) {
    const Problem problem({.shape = {2, 7, 3, 80}, .contiguous = contiguous});
    RopeArgs args = problem.args();
    args.cos = cos;
    args.sin = sin;
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    args.x_in = problem.x_out();
    args.x_out = problem.x_out();
    args.inverse = true;
    ASSERT_EQ(Rope(args, context_), absl::OkStatus());
    const std::vector<double> expected = ToDoubles(problem.x_in());
    EXPECT_TRUE(Within(problem.x_out(), expected,
                       std::vector<double>(expected.size(), 4e-6)));
  }
}

TEST_P(RopeTest, NonFiniteValuesStayInTheirPair) {
  const Problem problem({.shape = {1, 1, 1, 70}, .rotary_dim = 68});
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
  const Problem problem(
      {.shape = {1, 1, 1, 5}, .dtype = kF16, .rotary_dim = 4});
  problem.x_in().data<Float16>()[4] = Float16::FromBits(0x7C01);  // signalling
  ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(problem.x_out().data<Float16>()[4].bits, 0x7C01);
}

// Enough heads for several tasks; tasks begin in the middle of a token.
Config ManyHeads() {
  return {.shape = {2, 43, 37, 66}, .dtype = kBF16, .table_dtype = kBF16};
}

TEST_P(RopeTest, AnyNumberOfThreads) {
  std::vector<Problem> problems;
  for (const int threads : {1, 2, 3}) {
    problems.emplace_back(ManyHeads());
    HostContext context(threads);
    ASSERT_EQ(Rope(problems.back().args(), context), absl::OkStatus());
    EXPECT_TRUE(SameBits(problems.back().x_out(), problems[0].x_out()));
  }
}

TEST_P(RopeTest, AHeadAloneIsTheHeadInABatch) {
  const Problem batch(ManyHeads());
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
    const Problem problem({.shape = shape});
    EXPECT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  }
  const Problem problem(ManyHeads());
  ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  const size_t capacity = context_.arena().capacity();
  ASSERT_EQ(Rope(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

TEST(RopeTargetsTest, AllGiveTheSameBits) {
  for (const bool contiguous : {true, false}) {
    for (const bool per_member : {true, false}) {
      std::optional<Problem> first;
      ForEachSimdTarget([&](int64_t target) {
        SCOPED_TRACE(SimdTargetName(target));
        HostContext context(1);
        Problem problem({.shape = {2, 3, 2, 90},
                         .per_member = per_member,
                         .contiguous = contiguous});
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

// Arguments without a fault, to be given one.
class RopeErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = Rope(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(problem_.x_out())) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
  }
  GuardedTensor Make(const Dims& shape, DType dtype = kF32) {
    return GuardedTensor(dtype, shape);
  }

  Problem problem_{{.shape = {2, 3, 4, 8}}};  // tables [4, 4]
  RopeArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(RopeErrorTest, NoFault) {
  EXPECT_EQ(Rope(args_, context_), absl::OkStatus());
}

TEST_F(RopeErrorTest, Tensors) {
  args_.x_in = ConstTensor();
  ExpectError("rope: x_in is missing, expected [B, S, N, D]");
  const GuardedTensor flat = Make({6, 4, 8});
  args_.x_in = flat;
  ExpectError("rope: x_in is [6, 4, 8], expected [B, S, N, D]");
  args_ = problem_.args();
  const GuardedTensor half = Make({2, 3, 4, 8}, kBF16);
  args_.x_out = half;
  ExpectError("rope: x_out has dtype bf16, expected f32");
  const GuardedTensor wide = Make({2, 3, 4, 9});
  args_.x_out = wide;
  ExpectError("rope: x_out is [2, 3, 4, 9] but D = 8 (from x_in");
  const GuardedTensor thin = Make({2, 3, 4, 1});
  args_.x_in = thin;
  args_.x_out = thin;
  ExpectError("rope: x_in is [2, 3, 4, 1]: D = 1, expected >= 2");
}

TEST_F(RopeErrorTest, RotatedRange) {
  for (const int64_t r : {0, 3, 10, -2}) {
    args_.rotary_dim = r;
    ExpectError("rope: rotary_dim is " + std::to_string(r) +
                ", expected an even number in 2..8");
  }
  args_.rotary_dim = 6;
  for (const int64_t offset : {-1, 3}) {
    args_.rotary_offset = offset;
    ExpectError("rope: rotary_offset is " + std::to_string(offset) +
                ", expected 0..2");
  }
}

TEST_F(RopeErrorTest, Tables) {
  args_.cos = ConstTensor();
  ExpectError(
      "rope: cos is missing, expected [P, W] or [1, P, W] or [B, P, W]");
  args_ = problem_.args();
  args_.sin = ConstTensor();
  ExpectError("rope: sin is missing");
  const GuardedTensor integers = Make({4, 4}, DType::kI32);
  args_.sin = integers;
  ExpectError("rope: sin has dtype i32, expected f32 or bf16 or f16");
  const GuardedTensor batched = Make({1, 4, 4});
  args_.sin = batched;
  ExpectError("rope: cos is [4, 4] but sin is [1, 4, 4]");
  const GuardedTensor three = Make({3, 4, 4});
  args_.cos = three;
  ExpectError("rope: cos is [3, 4, 4] but B = 2 (from x_in [2, 3, 4, 8])");
  const GuardedTensor odd = Make({4, 5});
  args_.cos = odd;
  args_.sin = odd;
  ExpectError(
      "rope: cos is [4, 5]: W = 5, expected 4 or 8 (from rotary_dim 8)");
  const GuardedTensor brief = Make({2, 4});
  args_.cos = brief;
  args_.sin = brief;
  ExpectError(
      "rope: cos is [2, 4]: 2 positions, but S = 3 (from x_in [2, 3, 4, 8])");
}

TEST_F(RopeErrorTest, Aliasing) {
  const GuardedTensor memory = Make({3, 3, 4, 8});
  args_.x_in = memory.view().Slice(0, 0, 2);
  args_.x_out = memory.view().Slice(0, 1, 2);
  ExpectError("rope: x_out overlaps x_in without being the same view");
  args_ = problem_.args();
  args_.x_out = memory.view().Slice(0, 0, 2);
  args_.cos = memory.view().Select(0, 1).Select(0, 0).Slice(1, 0, 4);
  ExpectError("rope: x_out overlaps cos");
  std::swap(args_.cos, args_.sin);
  ExpectError("rope: x_out overlaps sin");
}

}  // namespace
}  // namespace tilework
