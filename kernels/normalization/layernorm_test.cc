// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/layernorm.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
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
#include "tilework/kernels/normalization/layernorm_oracle.h"
#include "tilework/kernels/normalization/norm_testing.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::HasSubstr;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kF16 = DType::kF16;
constexpr DType kNone = DType::kNone;
constexpr DType kTypes[] = {kF32, kBF16, kF16};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Config {
  Dims shape;
  DType input = kF32;
  DType output = kF32;
  DType gamma = kNone;
  DType beta = kNone;
  DType residual = kNone;
  bool residual_out = true;
  Layout layout = Layout::kContiguous;
  double scale = 1;
  double mean = 0.1;
};

// The tensors of one call, filled; the optional ones of type kNone are left
// out.
class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        input_(config.input, config.shape, config.layout),
        gamma_(TypeOrF32(config.gamma),
               VectorShape(config.shape, config.layout), config.layout),
        beta_(TypeOrF32(config.beta), VectorShape(config.shape, config.layout),
              config.layout),
        residual_(TypeOrF32(config.residual), config.shape, config.layout),
        residual_out_(TypeOrF32(config.residual), config.shape, config.layout),
        output_(config.output, config.shape, config.layout),
        mean_(kF32, WithoutLast(config.shape), config.layout),
        rstd_(kF32, WithoutLast(config.shape), config.layout) {
    Random random(1);
    FillNormal(random, input_, config.scale, config.mean * config.scale);
    FillNormal(random, gamma_, 0.5, 1.0);
    FillNormal(random, beta_, 0.5);
    FillNormal(random, residual_, config.scale);
  }

  LayerNormArgs args() const {
    LayerNormArgs args = {
        .input = input_, .output = output_, .mean = mean_, .rstd = rstd_};
    if (config_.gamma != kNone) args.gamma = gamma_;
    if (config_.beta != kNone) args.beta = beta_;
    if (config_.residual != kNone) {
      args.residual = residual_;
      if (config_.residual_out) args.residual_out = residual_out_;
    }
    return args;
  }
  const Tensor& input() const { return input_.view(); }
  const Tensor& output() const { return output_.view(); }
  const Tensor& residual_out() const { return residual_out_.view(); }

  bool Intact() const {
    return input_.Intact() && gamma_.Intact() && beta_.Intact() &&
           residual_.Intact() && residual_out_.Intact() && output_.Intact() &&
           mean_.Intact() && rstd_.Intact();
  }

 private:
  Config config_;
  GuardedTensor input_, gamma_, beta_, residual_, residual_out_, output_, mean_,
      rstd_;
};

class LayerNormTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const LayerNormArgs args = problem.args();
    SCOPED_TRACE(ToString(args.input) + " to " + ToString(args.output) +
                 ", gamma " + ToString(args.gamma) + ", beta " +
                 ToString(args.beta) + ", residual " + ToString(args.residual));
    const std::vector<ExpectedTensor> expected = LayerNormExpected(args);
    ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(expected));
    EXPECT_TRUE(problem.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(LayerNormTest);

TEST_P(LayerNormTest, EveryType) {
  for (const DType input : kTypes) {
    for (const DType output : kTypes) {
      for (const DType gamma : {kNone, kF32, kBF16, kF16}) {
        for (const DType beta : {kNone, kF32, kBF16, kF16}) {
          ExpectMatchesTheOracle({.shape = {3, 71},
                                  .input = input,
                                  .output = output,
                                  .gamma = gamma,
                                  .beta = beta});
        }
      }
    }
  }
}

TEST_P(LayerNormTest, EverySize) {
  for (const int64_t size : InterestingSizes(200)) {
    for (const DType dtype : kTypes) {
      ExpectMatchesTheOracle({.shape = {2, size},
                              .input = dtype,
                              .output = dtype,
                              .gamma = kBF16,
                              .beta = kF32});
    }
  }
}

TEST_P(LayerNormTest, LongRows) {
  for (const int64_t size : {1003, 4096, 32768}) {
    ExpectMatchesTheOracle(
        {.shape = {2, size}, .gamma = kF32, .beta = kF32, .mean = 3});
  }
}

TEST_P(LayerNormTest, EveryRankAndLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kTypes) {
      for (const Dims& shape : {Dims({37}), Dims({5, 37}), Dims({2, 3, 37}),
                                Dims({2, 1, 3, 2, 37}), Dims({4, 1})}) {
        ExpectMatchesTheOracle({.shape = shape,
                                .input = dtype,
                                .output = dtype,
                                .gamma = dtype,
                                .beta = dtype,
                                .layout = layout});
      }
    }
  }
}

