// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_hf.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_hf_oracle.h"
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
  int64_t batch = 2;
  int64_t q_heads = 4;
  int64_t kv_heads = 2;
  int64_t tokens = 5;
  int64_t d = 16;
  DType dtype = kF32;
  DType table_dtype = kF32;
  // Of the tables: 0 for tables of rank 2.
  int64_t table_batch = 0;
  bool per_member = true;  // W = R
  bool cached = false;     // rope_cache
  Dims position_shape;     // none by default
  bool backward = false;
  bool contiguous = true;
  std::optional<int64_t> rotary_dim;
  int64_t rotary_offset = 0;
  Layout layout = Layout::kContiguous;
};

// The tensors of one call, filled.
class Problem {
 public:
  explicit Problem(const Config& config)
      : config_(config),
        q_(config.dtype, Shape(config.q_heads), config.layout),
        k_(config.dtype, Shape(config.kv_heads), config.layout),
        q_out_(config.dtype, Shape(config.q_heads), config.layout),
        k_out_(config.dtype, Shape(config.kv_heads), config.layout),
        cos_(config.table_dtype, TableShape(1), config.layout),
        sin_(config.table_dtype, TableShape(1), config.layout),
        cache_(config.table_dtype, TableShape(2), config.layout),
        positions_(DType::kI64, config.position_shape, config.layout) {
    Random random(1);
    FillNormal(random, q_);
    FillNormal(random, k_);
    FillUniform(random, cos_, -1, 1);
    FillUniform(random, sin_, -1, 1);
    FillUniform(random, cache_, -1, 1);
    ForEachIndex(config.position_shape, [&](const Dims& index) {
      Write(positions_, index,
            static_cast<double>(random.Integer(0, config.tokens)));
    });
  }

  RopeHfArgs args() const {
    RopeHfArgs args = {.q = q_,
                       .k = k_,
                       .q_out = q_out_,
                       .k_out = k_out_,
                       .backward = config_.backward,
                       .contiguous_layout = config_.contiguous,
                       .rotary_dim = config_.rotary_dim,
                       .rotary_offset = config_.rotary_offset};
    if (config_.cached) {
      args.rope_cache = cache_;
    } else {
      args.cos = cos_;
      args.sin = sin_;
    }
    if (config_.position_shape.size() > 0) args.positions = positions_;
    return args;
  }
  bool Intact() const {
    return q_.Intact() && k_.Intact() && q_out_.Intact() && k_out_.Intact() &&
           cos_.Intact() && sin_.Intact() && cache_.Intact() &&
           positions_.Intact();
  }

 private:
  Dims Shape(int64_t heads) const {
    return {config_.batch, heads, config_.tokens, config_.d};
  }
  Dims TableShape(int64_t parts) const {
    const int64_t r = config_.rotary_dim.value_or(config_.d);
    const int64_t columns = parts * (config_.per_member ? r : r / 2);
    // One row more than there are tokens.
    const int64_t rows = config_.tokens + 1;
    if (config_.table_batch == 0) return {rows, columns};
    return {config_.table_batch, rows, columns};
  }

  Config config_;
  GuardedTensor q_, k_, q_out_, k_out_, cos_, sin_, cache_, positions_;
};

