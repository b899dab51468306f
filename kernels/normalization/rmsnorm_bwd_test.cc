// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_bwd.h"

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
#include "tilework/kernels/normalization/norm_testing.h"
#include "tilework/kernels/normalization/rmsnorm_bwd_oracle.h"
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

struct Config {
  Dims shape;
  DType dy = kF32;
  DType input = kF32;
  DType gamma = kF32;
  DType dres = kNone;
  DType parameters = kF32;  // dgamma
  bool rstd = true;
  Layout layout = Layout::kContiguous;
  std::optional<int64_t> hidden_actual;
  float gamma_offset = 0;
};

// The tensors of one call, filled; the optional ones of type kNone are left
// out.
class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        dy_(config.dy, config.shape, config.layout),
        input_(config.input, config.shape, config.layout),
        gamma_(TypeOrF32(config.gamma),
               VectorShape(config.shape, config.layout), config.layout),
        rstd_(kF32, WithoutLast(config.shape), config.layout),
        dres_(TypeOrF32(config.dres), config.shape, config.layout),
        dx_(config.input, config.shape, config.layout),
        dgamma_(TypeOrF32(config.parameters),
                {config.shape[config.shape.size() - 1]}) {
    Random random(1);
    FillNormal(random, dy_);
    FillNormal(random, input_, 1.0, 0.5);
    FillNormal(random, gamma_, 0.5, 1.0);
    FillUniform(random, rstd_, 0.5, 1.5);
    FillNormal(random, dres_);
  }

  RmsNormBwdArgs args() const {
    RmsNormBwdArgs args = {.dy = dy_,
                           .input = input_,
                           .dx = dx_,
                           .hidden_actual = config_.hidden_actual,
                           .gamma_offset = config_.gamma_offset};
    if (config_.gamma != kNone) args.gamma = gamma_;
    if (config_.rstd) args.rstd = rstd_;
    if (config_.dres != kNone) args.dres = dres_;
    if (config_.parameters != kNone) args.dgamma = dgamma_;
    return args;
  }
  const Tensor& dy() const { return dy_.view(); }
  const Tensor& input() const { return input_.view(); }
  const Tensor& dres() const { return dres_.view(); }

  bool Intact() const {
    return dy_.Intact() && input_.Intact() && gamma_.Intact() &&
           rstd_.Intact() && dres_.Intact() && dx_.Intact() && dgamma_.Intact();
  }

 private:
  Config config_;
  GuardedTensor dy_, input_, gamma_, rstd_, dres_, dx_, dgamma_;
};

class RmsNormBwdTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const RmsNormBwdArgs args = problem.args();
    SCOPED_TRACE(ToString(args.dy) + ", input " + ToString(args.input) +
                 ", gamma " + ToString(args.gamma) + ", dres " +
                 ToString(args.dres));
    EXPECT_TRUE(AgreesAfterRun(args));
    EXPECT_TRUE(problem.Intact());
  }

  testing::AssertionResult AgreesAfterRun(const RmsNormBwdArgs& args) {
    const std::vector<ExpectedTensor> expected = RmsNormBwdExpected(args);
    if (const absl::Status status = RmsNormBwd(args, context_); !status.ok()) {
      return testing::AssertionFailure() << status;
    }
    return Agrees(expected);
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(RmsNormBwdTest);

TEST_P(RmsNormBwdTest, EveryType) {
  for (const DType dy : kTypes) {
    for (const DType input : kTypes) {
      for (const DType dres : {kNone, kF32, kBF16, kF16}) {
        ExpectMatchesTheOracle(
            {.shape = {3, 71}, .dy = dy, .input = input, .dres = dres});
      }
      for (const DType gamma : kTypes) {
        ExpectMatchesTheOracle({.shape = {18, 35},
                                .dy = dy,
                                .input = input,
                                .gamma = gamma,
                                .parameters = gamma});
      }
      ExpectMatchesTheOracle(
          {.shape = {18, 35}, .dy = dy, .input = input, .gamma = kNone});
    }
  }
}

TEST_P(RmsNormBwdTest, StatisticsGivenOrNot) {
  for (const DType type : kTypes) {
    for (const bool rstd : {true, false}) {
      ExpectMatchesTheOracle(
          {.shape = {5, 201}, .dy = type, .input = type, .rstd = rstd});
    }
  }
}

TEST_P(RmsNormBwdTest, HiddenActualAndGammaOffset) {
  for (const bool rstd : {true, false}) {
    ExpectMatchesTheOracle(
        {.shape = {3, 96}, .rstd = rstd, .hidden_actual = 90});
    ExpectMatchesTheOracle({.shape = {3, 100},
                            .dy = kBF16,
                            .input = kBF16,
                            .gamma = kBF16,
                            .rstd = rstd,
                            .gamma_offset = 1});
    ExpectMatchesTheOracle(
        {.shape = {3, 100}, .gamma = kNone, .rstd = rstd, .gamma_offset = 1});
  }
}

TEST_P(RmsNormBwdTest, EverySize) {
  for (const int64_t size : InterestingSizes(200)) {
    ExpectMatchesTheOracle({.shape = {2, size}, .rstd = false});
    ExpectMatchesTheOracle(
        {.shape = {2, size}, .dy = kBF16, .input = kBF16, .gamma = kBF16});
  }
  ExpectMatchesTheOracle({.shape = {3, 9001}, .dres = kBF16});
}

// Sums over many blocks of rows.
TEST_P(RmsNormBwdTest, ManyRows) {
  for (const int64_t rows : {15, 16, 17, 33, 500}) {
    ExpectMatchesTheOracle({.shape = {rows, 3}});
  }
  ExpectMatchesTheOracle({.shape = {513, 300},
                          .dy = kBF16,
                          .input = kBF16,
                          .gamma = kBF16,
                          .parameters = kBF16});
}

// All terms of a sum are equal, so that its roundings have one direction.
TEST_P(RmsNormBwdTest, SumsOfEqualRows) {
  const int64_t rows = 3000;
  const Problem problem({.shape = {rows, 40}});
  for (int64_t row = 1; row < rows; ++row) {
    for (const ConstTensor& tensor :
         {ConstTensor(problem.dy()), ConstTensor(problem.input())}) {
      std::memcpy(const_cast<float*>(tensor.At<float>(row)),
                  tensor.data<float>(), 40 * sizeof(float));
    }
  }
  RmsNormBwdArgs args = problem.args();
  args.rstd = ConstTensor();
  ASSERT_EQ(RmsNormBwd(args, context_), absl::OkStatus());
  EXPECT_TRUE(Agrees(RmsNormBwdExpected(args)));
}

TEST_P(RmsNormBwdTest, EveryRankAndLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kTypes) {
      for (const Dims& shape : {Dims({37}), Dims({5, 37}), Dims({2, 3, 37}),
                                Dims({2, 1, 3, 2, 37}), Dims({4, 1})}) {
        ExpectMatchesTheOracle({.shape = shape,
                                .dy = dtype,
                                .input = dtype,
                                .gamma = dtype,
                                .dres = dtype,
                                .layout = layout});
        ExpectMatchesTheOracle({.shape = shape,
                                .dy = kBF16,
                                .input = dtype,
                                .dres = kF32,
                                .layout = layout});
      }
    }
  }
}

// Only what is asked for is written; gradients may have strides.
TEST_P(RmsNormBwdTest, SomeOfTheOutputs) {
  const Problem problem({.shape = {40, 30}});
  const GuardedTensor columns(kF32, {30, 3});
  RmsNormBwdArgs args = problem.args();
  args.dgamma = columns.view().Select(1, 1);
  EXPECT_TRUE(AgreesAfterRun(args));
  for (int64_t j = 0; j < 30; ++j) {
    EXPECT_TRUE(std::isnan(Read(columns, {j, 0})));
  }
  args.dgamma = Tensor();
  EXPECT_TRUE(AgreesAfterRun(args));
}