TEST_P(LayerNormTest, Residual) {
  for (const DType input : kTypes) {
    for (const DType residual : {input, kF32}) {
      for (const Layout layout : kAllLayouts) {
        for (const bool residual_out : {true, false}) {
          ExpectMatchesTheOracle({.shape = {2, 3, 37},
                                  .input = input,
                                  .output = input,
                                  .beta = kF32,
                                  .residual = residual,
                                  .residual_out = residual_out,
                                  .layout = layout});
        }
      }
    }
  }
}

// Where E[x^2] - mean^2 would lose all digits.
TEST_P(LayerNormTest, MeansFarAboveTheDeviation) {
  for (const double mean : {1e3, -1e3, 1e5}) {
    for (const int64_t size : {50, 3001}) {
      ExpectMatchesTheOracle(
          {.shape = {3, size}, .gamma = kF32, .beta = kF32, .mean = mean});
    }
  }
}

// A number near the mean of the first elements is not near that of the row.
TEST_P(LayerNormTest, FirstElementsUnlikeTheOthers) {
  for (const DType dtype : kTypes) {
    const Problem problem({.shape = {2, 9000}, .input = dtype, .gamma = kF32});
    const LayerNormArgs args = problem.args();
    for (int64_t j = 0; j < 64; ++j) {
      Write(problem.input(), {0, j}, 3000 + 0.5 * static_cast<double>(j));
      Write(problem.input(), {1, j}, -60000);
    }
    ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(LayerNormExpected(args)));
  }
}

TEST_P(LayerNormTest, InfinityAnywhereMakesTheRowNaN) {
  for (const int64_t at : {0, 63, 64, 199}) {
    const Problem problem({.shape = {1, 200}});
    const LayerNormArgs args = problem.args();
    Write(problem.input(), {0, at}, static_cast<double>(kInfinity));
    ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
    EXPECT_EQ(Read(args.mean, {0}), static_cast<double>(kInfinity));
    for (const double value : ToDoubles(args.output)) {
      EXPECT_TRUE(std::isnan(value));
    }
  }
}

TEST_P(LayerNormTest, LargeAndSmallMagnitudes) {
  for (const double scale : {1e17, 1e-3, 1e-18}) {
    ExpectMatchesTheOracle({.shape = {5, 33},
                            .output = kBF16,
                            .gamma = kF32,
                            .beta = kF32,
                            .scale = scale});
  }
}

TEST_P(LayerNormTest, ConstantRowsGiveBeta) {
  for (const int64_t size : {1, 2, 64, 1000, 4096}) {
    for (const double value : {-3.0, 0.0, 0.375, 1e20}) {
      const Problem problem({.shape = {1, size}, .gamma = kF32, .beta = kF32});
      const LayerNormArgs args = problem.args();
      for (int64_t j = 0; j < size; ++j) {
        Write(problem.input(), {0, j}, value);
      }
      ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
      EXPECT_EQ(ToDoubles(args.output), ToDoubles(args.beta)) << value;
      EXPECT_EQ(Read(args.mean, {0}), Read(args.input, {0, 0}));
    }
  }
}

TEST_P(LayerNormTest, SpecialRows) {
  const int64_t size = 40;
  const Problem problem({.shape = {5, size}, .beta = kF32});
  const Tensor& x = problem.input();
  for (int64_t j = 0; j < size; ++j) Write(x, {0, j}, 7);
  Write(x, {1, 33}, static_cast<double>(-kInfinity));
  Write(x, {2, 3}, std::nan(""));
  // The squares overflow.
  for (int64_t j = 0; j < size; ++j)
    Write(x, {3, j}, j % 2 == 0 ? 3e25 : -3e25);
  LayerNormArgs args = problem.args();
  ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
  const Tensor& y = problem.output();
  for (int64_t j = 0; j < size; ++j) {
    EXPECT_EQ(Read(y, {0, j}), Read(args.beta, {j}));
    EXPECT_TRUE(std::isnan(Read(y, {1, j})));
    EXPECT_TRUE(std::isnan(Read(y, {2, j})));
    EXPECT_EQ(Read(y, {3, j}), Read(args.beta, {j}));
    EXPECT_TRUE(std::isfinite(Read(y, {4, j})));
  }
  EXPECT_EQ(Read(args.mean, {1}), static_cast<double>(-kInfinity));
  EXPECT_EQ(Read(args.rstd, {3}), 0);
  args.eps = 0;
  ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
  for (int64_t j = 0; j < size; ++j) {
    EXPECT_TRUE(std::isnan(Read(y, {0, j})));
  }
}

