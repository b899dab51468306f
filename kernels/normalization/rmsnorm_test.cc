// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm.h"

#include <algorithm>
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
#include "tilework/kernels/normalization/rmsnorm_oracle.h"
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
  DType residual = kNone;
  bool residual_out = true;
  std::optional<int64_t> hidden_actual;
  float gamma_offset = 0;
  Layout layout = Layout::kContiguous;
  double scale = 1;
  RmsNormCastMode cast_mode = RmsNormCastMode::kF32;
  DType gate = kNone;
  RmsNormGateMode gate_mode = RmsNormGateMode::kNone;
  std::optional<int64_t> group_size;
};

Dims RstdShape(const Dims& shape, std::optional<int64_t> group_size) {
  Dims result = WithoutLast(shape);
  const int64_t size = shape[shape.size() - 1];
  const int64_t group = group_size.value_or(size);
  if (group < size) result.push_back(size / group);
  return result;
}

// The tensors of one call, filled; the optional ones of type kNone are left
// out.
class Problem {
 public:
  explicit Problem(const Config& config, uint64_t seed = 1)
      : config_(config),
        input_(config.input, config.shape, config.layout),
        gamma_(TypeOrF32(config.gamma),
               VectorShape(config.shape, config.layout), config.layout),
        residual_(TypeOrF32(config.residual), config.shape, config.layout),
        residual_out_(TypeOrF32(config.residual), config.shape, config.layout),
        gate_(TypeOrF32(config.gate), config.shape, config.layout),
        output_(config.output, config.shape, config.layout),
        rstd_(kF32, RstdShape(config.shape, config.group_size), config.layout) {
    Random random(seed);
    FillNormal(random, input_, config.scale, 0.1 * config.scale);
    FillNormal(random, gamma_, 0.5, 1.0);
    FillNormal(random, residual_, config.scale);
    FillNormal(random, gate_, 2.0);
  }

  RmsNormArgs args() const {
    RmsNormArgs args = {.input = input_,
                        .output = output_,
                        .rstd = rstd_,
                        .hidden_actual = config_.hidden_actual,
                        .gamma_offset = config_.gamma_offset,
                        .cast_mode = config_.cast_mode,
                        .gate_mode = config_.gate_mode,
                        .group_size = config_.group_size};
    if (config_.gate != kNone) args.gate = gate_;
    if (config_.gamma != kNone) args.gamma = gamma_;
    if (config_.residual != kNone) {
      args.residual = residual_;
      if (config_.residual_out) args.residual_out = residual_out_;
    }
    return args;
  }
  const Tensor& input() const { return input_.view(); }
  const Tensor& output() const { return output_.view(); }
  const Tensor& gate() const { return gate_.view(); }
  const Tensor& residual_out() const { return residual_out_.view(); }

  bool Intact() const {
    return input_.Intact() && gamma_.Intact() && residual_.Intact() &&
           residual_out_.Intact() && gate_.Intact() && output_.Intact() &&
           rstd_.Intact();
  }

 private:
  Config config_;
  GuardedTensor input_, gamma_, residual_, residual_out_, gate_, output_, rstd_;
};

class RmsNormTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const RmsNormArgs args = problem.args();
    SCOPED_TRACE(ToString(args.input) + " to " + ToString(args.output) +
                 ", gamma " + ToString(args.gamma) + ", residual " +
                 ToString(args.residual) + ", gate " + ToString(args.gate));
    const std::vector<ExpectedTensor> expected = RmsNormExpected(args);
    ASSERT_EQ(RmsNorm(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(expected));
    EXPECT_TRUE(problem.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(RmsNormTest);

TEST_P(RmsNormTest, EveryType) {
  for (const DType input : kTypes) {
    for (const DType output : kTypes) {
      for (const DType gamma : {kNone, kF32, kBF16, kF16}) {
        ExpectMatchesTheOracle({.shape = {3, 71},
                                .input = input,
                                .output = output,
                                .gamma = gamma,
                                .gamma_offset = gamma == kNone ? 1.0f : 0.0f});
      }
    }
  }
}

TEST_P(RmsNormTest, EverySize) {
  for (const int64_t size : InterestingSizes(200)) {
    for (const DType dtype : kTypes) {
      ExpectMatchesTheOracle({.shape = {2, size},
                              .input = dtype,
                              .output = dtype,
                              .gamma = kBF16});
    }
  }
}

TEST_P(RmsNormTest, LongRows) {
  for (const int64_t size : {1003, 4096, 20001}) {
    ExpectMatchesTheOracle({.shape = {3, size}, .gamma = kF32});
  }
}

TEST_P(RmsNormTest, EveryRankAndLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kTypes) {
      for (const Dims& shape : {Dims({37}), Dims({5, 37}), Dims({2, 3, 37}),
                                Dims({2, 1, 3, 2, 37}), Dims({4, 1})}) {
        ExpectMatchesTheOracle({.shape = shape,
                                .input = dtype,
                                .output = dtype,
                                .gamma = dtype,
                                .layout = layout});
      }
    }
  }
}

TEST_P(RmsNormTest, Residual) {
  for (const DType input : kTypes) {
    for (const DType residual : {input, kF32}) {
      for (const Layout layout : kAllLayouts) {
        for (const bool residual_out : {true, false}) {
          ExpectMatchesTheOracle({.shape = {2, 3, 37},
                                  .input = input,
                                  .output = input,
                                  .gamma = kF32,
                                  .residual = residual,
                                  .residual_out = residual_out,
                                  .layout = layout});
        }
      }
    }
  }
}