TEST_P(RmsNormBwdTest, InPlace) {
  for (const Layout layout : kAllLayouts) {
    const Config config = {.shape = {2, 3, 37},
                           .dy = kBF16,
                           .input = kBF16,
                           .dres = kBF16,
                           .layout = layout};
    const Problem apart(config);
    ASSERT_EQ(RmsNormBwd(apart.args(), context_), absl::OkStatus());
    for (const auto place : {&Problem::dy, &Problem::input, &Problem::dres}) {
      const Problem in_place(config);
      RmsNormBwdArgs args = in_place.args();
      args.dx = (in_place.*place)();
      ASSERT_EQ(RmsNormBwd(args, context_), absl::OkStatus());
      EXPECT_TRUE(SameBits(args.dx, apart.args().dx));
      EXPECT_TRUE(SameBits(args.dgamma, apart.args().dgamma));
      EXPECT_TRUE(in_place.Intact());
    }
  }
}

TEST_P(RmsNormBwdTest, AnyNumberOfThreads) {
  std::vector<Problem> problems;
  for (const int threads : {1, 2, 3}) {
    problems.emplace_back(Config{.shape = {301, 515}, .dy = kBF16});
    HostContext context(threads);
    const RmsNormBwdArgs args = problems.back().args();
    const RmsNormBwdArgs first = problems[0].args();
    ASSERT_EQ(RmsNormBwd(args, context), absl::OkStatus());
    EXPECT_TRUE(SameBits(args.dx, first.dx));
    EXPECT_TRUE(SameBits(args.dgamma, first.dgamma));
  }
}

TEST_P(RmsNormBwdTest, ARowAloneIsTheRowInABatch) {
  const Problem batch({.shape = {301, 515}, .rstd = false});
  const RmsNormBwdArgs all = batch.args();
  ASSERT_EQ(RmsNormBwd(all, context_), absl::OkStatus());
  for (const int64_t row : {0, 150, 300}) {
    const GuardedTensor dx(kF32, {1, 515});
    ASSERT_EQ(RmsNormBwd({.dy = all.dy.Slice(0, row, 1),
                          .input = all.input.Slice(0, row, 1),
                          .gamma = all.gamma,
                          .dx = dx},
                         context_),
              absl::OkStatus());
    EXPECT_TRUE(SameBits(dx, all.dx.Slice(0, row, 1)));
  }
}

// Past the caches come the bits of smaller calls.
TEST_P(RmsNormBwdTest, OutputsBeyondTheCaches) {
  const Dims shape = {8209, 1024};
  Buffer input(kF32, shape), dx(kF32, shape);
  for (int64_t i = 0; i < shape.Product(); ++i) {
    input.data<float>()[i] = static_cast<float>(i * 40503 % 65536 - 32000);
  }
  RmsNormBwdArgs args = {
      .dy = input.view(), .input = input.view(), .dx = dx.view()};
  ASSERT_EQ(RmsNormBwd(args, context_), absl::OkStatus());
  Buffer small(kF32, {1, shape[1]});
  for (int64_t row = 0; row < shape[0]; ++row) {
    const ConstTensor one = input.view().Slice(0, row, 1);
    ASSERT_EQ(
        RmsNormBwd({.dy = one, .input = one, .dx = small.view()}, context_),
        absl::OkStatus());
    ASSERT_EQ(std::memcmp(small.data<float>(), args.dx.At<float>(row),
                          static_cast<size_t>(small.view().NumBytes())),
              0);
  }
}