TEST_P(LayerNormTest, InPlace) {
  for (const Layout layout : kAllLayouts) {
    for (const DType residual : {kNone, kBF16}) {
      const Config config = {.shape = {2, 3, 37},
                             .input = kBF16,
                             .output = kBF16,
                             .gamma = kF32,
                             .residual = residual,
                             .layout = layout};
      const Problem apart(config);
      ASSERT_EQ(LayerNorm(apart.args(), context_), absl::OkStatus());
      const Problem in_place(config);
      LayerNormArgs args = in_place.args();
      args.output = in_place.input();
      if (residual != kNone) {
        args.residual = in_place.residual_out();
        Copy(in_place.args().residual, in_place.residual_out());
      }
      ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
      EXPECT_TRUE(SameBits(in_place.input(), apart.output()));
      if (residual != kNone) {
        EXPECT_TRUE(SameBits(in_place.residual_out(), apart.residual_out()));
      }
      EXPECT_TRUE(in_place.Intact());
    }
  }
}

// Enough rows for several tasks.
constexpr int64_t kManyRows = 301;
Config ManyRows() {
  return {.shape = {kManyRows, 515},
          .input = kBF16,
          .output = kBF16,
          .gamma = kF32};
}

TEST_P(LayerNormTest, AnyNumberOfThreads) {
  std::vector<Problem> problems;
  for (const int threads : {1, 2, 3}) {
    problems.emplace_back(ManyRows());
    HostContext context(threads);
    ASSERT_EQ(LayerNorm(problems.back().args(), context), absl::OkStatus());
    EXPECT_TRUE(SameBits(problems.back().output(), problems[0].output()));
  }
}

TEST_P(LayerNormTest, ARowAloneIsTheRowInABatch) {
  const Problem batch(ManyRows());
  ASSERT_EQ(LayerNorm(batch.args(), context_), absl::OkStatus());
  for (const int64_t row : {int64_t{0}, int64_t{150}, kManyRows - 1}) {
    LayerNormArgs args = batch.args();
    args.input = batch.input().Slice(0, row, 1);
    args.mean = args.rstd = Tensor();
    const GuardedTensor output(kBF16, {1, 515});
    args.output = output;
    ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(output, batch.output().Slice(0, row, 1)));
  }
}

