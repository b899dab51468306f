// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/experimental/transformer/sample_tokens.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/transformer/sample_tokens_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Logits of B sequences and all else that a call needs. Row r is at step
// r mod 1000 of request 7 + r / 1000.
struct Problem {
  Problem(DType dtype, const Dims& shape, Layout layout = Layout::kContiguous)
      : logits(dtype, shape, layout),
        step(DType::kI32, {shape[0]}, layout),
        request_id(DType::kI64, {shape[0]}, layout),
        tokens(DType::kI32, {shape[0]}, layout),
        logprob(DType::kF32, {shape[0]}, layout) {
    for (int64_t row = 0; row < shape[0]; ++row) {
      Write(step, {row}, static_cast<double>(row % 1000));
      Write(request_id, {row}, static_cast<double>(7 + row / 1000));
    }
  }

  SampleTokensArgs Args() const {
    return {.logits = logits,
            .step = step,
            .request_id = request_id,
            .tokens = tokens,
            .logprob = logprob};
  }
  void SetRow(int64_t row, const std::vector<float>& z) const {
    for (size_t i = 0; i < z.size(); ++i) {
      Write(logits, {row, static_cast<int64_t>(i)}, static_cast<double>(z[i]));
    }
  }
  GuardedTensor logits, step, request_id, tokens, logprob;
};

// With 1, 2 or 3 threads.
std::vector<int64_t> Sample(const SampleTokensArgs& args, int threads = 2) {
  static HostContext contexts[] = {HostContext(1), HostContext(2),
                                   HostContext(3)};
  const absl::Status status = SampleTokens(args, contexts[threads - 1]);
  EXPECT_TRUE(status.ok()) << status;
  std::vector<int64_t> tokens;
  for (const double token : ToDoubles(args.tokens)) {
    tokens.push_back(static_cast<int64_t>(token));
  }
  return tokens;
}

// Many draws from the same logits.
std::vector<int64_t> SampleRow(
    const std::vector<float>& z, int64_t draws,
    const std::function<void(SampleTokensArgs&)>& set_attributes) {
  const int64_t size = static_cast<int64_t>(z.size());
  Problem problem(DType::kF32, {draws, 1});
  SampleTokensArgs args = problem.Args();
  args.logits = ConstTensor(z.data(), DType::kF32, {draws, size}, {0, 1});
  args.logprob = Tensor();
  args.temperature = 1;
  set_attributes(args);
  return Sample(args);
}

class SampleTokensTest : public SimdTargetTest {
 protected:
  // Against the oracle; counts rows where rounding may decide.
  void ExpectOracle(const Problem& problem, const SampleTokensArgs& args) {
    Sample(args);
    EXPECT_TRUE(problem.tokens.Intact());
    EXPECT_TRUE(problem.logprob.Intact());
    ASSERT_TRUE(Agrees(SampleTokensExpected(args)))
        << ToString(args.logits) << " temperature " << args.temperature
        << " top_k " << args.top_k << " top_p " << args.top_p << " min_p "
        << args.min_p;
    for (const SampledToken& sampled : SampleTokensOracle(args)) {
      ++rows_;
      close_ += sampled.close ? 1 : 0;
    }
  }
  void TearDown() override {
    EXPECT_LE(close_, rows_ / 50);
    SimdTargetTest::TearDown();
  }

 private:
  int64_t rows_ = 0;
  int64_t close_ = 0;
};
TILEWORK_SIMD_TARGETS(SampleTokensTest);

// Greedy, and the other attributes in all combinations.
std::vector<SampleTokensArgs> Modes(const SampleTokensArgs& base) {
  std::vector<SampleTokensArgs> result = {base};
  for (const float temperature : {0.3f, 1.0f, 5.0f}) {
    for (const int32_t top_k : {0, 1, 7, 300}) {
      for (const float top_p : {1.0f, 0.9f, 0.2f}) {
        for (const float min_p : {0.0f, 0.02f, 0.5f}) {
          SampleTokensArgs args = base;
          args.temperature = temperature;
          args.top_k = top_k;
          args.top_p = top_p;
          args.min_p = min_p;
          result.push_back(args);
        }
      }
    }
  }
  return result;
}