TEST_P(RmsNormBwdTest, NoRowsGiveZeros) {
  for (const Dims& shape : {Dims({0, 40}), Dims({2, 0, 40})}) {
    const Problem problem({.shape = shape, .gamma = kF16, .parameters = kF16});
    const RmsNormBwdArgs args = problem.args();
    ASSERT_EQ(RmsNormBwd(args, context_), absl::OkStatus());
    EXPECT_EQ(ToDoubles(args.dgamma), std::vector<double>(40, 0.0));
  }
}

TEST_P(RmsNormBwdTest, NoNewScratch) {
  const Problem problem({.shape = {100, 515}});
  ASSERT_EQ(RmsNormBwd(problem.args(), context_), absl::OkStatus());
  const size_t capacity = context_.arena().capacity();
  ASSERT_EQ(RmsNormBwd(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

TEST_P(RmsNormBwdTest, ANaNStaysInItsRowAndColumn) {
  const Problem problem({.shape = {3, 40}, .rstd = false});
  Write(problem.dy(), {1, 7}, std::nan(""));
  const RmsNormBwdArgs args = problem.args();
  ASSERT_EQ(RmsNormBwd(args, context_), absl::OkStatus());
  for (int64_t j = 0; j < 40; ++j) {
    EXPECT_FALSE(std::isnan(Read(args.dx, {0, j})));
    EXPECT_TRUE(std::isnan(Read(args.dx, {1, j})));
    EXPECT_FALSE(std::isnan(Read(args.dx, {2, j})));
    EXPECT_EQ(std::isnan(Read(args.dgamma, {j})), j == 7);
  }
}

TEST(RmsNormBwdTargetsTest, AllGiveTheSameBits) {
  for (const int64_t size : {5, 64, 777}) {
    const Config config = {.shape = {40, size},
                           .dy = kBF16,
                           .input = kBF16,
                           .dres = kF32,
                           .rstd = false};
    std::optional<Problem> first;
    ForEachSimdTarget([&](int64_t target) {
      SCOPED_TRACE(SimdTargetName(target));
      HostContext context(1);
      Problem problem(config);
      ASSERT_EQ(RmsNormBwd(problem.args(), context), absl::OkStatus());
      if (!first.has_value()) {
        first.emplace(std::move(problem));
        return;
      }
      EXPECT_TRUE(SameBits(problem.args().dx, first->args().dx));
      EXPECT_TRUE(SameBits(problem.args().dgamma, first->args().dgamma));
    });
  }
}

// Arguments without a fault, to be given one.
class RmsNormBwdErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = RmsNormBwd(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(problem_.args().dx)) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
    args_ = problem_.args();
  }
  GuardedTensor Make(const Dims& shape, DType dtype = kF32) {
    return GuardedTensor(dtype, shape);
  }

  Problem problem_{{.shape = {2, 3, 8}, .dres = kF32}};
  RmsNormBwdArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(RmsNormBwdErrorTest, NoFault) {
  EXPECT_EQ(RmsNormBwd(args_, context_), absl::OkStatus());
}

TEST_F(RmsNormBwdErrorTest, Inputs) {
  args_.dy = ConstTensor();
  ExpectError("rmsnorm_bwd: dy is missing, expected [..., H]");
  args_.input = ConstTensor();
  ExpectError("rmsnorm_bwd: input is missing, expected [..., H]");
  const GuardedTensor scalar = Make({});
  args_.dy = scalar;
  ExpectError("rmsnorm_bwd: dy is [], expected [..., H]");
  const GuardedTensor empty = Make({2, 0});
  args_ = {.dy = empty, .input = empty, .dx = empty};
  ExpectError("rmsnorm_bwd: dy is [2, 0]: H = 0, expected >= 1");
  const GuardedTensor narrow = Make({2, 3, 7});
  args_.input = narrow;
  ExpectError("rmsnorm_bwd: input is [2, 3, 7] but H = 8 (from dy [2, 3, 8])");
  args_.dres = narrow;
  ExpectError("rmsnorm_bwd: dres is [2, 3, 7] but H = 8 (from dy [2, 3, 8])");
  const GuardedTensor integers = Make({2, 3, 8}, DType::kI32);
  args_.dy = integers;
  ExpectError("rmsnorm_bwd: dy has dtype i32, expected f32 or bf16 or f16");
  args_.dres = integers;
  ExpectError("rmsnorm_bwd: dres has dtype i32, expected f32 or bf16 or f16");
}

TEST_F(RmsNormBwdErrorTest, RowsAndVectors) {
  const GuardedTensor two_rows = Make({2, 8});
  args_.gamma = two_rows;
  ExpectError("rmsnorm_bwd: gamma is [2, 8] but dimension 0 must be 1");
  const GuardedTensor turned = Make({3, 2});
  args_.rstd = turned;
  ExpectError("rmsnorm_bwd: rstd is [3, 2] but its leading dimensions should");
  const GuardedTensor half = Make({2, 3}, kF16);
  args_.rstd = half;
  ExpectError("rmsnorm_bwd: rstd has dtype f16, expected f32");
}

TEST_F(RmsNormBwdErrorTest, Outputs) {
  args_.dx = Tensor();
  ExpectError("rmsnorm_bwd: dx is missing, expected [..., H]");
  const GuardedTensor half = Make({2, 3, 8}, kBF16);
  args_.dx = half;
  ExpectError("rmsnorm_bwd: dx has dtype bf16, expected f32");
  const GuardedTensor row = Make({1, 8});
  args_.dgamma = row;
  ExpectError("rmsnorm_bwd: dgamma is [1, 8], expected [H]");
  const GuardedTensor half_row = Make({8}, kF16);
  args_.dgamma = half_row;
  ExpectError("rmsnorm_bwd: dgamma has dtype f16, expected f32");
  args_.gamma = ConstTensor();
  args_.dgamma = half_row;
  ExpectError("rmsnorm_bwd: dgamma has dtype f16, expected f32");
}

TEST_F(RmsNormBwdErrorTest, Attributes) {
  args_.eps = -1;
  ExpectError("rmsnorm_bwd: eps is -1, expected >= 0 and finite");
  args_.eps = std::numeric_limits<float>::quiet_NaN();
  ExpectError("rmsnorm_bwd: eps is nan, expected >= 0 and finite");
  for (const int64_t actual : {0, 9}) {
    args_.hidden_actual = actual;
    ExpectError("rmsnorm_bwd: hidden_actual is " + std::to_string(actual) +
                ", expected 1..8");
  }
  args_.gamma_offset = 2;
  ExpectError("rmsnorm_bwd: gamma_offset is 2, expected 0 or 1");
}

TEST_F(RmsNormBwdErrorTest, Aliasing) {
  const GuardedTensor memory = Make({3, 3, 8});
  const Tensor low = memory.view().Slice(0, 0, 2);
  const Tensor high = memory.view().Slice(0, 1, 2);
  const Tensor row = low.Select(0, 0).Select(0, 0);
  for (const auto& [input, name] : {std::pair(&RmsNormBwdArgs::dy, "dy"),
                                    std::pair(&RmsNormBwdArgs::input, "input"),
                                    std::pair(&RmsNormBwdArgs::dres, "dres")}) {
    args_.*input = low;
    args_.dx = high;
    ExpectError(std::string("rmsnorm_bwd: dx overlaps ") + name +
                " without being the same view");
    args_.*input = low;
    args_.dgamma = row;
    ExpectError(std::string("rmsnorm_bwd: dgamma overlaps ") + name);
  }
  args_.gamma = row;
  args_.dgamma = row;
  ExpectError("rmsnorm_bwd: dgamma overlaps gamma");
  args_.dx = low;
  args_.dgamma = row;
  ExpectError("rmsnorm_bwd: dgamma overlaps dx");
  args_.dx = low;
  args_.rstd = low.Select(2, 0);
  ExpectError("rmsnorm_bwd: dx overlaps rstd");
}

}  // namespace
}  // namespace tilework