TEST_P(LayerNormTest, NoRowsAndNoNewScratch) {
  for (const Dims& shape : {Dims({0, 8}), Dims({2, 0, 8})}) {
    const Problem problem({.shape = shape, .gamma = kF32, .residual = kF32});
    EXPECT_EQ(LayerNorm(problem.args(), context_), absl::OkStatus());
  }
  const Problem problem(ManyRows());
  ASSERT_EQ(LayerNorm(problem.args(), context_), absl::OkStatus());
  const size_t capacity = context_.arena().capacity();
  ASSERT_EQ(LayerNorm(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

// Past the caches come the bits of smaller calls.
TEST_P(LayerNormTest, OutputsBeyondTheCaches) {
  const Dims shape = {8209, 1024};
  Buffer input(kF32, shape), output(kF32, shape);
  for (int64_t i = 0; i < shape.Product(); ++i) {
    input.data<float>()[i] = static_cast<float>(i * 40503 % 65536 - 32000);
  }
  const LayerNormArgs args = {.input = input.view(), .output = output.view()};
  ASSERT_EQ(LayerNorm(args, context_), absl::OkStatus());
  Buffer small(kF32, {1, shape[1]});
  for (int64_t row = 0; row < shape[0]; ++row) {
    ASSERT_EQ(LayerNorm({.input = args.input.Slice(0, row, 1),
                         .output = small.view()},
                        context_),
              absl::OkStatus());
    ASSERT_EQ(std::memcmp(small.data<float>(), args.output.At<float>(row),
                          static_cast<size_t>(small.view().NumBytes())),
              0);
  }
}

TEST(LayerNormTargetsTest, AllGiveTheSameBits) {
  for (const int64_t size : {5, 64, 777}) {
    const Config config = {.shape = {4, size},
                           .input = kBF16,
                           .gamma = kF16,
                           .beta = kBF16,
                           .residual = kF32};
    std::optional<Problem> first;
    ForEachSimdTarget([&](int64_t target) {
      SCOPED_TRACE(SimdTargetName(target));
      HostContext context(1);
      Problem problem(config);
      ASSERT_EQ(LayerNorm(problem.args(), context), absl::OkStatus());
      if (!first.has_value()) {
        first.emplace(std::move(problem));
        return;
      }
      EXPECT_TRUE(SameBits(problem.output(), first->output()));
      EXPECT_TRUE(SameBits(problem.args().mean, first->args().mean));
      EXPECT_TRUE(SameBits(problem.args().rstd, first->args().rstd));
    });
  }
}

// Arguments without a fault, to be given one.
class LayerNormErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = LayerNorm(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(problem_.output())) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
  }
  GuardedTensor Make(const Dims& shape, DType dtype = kF32) {
    return GuardedTensor(dtype, shape);
  }

  Problem problem_{
      {.shape = {2, 3, 8}, .gamma = kF32, .beta = kF32, .residual = kF32}};
  LayerNormArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(LayerNormErrorTest, NoFault) {
  EXPECT_EQ(LayerNorm(args_, context_), absl::OkStatus());
}

TEST_F(LayerNormErrorTest, Input) {
  args_.input = ConstTensor();
  ExpectError("layernorm: input is missing, expected [..., H]");
  const GuardedTensor scalar = Make({});
  args_.input = scalar;
  ExpectError("layernorm: input is [], expected [..., H]");
  const GuardedTensor empty = Make({2, 0});
  args_ = {.input = empty, .output = empty};
  ExpectError("layernorm: input is [2, 0]: H = 0, expected >= 1");
  const GuardedTensor integers = Make({2, 8}, DType::kI32);
  args_.input = integers;
  ExpectError("layernorm: input has dtype i32, expected f32 or bf16 or f16");
}

TEST_F(LayerNormErrorTest, GammaAndBeta) {
  const GuardedTensor short_row = Make({7});
  args_.gamma = short_row;
  ExpectError("layernorm: gamma is [7] but H = 8 (from input [2, 3, 8])");
  const GuardedTensor two_rows = Make({2, 8});
  args_ = problem_.args();
  args_.beta = two_rows;
  ExpectError("layernorm: beta is [2, 8] but dimension 0 must be 1");
  const GuardedTensor integers = Make({8}, DType::kU8);
  args_.beta = integers;
  ExpectError("layernorm: beta has dtype u8, expected f32 or bf16 or f16");
}

TEST_F(LayerNormErrorTest, Residual) {
  const GuardedTensor half = Make({2, 3, 8}, kBF16);
  args_.residual = half;
  ExpectError("layernorm: residual has dtype bf16, expected f32");
  args_.residual = ConstTensor();
  ExpectError("layernorm: residual_out is given but residual is not");
  args_ = problem_.args();
  args_.residual_out = half;
  ExpectError("layernorm: residual_out has dtype bf16, expected f32");
}

TEST_F(LayerNormErrorTest, Outputs) {
  args_.output = Tensor();
  ExpectError("layernorm: output is missing, expected [..., H]");
  const GuardedTensor flat = Make({6, 8});
  args_.output = flat;
  ExpectError(
      "layernorm: output is [6, 8] but its leading dimensions should be "
      "[2, 3]");
  args_ = problem_.args();
  const GuardedTensor wide = Make({2, 3, 1});
  args_.mean = wide;
  ExpectError(
      "layernorm: mean is [2, 3, 1] but its leading dimensions should be "
      "[2, 3]");
  args_ = problem_.args();
  const GuardedTensor half = Make({2, 3}, kF16);
  args_.rstd = half;
  ExpectError("layernorm: rstd has dtype f16, expected f32");
}

TEST_F(LayerNormErrorTest, Eps) {
  args_.eps = -1;
  ExpectError("layernorm: eps is -1, expected >= 0 and finite");
  args_.eps = kInfinity;
  ExpectError("layernorm: eps is inf, expected >= 0 and finite");
  args_.eps = std::numeric_limits<float>::quiet_NaN();
  ExpectError("layernorm: eps is nan, expected >= 0 and finite");
}

TEST_F(LayerNormErrorTest, Aliasing) {
  const GuardedTensor memory = Make({3, 3, 8});
  const Tensor low = memory.view().Slice(0, 0, 2);
  const Tensor high = memory.view().Slice(0, 1, 2);
  const auto expect = [&](ConstTensor LayerNormArgs::*input,
                          Tensor LayerNormArgs::*output,
                          const std::string& message) {
    args_ = problem_.args();
    args_.*input = low;
    args_.*output = high;
    ExpectError(message);
  };
  expect(&LayerNormArgs::input, &LayerNormArgs::output,
         "layernorm: output overlaps input without being the same view");
  expect(&LayerNormArgs::residual, &LayerNormArgs::output,
         "layernorm: output overlaps residual");
  expect(&LayerNormArgs::residual, &LayerNormArgs::residual_out,
         "layernorm: residual_out overlaps residual without being the same");
  args_ = problem_.args();
  args_.beta = low.Select(0, 0).Select(0, 0);
  args_.output = low;
  ExpectError("layernorm: output overlaps beta");
  args_ = problem_.args();
  args_.mean = low.Select(2, 0);
  args_.rstd = low.Select(2, 0);
  ExpectError("layernorm: rstd overlaps mean");
  args_ = problem_.args();
  args_.output = low;
  args_.mean = low.Select(2, 0);
  ExpectError("layernorm: mean overlaps output");
}

}  // namespace
}  // namespace tilework