// The fused chain gives what the steps give one by one.
TEST_P(RmsNormTest, ResidualIsRoundedBeforeTheNorm) {
  const Problem problem({.shape = {3, 50},
                         .input = kBF16,
                         .output = kF32,
                         .gamma = kF32,
                         .residual = kBF16});
  ASSERT_EQ(RmsNorm(problem.args(), context_), absl::OkStatus());
  RmsNormArgs second = problem.args();
  second.input = problem.residual_out();
  second.residual = ConstTensor();
  second.residual_out = Tensor();
  const GuardedTensor output(kF32, {3, 50});
  second.output = output;
  ASSERT_EQ(RmsNorm(second, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(problem.output(), output));
}

TEST_P(RmsNormTest, HiddenActualAndGammaOffset) {
  ExpectMatchesTheOracle({.shape = {3, 96},
                          .input = kF16,
                          .output = kF16,
                          .gamma = kF16,
                          .hidden_actual = 90});
  ExpectMatchesTheOracle({.shape = {3, 96}, .hidden_actual = 1});
  ExpectMatchesTheOracle({.shape = {17, 100},
                          .input = kBF16,
                          .output = kBF16,
                          .gamma = kBF16,
                          .gamma_offset = 1});
}

TEST_P(RmsNormTest, LlamaRoundsBeforeGamma) {
  for (const DType input : kTypes) {
    for (const DType output : kTypes) {
      for (const DType residual : {kNone, kF32}) {
        ExpectMatchesTheOracle({.shape = {3, 71},
                                .input = input,
                                .output = output,
                                .gamma = kF32,
                                .residual = residual,
                                .gamma_offset = 1,
                                .cast_mode = RmsNormCastMode::kLlama});
      }
    }
  }
}

// Where the output is f32, its rounding can be seen.
TEST_P(RmsNormTest, LlamaRoundsToTheTypeOfInput) {
  const Problem problem({.shape = {3, 50},
                         .input = kBF16,
                         .residual = kF32,
                         .cast_mode = RmsNormCastMode::kLlama});
  ASSERT_EQ(RmsNorm(problem.args(), context_), absl::OkStatus());
  for (const double value : ToDoubles(problem.output())) {
    EXPECT_EQ(value, RoundToDType(value, kBF16));
  }
}

TEST_P(RmsNormTest, Gate) {
  for (const RmsNormGateMode mode :
       {RmsNormGateMode::kPre, RmsNormGateMode::kPost}) {
    for (const DType gate : kTypes) {
      for (const DType residual : {kNone, kBF16}) {
        for (const Layout layout : kAllLayouts) {
          ExpectMatchesTheOracle({.shape = {2, 3, 37},
                                  .input = kBF16,
                                  .output = kF32,
                                  .gamma = kF16,
                                  .residual = residual,
                                  .layout = layout,
                                  .gate = gate,
                                  .gate_mode = mode});
        }
      }
    }
    ExpectMatchesTheOracle({.shape = {2, 301},
                            .input = kF16,
                            .output = kF16,
                            .cast_mode = RmsNormCastMode::kLlama,
                            .gate = kF16,
                            .gate_mode = mode});
  }
}

TEST_P(RmsNormTest, SpecialGates) {
  for (const RmsNormGateMode mode :
       {RmsNormGateMode::kPre, RmsNormGateMode::kPost}) {
    const Problem problem({.shape = {1, 4}, .gate = kF32, .gate_mode = mode});
    const RmsNormArgs args = problem.args();
    for (int64_t j = 0; j < 4; ++j) Write(problem.gate(), {0, j}, 0);
    ASSERT_EQ(RmsNorm(args, context_), absl::OkStatus());
    EXPECT_EQ(ToDoubles(args.output), std::vector<double>(4, 0.0));
    Write(problem.gate(), {0, 1}, static_cast<double>(-kInfinity));
    ASSERT_EQ(RmsNorm(args, context_), absl::OkStatus());
    EXPECT_TRUE(std::isnan(Read(args.output, {0, 1})));
  }
}

TEST_P(RmsNormTest, Groups) {
  for (const int64_t group : {1, 3, 20, 60}) {
    for (const Layout layout : kAllLayouts) {
      ExpectMatchesTheOracle({.shape = {2, 3, 60},
                              .input = kBF16,
                              .output = kBF16,
                              .gamma = kF32,
                              .layout = layout,
                              .group_size = group});
    }
    // Mamba-2.
    ExpectMatchesTheOracle({.shape = {3, 60},
                            .hidden_actual = 60,
                            .gate = kF32,
                            .gate_mode = RmsNormGateMode::kPre,
                            .group_size = group});
    ExpectMatchesTheOracle({.shape = {3, 60},
                            .input = kF16,
                            .residual = kF16,
                            .cast_mode = RmsNormCastMode::kLlama,
                            .gate = kF16,
                            .gate_mode = RmsNormGateMode::kPost,
                            .group_size = group});
  }
}

// Past the caches, at any alignment, come the bits of smaller calls.
TEST_P(RmsNormTest, OutputsBeyondTheCaches) {
  const Dims shape = {20011, 1003};
  const auto make = [&](DType dtype) {
    return Buffer(dtype, {shape.Product() + 1});
  };
  const auto unaligned = [&](Buffer& buffer) {
    return buffer.view().Slice(0, 1, shape.Product()).Reshape(shape);
  };
  Buffer input = make(kBF16), stream = make(kBF16), output = make(kBF16);
  uint32_t state = 1;
  for (int64_t i = 0; i <= shape.Product(); ++i) {
    state = state * 1664525u + 1013904223u;
    // Exponents around 1.
    const uint32_t bits = (state >> 31) << 15 | 0x3F00u | (state >> 9 & 0xFFu);
    input.data<BFloat16>()[i] = BFloat16::FromBits(static_cast<uint16_t>(bits));
  }
  const RmsNormArgs args = {.input = unaligned(input),
                            .residual = unaligned(input),
                            .residual_out = unaligned(stream),
                            .output = unaligned(output)};
  ASSERT_EQ(RmsNorm(args, context_), absl::OkStatus());
  Buffer small_output(kBF16, {128, shape[1]});
  Buffer small_stream(kBF16, {128, shape[1]});
  for (int64_t row = 0; row < shape[0]; row += 128) {
    const int64_t rows = std::min<int64_t>(128, shape[0] - row);
    const RmsNormArgs small = {
        .input = args.input.Slice(0, row, rows),
        .residual = args.residual.Slice(0, row, rows),
        .residual_out = small_stream.view().Slice(0, 0, rows),
        .output = small_output.view().Slice(0, 0, rows)};
    ASSERT_EQ(RmsNorm(small, context_), absl::OkStatus());
    const size_t bytes = static_cast<size_t>(small.output.NumBytes());
    ASSERT_EQ(std::memcmp(small.output.data(),
                          args.output.Slice(0, row, rows).data(), bytes),
              0);
    ASSERT_EQ(std::memcmp(small.residual_out.data(),
                          args.residual_out.Slice(0, row, rows).data(), bytes),
              0);
  }
}

TEST_P(RmsNormTest, LargeAndSmallMagnitudes) {
  for (const double scale : {1e18, 1e-3, 1e-18, 1e-40}) {
    ExpectMatchesTheOracle({.shape = {5, 3}, .gamma = kF32, .scale = scale});
    ExpectMatchesTheOracle({.shape = {5, 3},
                            .input = kBF16,
                            .output = kBF16,
                            .gamma = kF32,
                            .scale = scale});
    ExpectMatchesTheOracle(
        {.shape = {5, 3}, .output = kF16, .gamma = kF32, .scale = scale});
  }
}

TEST_P(RmsNormTest, SpecialRows) {
  const int64_t size = 40;
  const Problem problem({.shape = {5, size}, .gamma = kF32});
  const Tensor& x = problem.input();
  for (int64_t j = 0; j < size; ++j) Write(x, {0, j}, 0);
  Write(x, {1, 33}, static_cast<double>(-kInfinity));
  Write(x, {2, 3}, std::nan(""));
  for (int64_t j = 0; j < size; ++j) Write(x, {3, j}, 3e19);
  RmsNormArgs args = problem.args();
  ASSERT_EQ(RmsNorm(args, context_), absl::OkStatus());
  const Tensor& y = problem.output();
  for (int64_t j = 0; j < size; ++j) {
    EXPECT_EQ(Read(y, {0, j}), 0);
    if (j == 33) {
      EXPECT_TRUE(std::isnan(Read(y, {1, j})));
    } else {
      EXPECT_EQ(Read(y, {1, j}), 0);
    }
    EXPECT_TRUE(std::isnan(Read(y, {2, j})));
    EXPECT_EQ(Read(y, {3, j}), 0);
    EXPECT_TRUE(std::isfinite(Read(y, {4, j})));
  }
  EXPECT_EQ(Read(args.rstd, {1}), 0);
  EXPECT_EQ(Read(args.rstd, {3}), 0);
  args.eps = 0;
  ASSERT_EQ(RmsNorm(args, context_), absl::OkStatus());
  for (int64_t j = 0; j < size; ++j) {
    EXPECT_TRUE(std::isnan(Read(y, {0, j})));
  }
}

TEST_P(RmsNormTest, InPlace) {
  for (const Layout layout : kAllLayouts) {
    for (const DType residual : {kNone, kBF16}) {
      const Config config = {.shape = {2, 3, 37},
                             .input = kBF16,
                             .output = kBF16,
                             .gamma = kF32,
                             .residual = residual,
                             .layout = layout};
      const Problem apart(config);
      ASSERT_EQ(RmsNorm(apart.args(), context_), absl::OkStatus());
      const Problem in_place(config);
      RmsNormArgs args = in_place.args();
      args.output = in_place.input();
      if (residual != kNone) {
        args.residual = in_place.residual_out();
        Copy(in_place.args().residual, in_place.residual_out());
      }
      ASSERT_EQ(RmsNorm(args, context_), absl::OkStatus());
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

TEST_P(RmsNormTest, AnyNumberOfThreads) {
  std::vector<Problem> problems;
  for (const int threads : {1, 2, 3}) {
    problems.emplace_back(ManyRows());
    HostContext context(threads);
    ASSERT_EQ(RmsNorm(problems.back().args(), context), absl::OkStatus());
    EXPECT_TRUE(SameBits(problems.back().output(), problems[0].output()));
  }
}

TEST_P(RmsNormTest, ARowAloneIsTheRowInABatch) {
  const Problem batch(ManyRows());
  ASSERT_EQ(RmsNorm(batch.args(), context_), absl::OkStatus());
  for (const int64_t row : {int64_t{0}, int64_t{150}, kManyRows - 1}) {
    RmsNormArgs args = batch.args();
    args.input = batch.input().Slice(0, row, 1);
    args.rstd = Tensor();
    const GuardedTensor output(kBF16, {1, 515});
    args.output = output;
    ASSERT_EQ(RmsNorm(args, context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(output, batch.output().Slice(0, row, 1)));
  }
}

TEST_P(RmsNormTest, NoRowsAndNoNewScratch) {
  for (const Dims& shape : {Dims({0, 8}), Dims({2, 0, 8})}) {
    const Problem problem({.shape = shape, .gamma = kF32, .residual = kF32});
    EXPECT_EQ(RmsNorm(problem.args(), context_), absl::OkStatus());
  }
  const Problem problem(ManyRows());
  ASSERT_EQ(RmsNorm(problem.args(), context_), absl::OkStatus());
  const size_t capacity = context_.arena().capacity();
  ASSERT_EQ(RmsNorm(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

TEST(RmsNormTargetsTest, AllGiveTheSameBits) {
  for (const int64_t size : {5, 64, 777}) {
    const Config config = {.shape = {4, size},
                           .input = kBF16,
                           .gamma = kF16,
                           .residual = kF32,
                           .gamma_offset = 1,
                           .cast_mode = size == 64 ? RmsNormCastMode::kLlama
                                                   : RmsNormCastMode::kF32};
    std::optional<Problem> first;
    ForEachSimdTarget([&](int64_t target) {
      SCOPED_TRACE(SimdTargetName(target));
      HostContext context(1);
      Problem problem(config);
      ASSERT_EQ(RmsNorm(problem.args(), context), absl::OkStatus());
      if (!first.has_value()) {
        first.emplace(std::move(problem));
        return;
      }
      EXPECT_TRUE(SameBits(problem.output(), first->output()));
      EXPECT_TRUE(SameBits(problem.args().rstd, first->args().rstd));
    });
  }
}

// Arguments without a fault, to be given one.
class RmsNormErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const std::vector<double> before = ToDoubles(problem_.output());
    const absl::Status status = RmsNorm(args_, context_);
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

  Problem problem_{{.shape = {2, 3, 8}, .gamma = kF32, .residual = kF32}};
  RmsNormArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(RmsNormErrorTest, NoFault) {
  EXPECT_EQ(RmsNorm(args_, context_), absl::OkStatus());
}

TEST_F(RmsNormErrorTest, Input) {
  args_.input = ConstTensor();
  ExpectError("rmsnorm: input is missing, expected [..., H]");
  const GuardedTensor scalar = Make({});
  args_.input = scalar;
  ExpectError("rmsnorm: input is [], expected [..., H]");
  const GuardedTensor empty = Make({2, 0});
  args_ = {.input = empty, .output = empty};
  ExpectError("rmsnorm: input is [2, 0]: H = 0, expected >= 1");
  const GuardedTensor integers = Make({2, 8}, DType::kI32);
  args_.input = integers;
  ExpectError("rmsnorm: input has dtype i32, expected f32 or bf16 or f16");
  args_.input = ConstTensor(nullptr, kF32, {2, 8});
  ExpectError("rmsnorm: input is [2, 8] but its data is null");
}

TEST_F(RmsNormErrorTest, Gamma) {
  const GuardedTensor short_row = Make({7});
  args_.gamma = short_row;
  ExpectError("rmsnorm: gamma is [7] but H = 8 (from input [2, 3, 8])");
  const GuardedTensor two_rows = Make({2, 8});
  args_.gamma = two_rows;
  ExpectError("rmsnorm: gamma is [2, 8] but dimension 0 must be 1");
  const GuardedTensor integers = Make({8}, DType::kU8);
  args_.gamma = integers;
  ExpectError("rmsnorm: gamma has dtype u8, expected f32 or bf16 or f16");
}

TEST_F(RmsNormErrorTest, Residual) {
  const GuardedTensor other = Make({3, 2, 8});
  args_.residual = other;
  ExpectError(
      "rmsnorm: residual is [3, 2, 8] but its leading dimensions should be "
      "[2, 3] (from input [2, 3, 8])");
  const GuardedTensor half = Make({2, 3, 8}, kBF16);
  args_.residual = half;
  ExpectError("rmsnorm: residual has dtype bf16, expected f32");
  args_.residual = ConstTensor();
  ExpectError("rmsnorm: residual_out is given but residual is not");
  args_ = problem_.args();
  args_.residual_out = half;
  ExpectError("rmsnorm: residual_out has dtype bf16, expected f32");
  const GuardedTensor narrow = Make({2, 3, 7});
  args_.residual_out = narrow;
  ExpectError("rmsnorm: residual_out is [2, 3, 7] but H = 8 (from input");
}

TEST_F(RmsNormErrorTest, Outputs) {
  args_.output = Tensor();
  ExpectError("rmsnorm: output is missing, expected [..., H]");
  const GuardedTensor flat = Make({6, 8});
  args_.output = flat;
  ExpectError(
      "rmsnorm: output is [6, 8] but its leading dimensions should be [2, 3]");
  args_ = problem_.args();
  const GuardedTensor wide = Make({2, 3, 1});
  args_.rstd = wide;
  ExpectError(
      "rmsnorm: rstd is [2, 3, 1] but its leading dimensions should be [2, 3]");
  const GuardedTensor half = Make({2, 3}, kF16);
  args_.rstd = half;
  ExpectError("rmsnorm: rstd has dtype f16, expected f32");
}

TEST_F(RmsNormErrorTest, Attributes) {
  for (const int64_t actual : {0, 9}) {
    args_.hidden_actual = actual;
    ExpectError("rmsnorm: hidden_actual is " + std::to_string(actual) +
                ", expected 1..8");
  }
  args_ = problem_.args();
  args_.eps = -1;
  ExpectError("rmsnorm: eps is -1, expected >= 0 and finite");
  args_.eps = kInfinity;
  ExpectError("rmsnorm: eps is inf, expected >= 0 and finite");
  args_.eps = std::numeric_limits<float>::quiet_NaN();
  ExpectError("rmsnorm: eps is nan, expected >= 0 and finite");
  args_ = problem_.args();
  args_.gamma_offset = 0.5;
  ExpectError("rmsnorm: gamma_offset is 0.5, expected 0 or 1");
}

TEST_F(RmsNormErrorTest, Gate) {
  const GuardedTensor gate = Make({2, 3, 8});
  args_.gate = gate;
  ExpectError("rmsnorm: gate is given but gate_mode is NONE");
  args_ = problem_.args();
  args_.gate_mode = RmsNormGateMode::kPre;
  ExpectError("rmsnorm: gate is missing, expected [..., H]");
  args_.gate_mode = RmsNormGateMode::kPost;
  ExpectError("rmsnorm: gate is missing, expected [..., H]");
  const GuardedTensor narrow = Make({2, 3, 4});
  args_.gate = narrow;
  ExpectError("rmsnorm: gate is [2, 3, 4] but H = 8 (from input [2, 3, 8])");
  const GuardedTensor integers = Make({2, 3, 8}, DType::kI32);
  args_.gate = integers;
  ExpectError("rmsnorm: gate has dtype i32, expected f32 or bf16 or f16");
  args_.gate = gate;
  args_.gate_mode = static_cast<RmsNormGateMode>(3);
  ExpectError(
      "rmsnorm: gate_mode is 3, expected 0 (NONE), 1 (PRE) or 2 (POST)");
  args_.gate_mode = RmsNormGateMode::kPre;
  args_.gate = args_.output;
  ExpectError("rmsnorm: output overlaps gate");
}

TEST_F(RmsNormErrorTest, CastMode) {
  args_.cast_mode = static_cast<RmsNormCastMode>(2);
  ExpectError("rmsnorm: cast_mode is 2, expected 0 (F32) or 1 (LLAMA)");
}

TEST_F(RmsNormErrorTest, Groups) {
  for (const int64_t group : {-4, 0, 3, 16}) {
    args_.group_size = group;
    ExpectError("rmsnorm: group_size is " + std::to_string(group) +
                ", expected a divisor of H = 8");
  }
  args_.group_size = 4;
  ExpectError(
      "rmsnorm: rstd is [2, 3] but its leading dimensions should be [2, 3] "
      "(from input [2, 3, 8]), expected [..., H/G]");
  const GuardedTensor three = Make({2, 3, 3});
  args_.rstd = three;
  ExpectError("rmsnorm: rstd is [2, 3, 3] but H/G = 2 (from H / group_size)");
  args_.hidden_actual = 7;
  ExpectError(
      "rmsnorm: group_size is 4 with hidden_actual 7, expected only one of "
      "them");
}

TEST_F(RmsNormErrorTest, Aliasing) {
  const GuardedTensor memory = Make({3, 3, 8});
  const Tensor low = memory.view().Slice(0, 0, 2);
  const Tensor high = memory.view().Slice(0, 1, 2);
  const auto expect = [&](ConstTensor RmsNormArgs::*input,
                          Tensor RmsNormArgs::*output,
                          const std::string& message) {
    args_ = problem_.args();
    args_.*input = low;
    args_.*output = high;
    ExpectError(message);
  };
  expect(&RmsNormArgs::input, &RmsNormArgs::output,
         "rmsnorm: output overlaps input without being the same view");
  expect(&RmsNormArgs::residual, &RmsNormArgs::output,
         "rmsnorm: output overlaps residual");
  expect(&RmsNormArgs::input, &RmsNormArgs::residual_out,
         "rmsnorm: residual_out overlaps input");
  expect(&RmsNormArgs::residual, &RmsNormArgs::residual_out,
         "rmsnorm: residual_out overlaps residual without being the same");
  args_ = problem_.args();
  args_.gamma = low.Select(0, 0).Select(0, 0);
  args_.output = low;
  ExpectError("rmsnorm: output overlaps gamma");
  args_ = problem_.args();
  args_.output = low;
  args_.residual_out = low;
  ExpectError("rmsnorm: output overlaps residual_out");
  args_ = problem_.args();
  args_.input = low;
  args_.rstd = low.Select(2, 0);
  ExpectError("rmsnorm: rstd overlaps input");
  args_ = problem_.args();
  args_.output = low;
  args_.rstd = low.Select(2, 0);
  ExpectError("rmsnorm: rstd overlaps output");
  args_ = problem_.args();
  args_.residual_out = low;
  args_.rstd = low.Select(2, 0);
  ExpectError("rmsnorm: rstd overlaps residual_out");
}

}  // namespace
}  // namespace tilework