class RopeHfTest : public SimdTargetTest {
 protected:
  void ExpectMatchesTheOracle(const Config& config) {
    const Problem problem(config);
    const RopeHfArgs args = problem.args();
    SCOPED_TRACE(ToString(args.q) + ", cos " + ToString(args.cos) +
                 ", rope_cache " + ToString(args.rope_cache) + ", positions " +
                 ToString(args.positions));
    const std::vector<ExpectedTensor> expected = RopeHfExpected(args);
    ASSERT_EQ(RopeHf(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(expected));
    EXPECT_TRUE(problem.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(RopeHfTest);

TEST_P(RopeHfTest, EveryTypeAndLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kTypes) {
      for (const bool backward : {false, true}) {
        for (const bool contiguous : {true, false}) {
          ExpectMatchesTheOracle({.dtype = dtype,
                                  .table_dtype = dtype,
                                  .cached = contiguous,
                                  .backward = backward,
                                  .contiguous = contiguous,
                                  .layout = layout});
        }
      }
    }
  }
}

TEST_P(RopeHfTest, EveryFormOfTables) {
  for (const bool cached : {false, true}) {
    for (const bool per_member : {false, true}) {
      for (const int64_t table_batch : {0, 1, 2}) {
        for (const Dims& positions :
             {Dims(), Dims({2, 5}), Dims({1, 5}), Dims({5})}) {
          ExpectMatchesTheOracle({.table_dtype = kBF16,
                                  .table_batch = table_batch,
                                  .per_member = per_member,
                                  .cached = cached,
                                  .position_shape = positions});
        }
      }
    }
  }
}

TEST_P(RopeHfTest, OddSizesAndPartsOfTheHead) {
  for (const int64_t tokens : {15, 17, 51, 77}) {
    ExpectMatchesTheOracle({.q_heads = 3,
                            .kv_heads = 1,
                            .tokens = tokens,
                            .d = 10,
                            .dtype = kF16,
                            .cached = true,
                            .rotary_dim = 6,
                            .rotary_offset = 3});
  }
}

TEST_P(RopeHfTest, IsTwoCallsOfRope) {
  for (const bool cached : {false, true}) {
    for (const Dims& positions : {Dims(), Dims({2, 5})}) {
      const Problem problem({.d = 70,
                             .dtype = kBF16,
                             .cached = cached,
                             .position_shape = positions});
      const RopeHfArgs args = problem.args();
      ASSERT_EQ(RopeHf(args, context_), absl::OkStatus());
      const GuardedTensor q_out(kBF16, args.q.shape());
      const GuardedTensor k_out(kBF16, args.k.shape());
      ASSERT_EQ(Rope(RopeArgsOf(args, args.q, q_out), context_),
                absl::OkStatus());
      ASSERT_EQ(Rope(RopeArgsOf(args, args.k, k_out), context_),
                absl::OkStatus());
      EXPECT_TRUE(SameBits(args.q_out, q_out));
      EXPECT_TRUE(SameBits(args.k_out, k_out));
    }
  }
}

TEST_P(RopeHfTest, BackwardReturnsTheInput) {
  const GuardedTensor cos(kF32, {6, 16});
  const GuardedTensor sin(kF32, {6, 16});
  ASSERT_EQ(
      RopeTables({.cos = cos, .sin = sin, .rotary_dim = 16, .duplicate = true},
                 context_),
      absl::OkStatus());
  const Problem problem({});
  RopeHfArgs args = problem.args();
  args.cos = cos;
  args.sin = sin;
  ASSERT_EQ(RopeHf(args, context_), absl::OkStatus());
  args.q = args.q_out;
  args.k = args.k_out;
  args.backward = true;
  ASSERT_EQ(RopeHf(args, context_), absl::OkStatus());
  const std::vector<double> q = ToDoubles(problem.args().q);
  const std::vector<double> k = ToDoubles(problem.args().k);
  EXPECT_TRUE(Within(args.q_out, q, std::vector<double>(q.size(), 2e-6)));
  EXPECT_TRUE(Within(args.k_out, k, std::vector<double>(k.size(), 2e-6)));
}

// In place in the rows of one projection, [B, S, (Hq + 2 Hkv) * D].
TEST_P(RopeHfTest, InPlaceInAFusedProjection) {
  const Problem problem({});
  const RopeHfArgs apart = problem.args();
  ASSERT_EQ(RopeHf(apart, context_), absl::OkStatus());
  const GuardedTensor fused(kF32, {2, 5, 4 + 2 * 2, 16});
  const auto heads = [&](int64_t begin, int64_t count) {
    return fused.view().Slice(2, begin, count).Permute({0, 2, 1, 3});
  };
  RopeHfArgs args = apart;
  args.q_out = heads(0, 4);
  args.k_out = heads(4, 2);
  args.q = args.q_out;
  args.k = args.k_out;
  Copy(apart.q, args.q_out);
  Copy(apart.k, args.k_out);
  ASSERT_EQ(RopeHf(args, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(args.q_out, apart.q_out));
  EXPECT_TRUE(SameBits(args.k_out, apart.k_out));
  for (const double value : ToDoubles(heads(6, 2))) {
    EXPECT_TRUE(std::isnan(value)) << "the values' heads were written";
  }
  // One head too many.
  args.q = args.q_out = heads(1, 4);
  EXPECT_EQ(RopeHf(args, context_).message(), "rope_hf: q_out overlaps k");
}

TEST_P(RopeHfTest, NothingToDo) {
  HostContext& context = context_;
  EXPECT_EQ(RopeHf(Problem({.batch = 0}).args(), context), absl::OkStatus());
  EXPECT_EQ(RopeHf(Problem({.tokens = 0}).args(), context), absl::OkStatus());
  EXPECT_EQ(RopeHf(Problem({.q_heads = 0, .kv_heads = 0}).args(), context),
            absl::OkStatus());
  ExpectMatchesTheOracle({.q_heads = 0});
  ExpectMatchesTheOracle({.kv_heads = 0});
}

TEST_P(RopeHfTest, AnyNumberOfThreadsAndNoNewScratch) {
  // Several tasks of each.
  const Config config = {.q_heads = 7, .kv_heads = 5, .tokens = 130, .d = 66};
  std::vector<Problem> problems;
  for (const int threads : {1, 2, 3}) {
    problems.emplace_back(config);
    const RopeHfArgs args = problems.back().args();
    HostContext context(threads);
    ASSERT_EQ(RopeHf(args, context), absl::OkStatus());
    const size_t capacity = context.arena().capacity();
    ASSERT_EQ(RopeHf(args, context), absl::OkStatus());
    EXPECT_EQ(context.arena().capacity(), capacity);
    EXPECT_TRUE(SameBits(args.q_out, problems[0].args().q_out));
    EXPECT_TRUE(SameBits(args.k_out, problems[0].args().k_out));
  }
}

// Arguments without a fault, to be given one.
class RopeHfErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = RopeHf(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("rope_hf: " + message));
    EXPECT_EQ(Validate(args_), status);
    for (const Tensor& out : {problem_.args().q_out, problem_.args().k_out}) {
      for (const double value : ToDoubles(out)) {
        EXPECT_TRUE(std::isnan(value)) << "written before the error";
      }
    }
  }
  // With one tensor or attribute changed.
  template <typename Value, typename Member>
  void ExpectError(Member RopeHfArgs::*member, const Value& value,
                   const std::string& message) {
    const RopeHfArgs good = args_;
    args_.*member = value;
    ExpectError(message);
    args_ = good;
  }

  Problem problem_{{}};  // q [2, 4, 5, 16], tables [6, 16]
  RopeHfArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(RopeHfErrorTest, NoFault) {
  EXPECT_EQ(RopeHf(args_, context_), absl::OkStatus());
}

TEST_F(RopeHfErrorTest, QueriesAndKeys) {
  ExpectError(&RopeHfArgs::q, ConstTensor(),
              "q is missing, expected [B, Hq, S, D]");
  ExpectError(&RopeHfArgs::k, ConstTensor(),
              "k is missing, expected [B, Hkv, S, D]");
  ExpectError(&RopeHfArgs::q, GuardedTensor(kF32, {4, 5, 16}),
              "q is [4, 5, 16], expected [B, Hq, S, D]");
  ExpectError(&RopeHfArgs::q, GuardedTensor(DType::kI32, {2, 4, 5, 16}),
              "q has dtype i32, expected f32 or bf16 or f16");
  ExpectError(&RopeHfArgs::k, GuardedTensor(kBF16, {2, 2, 5, 16}),
              "k has dtype bf16, expected f32");
  ExpectError(&RopeHfArgs::k, GuardedTensor(kF32, {1, 2, 5, 16}),
              "k is [1, 2, 5, 16] but B = 2 (from q [2, 4, 5, 16])");
  ExpectError(&RopeHfArgs::k, GuardedTensor(kF32, {2, 2, 4, 16}),
              "k is [2, 2, 4, 16] but S = 5");
  ExpectError(&RopeHfArgs::k, GuardedTensor(kF32, {2, 2, 5, 8}),
              "k is [2, 2, 5, 8] but D = 16");
  ExpectError(&RopeHfArgs::q_out, GuardedTensor(kF32, {2, 3, 5, 16}),
              "q_out is [2, 3, 5, 16] but Hq = 4");
  ExpectError(&RopeHfArgs::k_out, GuardedTensor(kF32, {2, 3, 5, 16}),
              "k_out is [2, 3, 5, 16] but Hkv = 2");
  ExpectError(&RopeHfArgs::q_out, GuardedTensor(kF16, {2, 4, 5, 16}),
              "q_out has dtype f16, expected f32");
}

TEST_F(RopeHfErrorTest, RotatedRange) {
  for (const int64_t r : {0, 3, 18, -2}) {
    ExpectError(&RopeHfArgs::rotary_dim, r,
                "rotary_dim is " + std::to_string(r) +
                    ", expected an even number in 2..16");
  }
  ExpectError(&RopeHfArgs::rotary_offset, 1, "rotary_offset is 1, expected 0");
}

TEST_F(RopeHfErrorTest, Tables) {
  ExpectError(&RopeHfArgs::sin, ConstTensor(), "sin is missing");
  ExpectError(&RopeHfArgs::cos, ConstTensor(), "cos is missing");
  ExpectError(&RopeHfArgs::cos, GuardedTensor(kF32, {1, 6, 16}),
              "cos is [1, 6, 16] but sin is [6, 16]");
  ExpectError(&RopeHfArgs::cos, GuardedTensor(kF32, {3, 6, 16}),
              "cos is [3, 6, 16] but B = 2");
  ExpectError(&RopeHfArgs::rotary_dim, 8,
              "cos is [6, 16]: W = 16, expected 4 or 8");
  const GuardedTensor cache(kF32, {6, 32});
  ExpectError(&RopeHfArgs::rope_cache, cache,
              "cos is given but rope_cache is given");
  args_.cos = {};
  ExpectError(&RopeHfArgs::rope_cache, cache,
              "sin is given but rope_cache is given");
  args_.sin = {};
  ExpectError("cos and sin are missing, and so is rope_cache");
  args_.rope_cache = cache;
  EXPECT_EQ(Validate(args_), absl::OkStatus());
  ExpectError(&RopeHfArgs::rope_cache, GuardedTensor(kF32, {6, 24}),
              "rope_cache is [6, 24]: 2W = 24, expected 16 or 32");
  ExpectError(&RopeHfArgs::rope_cache, GuardedTensor(kF32, {3, 6, 32}),
              "rope_cache is [3, 6, 32] but B = 2");
  ExpectError(&RopeHfArgs::rope_cache, GuardedTensor(kF32, {4, 32}),
              "rope_cache is [4, 32]: 4 positions, but S = 5 (from q [2, 4, 5, "
              "16])");
}

TEST_F(RopeHfErrorTest, Positions) {
  const GuardedTensor positions(DType::kI32, {2, 5});
  for (int64_t i = 0; i < 10; ++i) Write(positions, {i / 5, i % 5}, 5);
  args_.positions = positions;
  EXPECT_EQ(Validate(args_), absl::OkStatus());
  for (const int64_t bad : {-1, 6}) {
    Write(positions, {1, 4}, static_cast<double>(bad));
    ExpectError("positions[1, 4] is " + std::to_string(bad) +
                ", expected 0..5");
  }
  ExpectError(&RopeHfArgs::positions, GuardedTensor(DType::kI32, {4}),
              "positions is [4] but S = 5");
  ExpectError(&RopeHfArgs::positions, GuardedTensor(kF32, {5}),
              "positions has dtype f32, expected i32 or i64");
  // Fewer rows than tokens will do.
  Write(positions, {1, 4}, 0);
  const GuardedTensor cache(kF32, {1, 16});
  args_.cos = args_.sin = {};
  args_.rope_cache = cache;
  ExpectError("positions[0, 0] is 5, expected 0");
  for (int64_t i = 0; i < 10; ++i) Write(positions, {i / 5, i % 5}, 0);
  EXPECT_EQ(Validate(args_), absl::OkStatus());
}

TEST_F(RopeHfErrorTest, Aliasing) {
  const GuardedTensor memory(kF32, {3, 4, 5, 16});
  args_.q = memory.view().Slice(0, 0, 2);
  args_.q_out = memory.view().Slice(0, 1, 2);
  ExpectError("q_out overlaps q without being the same view");
  args_ = problem_.args();
  args_.k = memory.view().Slice(0, 0, 2).Slice(1, 0, 2);
  args_.k_out = memory.view().Slice(0, 1, 2).Slice(1, 0, 2);
  ExpectError("k_out overlaps k without being the same view");
  args_ = problem_.args();
  args_.k = memory.view().Slice(0, 0, 2).Slice(1, 0, 2);
  args_.q_out = memory.view().Slice(0, 0, 2);
  ExpectError("q_out overlaps k");
  args_ = problem_.args();
  args_.q = memory.view().Slice(0, 0, 2);
  args_.k_out = memory.view().Slice(0, 0, 2).Slice(1, 1, 2);
  ExpectError("k_out overlaps q");
  args_ = problem_.args();
  args_.q_out = memory.view().Slice(0, 0, 2);
  args_.k_out = memory.view().Slice(0, 0, 2).Slice(1, 1, 2);
  ExpectError("k_out overlaps q_out");
  args_ = problem_.args();
  args_.q_out = memory.view().Slice(0, 0, 2);
  const auto table = [&](int64_t columns) {
    return Tensor(memory.view().data(), kF32, {6, columns});
  };
  ExpectError(&RopeHfArgs::cos, table(16), "q_out overlaps cos");
  ExpectError(&RopeHfArgs::sin, table(16), "q_out overlaps sin");
  args_.cos = args_.sin = {};
  ExpectError(&RopeHfArgs::rope_cache, table(32), "q_out overlaps rope_cache");
  args_.q_out = problem_.args().q_out;
  args_.k_out = memory.view().Slice(0, 0, 2).Slice(1, 0, 2);
  ExpectError(&RopeHfArgs::rope_cache, table(32), "k_out overlaps rope_cache");
}

}  // namespace
}  // namespace tilework