TEST_P(SampleTokensTest, MatchesTheOracle) {
  Random random(1);
  for (const int64_t size : {1, 2, 3, 16, 17, 100, 257, 1025}) {
    for (const DType dtype : kFloatTypes) {
      for (const Layout layout : kAllLayouts) {
        const Problem problem(dtype, {3, size}, layout);
        // From flat to peaked; -infinity here and there.
        FillNormal(random, problem.logits, random.Uniform(0.1, 6));
        for (int64_t i = 1; i < size; i += 13) {
          Write(problem.logits, {1, i}, -HUGE_VAL);
        }
        std::vector<SampleTokensArgs> modes = Modes(problem.Args());
        // The layout does not matter to the rest: a few modes each.
        const size_t stride = layout == Layout::kContiguous ? 1 : 5;
        for (size_t i = 0; i < modes.size(); i += stride) {
          modes[i].seed = random.Bits();
          ExpectOracle(problem, modes[i]);
        }
      }
    }
  }
}

TEST_P(SampleTokensTest, MatchesTheOracleOnALargeVocabulary) {
  Random random(2);
  for (const double scale : {0.01, 1.0, 4.0}) {
    const Problem problem(DType::kF32, {2, 20011});
    FillNormal(random, problem.logits, scale);
    SampleTokensArgs args = problem.Args();
    args.temperature = 0.8f;
    for (const int32_t top_k : {0, 40, 1000}) {
      for (const float top_p : {1.0f, 0.95f}) {
        args.top_k = top_k;
        args.top_p = top_p;
        args.seed = random.Bits();
        ExpectOracle(problem, args);
      }
    }
  }
}

TEST_P(SampleTokensTest, GreedyFindsTheFirstMaximumWhereverItIs) {
  for (const int64_t size : {1, 5, 31, 32, 1100, 2500}) {
    std::vector<float> z(static_cast<size_t>(size), -1.0f);
    const auto greedy = [](SampleTokensArgs& args) { args.temperature = 0; };
    for (int64_t i = 0; i < size; i += 1 + size / 40) {
      z[static_cast<size_t>(i)] = -0.0f;
      EXPECT_EQ(SampleRow(z, 1, greedy)[0], i);
      // Equal values after it; 0 is no more than -0.
      std::fill(z.begin() + i + 1, z.end(), 0.0f);
      EXPECT_EQ(SampleRow(z, 1, greedy)[0], i);
      std::fill(z.begin() + i, z.end(), -1.0f);
    }
  }
}

TEST_P(SampleTokensTest, MoreThanTheVocabularyIsAll) {
  const std::vector<float> z = {0.1f, 0.5f, -0.3f, 0.2f, 0.0f};
  const auto top = [&](int32_t k) {
    return SampleRow(z, 200, [&](SampleTokensArgs& args) { args.top_k = k; });
  };
  EXPECT_EQ(top(5), top(0));
  EXPECT_EQ(top(6), top(0));
  EXPECT_EQ(top(std::numeric_limits<int32_t>::max()), top(0));
  EXPECT_NE(top(4), top(0));
}

TEST_P(SampleTokensTest, OneTokenKeptIsTheGreedyOne) {
  Random random(3);
  std::vector<float> z(500);
  for (float& value : z) value = static_cast<float>(random.Normal());
  const int64_t best = std::max_element(z.begin(), z.end()) - z.begin();
  using Set = std::function<void(SampleTokensArgs&)>;
  const Set settings[] = {
      [](SampleTokensArgs& args) { args.top_k = 1; },
      [](SampleTokensArgs& args) { args.top_p = 1e-6f; },
      [](SampleTokensArgs& args) { args.min_p = 1 - 0x1p-24f; },
      [](SampleTokensArgs& args) { args.temperature = 1e-6f; },
      [](SampleTokensArgs& args) { args.temperature = 1e-45f; },
  };
  for (const Set& set : settings) {
    EXPECT_THAT(SampleRow(z, 50, set), testing::Each(best));
  }
}

TEST_P(SampleTokensTest, TiesAtTheBorderOfTopKGoToTheLowerIndex) {
  const std::vector<float> z = {0, 1, 0, 2, 0, 0, 1, 0};
  const std::vector<int64_t> tokens =
      SampleRow(z, 2000, [](SampleTokensArgs& args) {
        args.top_k = 5;
        args.temperature = 10;
      });
  // In order: 3, 1, 6, then 0 and 2 of the ties.
  EXPECT_THAT(tokens, testing::Each(testing::AnyOf(3, 1, 6, 0, 2)));
  for (const int64_t token : {3, 1, 6, 0, 2}) {
    EXPECT_THAT(tokens, testing::Contains(token));
  }
}

// All weights are exactly 1, so that sums hit limits exactly.
TEST_P(SampleTokensTest, TopPThatIsReachedExactlyKeepsNoMore) {
  for (const int64_t size : {4, 1024}) {
    const std::vector<float> z(static_cast<size_t>(size), 2.5f);
    const std::vector<int64_t> half =
        SampleRow(z, 4000, [](SampleTokensArgs& args) { args.top_p = 0.5f; });
    EXPECT_THAT(half, testing::Each(testing::AllOf(testing::Ge(0),
                                                   testing::Lt(size / 2))));
    const std::vector<int64_t> more = SampleRow(
        z, 4000, [](SampleTokensArgs& args) { args.top_p = 0.5f + 0x1p-24f; });
    EXPECT_THAT(more, testing::Each(testing::AllOf(testing::Ge(0),
                                                   testing::Le(size / 2))));
    EXPECT_THAT(more, testing::Contains(size / 2));
  }
}

TEST_P(SampleTokensTest, EqualLogitsGiveTheRandomNumberTimesV) {
  constexpr int64_t kSize = 4096;
  constexpr int64_t kDraws = 100;
  constexpr uint64_t kSeed = 0x123456789ABCDEF;
  const Problem problem(DType::kF32, {kDraws, 1});
  SampleTokensArgs args = problem.Args();
  const std::vector<float> z(kSize, -3.0f);
  args.logits = ConstTensor(z.data(), DType::kF32, {kDraws, kSize}, {0, 1});
  args.temperature = 1;
  args.seed = kSeed;
  const auto place = [](int32_t step) {
    return static_cast<double>(
        Unit24(Philox(kSeed, 0, static_cast<uint64_t>(step))[0]) * kSize);
  };
  // Half of the steps are those whose running sum falls exactly on the limit.
  int32_t exact_step = 0;
  for (int64_t row = 0; row < kDraws; ++row) {
    const bool exact = row % 2 == 0;
    if (exact) {
      do {
        ++exact_step;
      } while (place(exact_step) != std::floor(place(exact_step)));
    }
    *problem.step.view().At<int32_t>(row) =
        exact ? exact_step : static_cast<int32_t>(row);
    *problem.request_id.view().At<int64_t>(row) = 0;
  }
  const std::vector<int64_t> tokens = Sample(args);
  for (int64_t row = 0; row < kDraws; ++row) {
    const int32_t step = *problem.step.view().At<int32_t>(row);
    EXPECT_EQ(tokens[static_cast<size_t>(row)],
              static_cast<int64_t>(std::floor(place(step))))
        << "step " << step;
  }
}

TEST_P(SampleTokensTest, TokensOfMinusInfinityAreNotDrawn) {
  std::vector<float> z(100, -kInfinity);
  z[13] = -200.0f;
  z[77] = -200.5f;
  const std::vector<int64_t> tokens =
      SampleRow(z, 500, [](SampleTokensArgs& args) { args.top_k = 50; });
  EXPECT_THAT(tokens, testing::Each(testing::AnyOf(13, 77)));
  EXPECT_THAT(tokens, testing::Contains(13));
  EXPECT_THAT(tokens, testing::Contains(77));
}

TEST_P(SampleTokensTest, ALoneFiniteLogitHasProbabilityOne) {
  const Problem problem(DType::kF32, {1, 70});
  problem.SetRow(0, std::vector<float>(70, -kInfinity));
  Write(problem.logits, {0, 69}, 5);
  for (const SampleTokensArgs& args : Modes(problem.Args())) {
    EXPECT_EQ(Sample(args)[0], 69);
    EXPECT_EQ(Read(problem.logprob, {0}), 0);
  }
}

TEST_P(SampleTokensTest, RowsWithoutADistributionGiveMinusOne) {
  for (const int64_t size : {1, 50, 1200}) {
    for (const DType dtype : kFloatTypes) {
      const Problem problem(dtype, {5, size});
      const std::vector<float> flat(static_cast<size_t>(size));
      for (int64_t place = 0; place < size; place += 1 + size / 4) {
        for (int64_t row = 0; row < 5; ++row) problem.SetRow(row, flat);
        Write(problem.logits, {1, place}, static_cast<double>(kNaN));
        Write(problem.logits, {2, place}, static_cast<double>(kInfinity));
        problem.SetRow(3, std::vector<float>(flat.size(), -kInfinity));
        const std::vector<SampleTokensArgs> modes = Modes(problem.Args());
        for (size_t mode = 0; mode < modes.size(); mode += 9) {
          const std::vector<int64_t> tokens = Sample(modes[mode]);
          EXPECT_THAT(tokens, testing::ElementsAre(testing::Ge(0), -1, -1, -1,
                                                   testing::Ge(0)));
          EXPECT_THAT(ToDoubles(problem.logprob),
                      testing::ElementsAre(testing::Le(0), testing::IsNan(),
                                           testing::IsNan(), testing::IsNan(),
                                           testing::Le(0)));
        }
      }
    }
  }
}

// Counts of 10^5 draws, each within 5 standard deviations.
TEST_P(SampleTokensTest, FrequenciesFollowTheProbabilities) {
  constexpr int64_t kDraws = 100000;
  const std::vector<float> z = {0.5f, -1.0f, 2.0f, 0.0f,  1.5f, 1.5f,
                                -2.f, -3.0f, 0.7f, -0.5f, 1.0f, -9.0f};
  struct Case {
    float temperature;
    int32_t top_k;
    float top_p;
    float min_p;
    size_t kept;
  };
  // Kept: see the order 2, 4, 5, 10, 8, 0, 3, 9, ...
  const Case cases[] = {{1.0f, 0, 1.0f, 0.0f, 12},
                        {2.0f, 5, 1.0f, 0.0f, 5},
                        {1.0f, 0, 0.7f, 0.0f, 4},
                        {1.0f, 0, 1.0f, 0.2f, 6}};
  std::vector<size_t> order = {2, 4, 5, 10, 8, 0, 3, 9, 1, 6, 7, 11};
  for (const Case& c : cases) {
    double total = 0;
    for (size_t i = 0; i < c.kept; ++i) {
      total += std::exp(static_cast<double>(z[order[i]] / c.temperature));
    }
    std::vector<int64_t> counts(z.size());
    for (const int64_t token :
         SampleRow(z, kDraws, [&](SampleTokensArgs& args) {
           args.temperature = c.temperature;
           args.top_k = c.top_k;
           args.top_p = c.top_p;
           args.min_p = c.min_p;
           args.seed = 99;
         })) {
      ++counts[static_cast<size_t>(token)];
    }
    for (size_t i = 0; i < z.size(); ++i) {
      const double p =
          i < c.kept
              ? std::exp(static_cast<double>(z[order[i]] / c.temperature)) /
                    total
              : 0;
      EXPECT_NEAR(static_cast<double>(counts[order[i]]), kDraws * p,
                  5 * std::sqrt(kDraws * p * (1 - p)))
          << "token " << order[i] << " of " << c.kept;
    }
  }
}

TEST_P(SampleTokensTest, SeedRequestAndStepChooseTheRandomNumber) {
  const std::vector<float> z(512, 0.0f);  // the token is 512 u
  Problem problem(DType::kF32, {4, 512});
  for (int64_t row = 0; row < 4; ++row) problem.SetRow(row, z);
  const int32_t steps[] = {0, 1, 0, 2147483647};
  const int64_t requests[] = {0, 0, -1, 4611686018427387905};
  for (int64_t row = 0; row < 4; ++row) {
    *problem.step.view().At<int32_t>(row) = steps[row];
    *problem.request_id.view().At<int64_t>(row) = requests[row];
  }
  for (const uint64_t seed : {uint64_t{0}, ~uint64_t{0}}) {
    SampleTokensArgs args = problem.Args();
    args.temperature = 1;
    args.seed = seed;
    const std::vector<int64_t> tokens = Sample(args);
    for (int64_t row = 0; row < 4; ++row) {
      const uint32_t word = Philox(seed, static_cast<uint64_t>(requests[row]),
                                   static_cast<uint64_t>(steps[row]))[0];
      EXPECT_EQ(tokens[static_cast<size_t>(row)],
                static_cast<int64_t>(word >> 23));
    }
  }
}

TEST_P(SampleTokensTest, SameBitsAloneInABatchAndForAnyThreads) {
  Random random(5);
  const Problem problem(DType::kBF16, {7, 1500});
  FillNormal(random, problem.logits, 3);
  std::vector<SampleTokensArgs> modes = Modes(problem.Args());
  for (size_t i = 0; i < modes.size(); i += 3) {
    const SampleTokensArgs& args = modes[i];
    const std::vector<int64_t> tokens = Sample(args, 1);
    const std::vector<double> logprobs = ToDoubles(args.logprob);
    for (const int threads : {2, 3}) {
      EXPECT_EQ(Sample(args, threads), tokens);
      EXPECT_EQ(ToDoubles(args.logprob), logprobs);
    }
    for (int64_t row = 0; row < 7; ++row) {
      GuardedTensor token(DType::kI32, {1});
      GuardedTensor logprob(DType::kF32, {1});
      SampleTokensArgs alone = args;
      alone.logits = args.logits.Slice(0, row, 1);
      alone.step = args.step.Slice(0, row, 1);
      alone.request_id = args.request_id.Slice(0, row, 1);
      alone.tokens = token;
      alone.logprob = logprob;
      EXPECT_EQ(Sample(alone)[0], tokens[static_cast<size_t>(row)]);
      EXPECT_EQ(Read(logprob, {0}), logprobs[static_cast<size_t>(row)]);
    }
  }
}

TEST_P(SampleTokensTest, ScratchStopsGrowing) {
  Random random(6);
  const Problem problem(DType::kF16, {4, 900});
  FillNormal(random, problem.logits);
  SampleTokensArgs args = problem.Args();
  args.temperature = 1;
  HostContext context(2);
  ASSERT_TRUE(SampleTokens(args, context).ok());
  const size_t capacity = context.arena().capacity();
  EXPECT_GT(capacity, 0u);
  for (const SampleTokensArgs& mode : Modes(args)) {
    ASSERT_TRUE(SampleTokens(mode, context).ok());
  }
  EXPECT_EQ(context.arena().capacity(), capacity);
}

TEST_P(SampleTokensTest, NoSequencesIsNoWork) {
  NoDispatchNeeded();
  for (const int64_t size : {0, 10}) {
    const Problem problem(DType::kF32, {0, size});
    EXPECT_TRUE(Sample(problem.Args()).empty());
  }
}

// Each call must fail with this message and write nothing.
void ExpectError(const Problem& problem, const SampleTokensArgs& args,
                 const std::string& message) {
  HostContext context(1);
  const absl::Status status = SampleTokens(args, context);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "sample_tokens: " + message);
  EXPECT_EQ(Validate(args), status);
  for (int64_t row = 0; row < problem.logprob.view().dim(0); ++row) {
    EXPECT_TRUE(std::isnan(Read(problem.logprob, {row})));
  }
}

class SampleTokensErrorTest : public testing::Test {
 protected:
  void Expect(const std::function<void(SampleTokensArgs&)>& change,
              const std::string& message) {
    SampleTokensArgs args = problem_.Args();
    change(args);
    ExpectError(problem_, args, message);
  }
  const Problem problem_{DType::kF32, {3, 10}};
  GuardedTensor other_{DType::kF32, {4}};
  GuardedTensor three_{DType::kF32, {3}};
};

TEST_F(SampleTokensErrorTest, Tensors) {
  Expect([](auto& args) { args.logits = {}; },
         "logits is missing, expected [B, V]");
  Expect([&](auto& args) { args.logits = three_; },
         "logits is [3], expected [B, V]");
  Expect([&](auto& args) { args.logits = problem_.tokens; },
         "logits has dtype i32, expected f32 or bf16 or f16");
  Expect([](auto& args) { args.step = {}; }, "step is missing, expected [B]");
  Expect([&](auto& args) { args.step = three_; },
         "step has dtype f32, expected i32");
  Expect([&](auto& args) { args.step = args.step.Slice(0, 0, 2); },
         "step is [2] but B = 3 (from logits [3, 10])");
  Expect([](auto& args) { args.request_id = {}; },
         "request_id is missing, expected [B]");
  Expect([&](auto& args) { args.request_id = args.step; },
         "request_id has dtype i32, expected i64");
  Expect([](auto& args) { args.request_id = args.request_id.Slice(0, 1, 1); },
         "request_id is [1] but B = 3 (from logits [3, 10])");
  Expect([](auto& args) { args.tokens = {}; },
         "tokens is missing, expected [B]");
  Expect([&](auto& args) { args.tokens = three_; },
         "tokens has dtype f32, expected i32");
  Expect([](auto& args) { args.tokens = args.tokens.Slice(0, 1, 2); },
         "tokens is [2] but B = 3 (from logits [3, 10])");
  Expect([&](auto& args) { args.logprob = args.tokens; },
         "logprob has dtype i32, expected f32");
  Expect([&](auto& args) { args.logprob = other_; },
         "logprob is [4] but B = 3 (from logits [3, 10])");
  Expect(
      [](auto& args) {
        args.logits = ConstTensor(nullptr, DType::kF32, {3, 10});
      },
      "logits is [3, 10] but its data is null");
}

TEST_F(SampleTokensErrorTest, Sizes) {
  Expect([](auto& args) { args.logits = args.logits.Slice(1, 0, 0); },
         "logits is [3, 0]: V = 0, expected >= 1");
  Expect(
      [](auto& args) {
        args.logits = ConstTensor(args.logits.data(), DType::kF32,
                                  {3, int64_t{1} << 31}, {0, 0});
      },
      "logits is [3, 2147483648]: V = 2147483648, expected below 2^31");
}

TEST_F(SampleTokensErrorTest, Attributes) {
  Expect([](auto& args) { args.temperature = -0.5f; },
         "temperature is -0.5, expected >= 0 and finite");
  Expect([](auto& args) { args.temperature = kInfinity; },
         "temperature is inf, expected >= 0 and finite");
  Expect([](auto& args) { args.temperature = kNaN; },
         "temperature is nan, expected >= 0 and finite");
  Expect([](auto& args) { args.top_k = -1; }, "top_k is -1, expected >= 0");
  Expect([](auto& args) { args.top_p = 0; }, "top_p is 0, expected in (0, 1]");
  Expect([](auto& args) { args.top_p = 1.5f; },
         "top_p is 1.5, expected in (0, 1]");
  Expect([](auto& args) { args.top_p = kNaN; },
         "top_p is nan, expected in (0, 1]");
  Expect([](auto& args) { args.min_p = -0.25f; },
         "min_p is -0.25, expected in [0, 1)");
  Expect([](auto& args) { args.min_p = 1; }, "min_p is 1, expected in [0, 1)");
  *problem_.step.view().At<int32_t>(1) = -3;
  Expect([](auto&) {}, "step[1] is -3, expected >= 0");
}

TEST_F(SampleTokensErrorTest, Aliasing) {
  const auto over = [](const ConstTensor& tensor, DType dtype) {
    return Tensor(const_cast<void*>(tensor.data()), dtype, {3});
  };
  const auto tokens_over = [&](const ConstTensor& tensor) {
    return [&](auto& args) { args.tokens = over(tensor, DType::kI32); };
  };
  const auto logprob_over = [&](const ConstTensor& tensor) {
    return [&](auto& args) { args.logprob = over(tensor, DType::kF32); };
  };
  Expect(tokens_over(problem_.logits), "tokens overlaps logits");
  Expect(tokens_over(problem_.step), "tokens overlaps step");
  Expect(tokens_over(problem_.request_id), "tokens overlaps request_id");
  Expect(logprob_over(problem_.logits), "logprob overlaps logits");
  Expect(logprob_over(problem_.step), "logprob overlaps step");
  Expect(logprob_over(problem_.request_id), "logprob overlaps request_id");
  Expect(logprob_over(problem_.tokens), "logprob overlaps tokens");
}

}  // namespace
}  // namespace tilework
