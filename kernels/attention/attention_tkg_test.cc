// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_tkg.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_cte.h"
#include "tilework/kernels/attention/attention_testing.h"
#include "tilework/kernels/attention/attention_tkg_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

enum class Active { kInCache, kTail, kAppend };

struct Case {
  DType dtype = DType::kF32;
  int64_t kv_heads = 1, group = 1;
  int64_t active = 1;
  int64_t d = 8, dv = 8;
  std::vector<int64_t> lengths = {3};  // cached tokens of each sequence
  Active placement = Active::kInCache;
  int64_t spare_slots = 0;    // considered, but not used by the longest
  int64_t unused_slots = 0;   // beyond curr_sprior
  int64_t spare_batches = 0;  // of the cache
  bool f32_out = false;
  Layout layout = Layout::kContiguous;

  int64_t batch() const { return static_cast<int64_t>(lengths.size()); }
  int64_t slots() const {
    int64_t longest = 0;
    for (int64_t length : lengths) longest = std::max(longest, length);
    return longest + (placement == Active::kAppend ? 0 : active) + spare_slots;
  }
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << Name(c.dtype) << " Hkv" << c.kv_heads << " G" << c.group
             << " Sa" << c.active << " D" << c.d << " Dv" << c.dv << " lengths "
             << testing::PrintToString(c.lengths) << " placement "
             << static_cast<int>(c.placement) << " spare " << c.spare_slots
             << " unused " << c.unused_slots << " f32 out " << c.f32_out
             << " layout " << static_cast<int>(c.layout);
}

// Tensors of a case. What no query sees is NaN.
class Data {
 public:
  Data(const Case& c, uint64_t seed)
      : case_(c),
        q(c.dtype, {c.batch(), Heads(), c.active, c.d}, c.layout),
        k_active(c.dtype, {c.batch(), c.kv_heads, c.active, c.d}, c.layout),
        v_active(c.dtype, {c.batch(), c.kv_heads, c.active, c.dv}, c.layout),
        k_prior(c.dtype, CacheShape(c.d), c.layout),
        v_prior(c.dtype, CacheShape(c.dv), c.layout),
        cache_lens(DType::kI32, {c.batch()}),
        out(c.f32_out ? DType::kF32 : c.dtype,
            {c.batch(), Heads(), c.active, c.dv}, c.layout),
        lse(DType::kF32, {c.batch(), Heads(), c.active}, c.layout) {
    Random random(seed);
    FillNormal(random, q);
    FillNormal(random, k_active);
    FillNormal(random, v_active);
    for (int64_t b = 0; b < c.batch(); ++b) {
      const int64_t length = c.lengths[static_cast<size_t>(b)];
      cache_lens.data<int32_t>()[b] = static_cast<int32_t>(length);
      const int64_t filled =
          length + (c.placement == Active::kInCache ? c.active : 0);
      FillNormal(random, k_prior.view().Select(0, b).Slice(1, 0, filled));
      FillNormal(random, v_prior.view().Select(0, b).Slice(1, 0, filled));
    }
  }

  AttentionTkgArgs args() const {
    AttentionTkgArgs args = {
        .q = q,
        .k_prior = k_prior,
        .v_prior = v_prior,
        .cache_lens = cache_lens.view(),
        .out = out,
        .out_lse = lse,
        .scale = static_cast<float>(1 / std::sqrt(double(case_.d)))};
    if (case_.unused_slots > 0) args.curr_sprior = case_.slots();
    if (case_.placement != Active::kInCache) {
      args.k_active = k_active;
      args.v_active = v_active;
    }
    if (case_.placement == Active::kAppend) {
      args.active_placement = ActivePlacement::kAppend;
    }
    return args;
  }

 private:
  int64_t Heads() const { return case_.kv_heads * case_.group; }
  Dims CacheShape(int64_t width) const {
    return {case_.batch() + case_.spare_batches, case_.kv_heads,
            case_.slots() + case_.unused_slots, width};
  }

  Case case_;

 public:
  GuardedTensor q, k_active, v_active, k_prior, v_prior;
  Buffer cache_lens;
  GuardedTensor out, lse;
};

class AttentionTkgTest : public SimdTargetTest {
 protected:
  void Check(const Case& c, uint64_t seed) {
    SCOPED_TRACE(testing::Message() << c << ", seed " << seed);
    const Data data(c, seed);
    ASSERT_EQ(AttentionTkg(data.args(), context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(AttentionTkgExpected(data.args())));
    EXPECT_TRUE(data.out.Intact());
    EXPECT_TRUE(data.lse.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(AttentionTkgTest);

TEST_P(AttentionTkgTest, MatchesTheOracleOnGeneratedCases) {
  const uint64_t seed =
      static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  Random random(seed);
  const DType dtypes[] = {DType::kF32, DType::kBF16, DType::kF16};
  for (int i = 0; i < 60; ++i) {
    Case c;
    c.dtype = dtypes[i % 3];
    c.kv_heads = random.Integer(1, 3);
    c.group = random.Integer(1, 5);
    c.active = random.Integer(1, 4);
    c.d = random.Integer(1, 40);
    c.dv = random.Integer(1, 40);
    c.lengths.resize(static_cast<size_t>(random.Integer(1, 3)));
    for (int64_t& length : c.lengths) length = random.Integer(0, 40);
    c.placement = static_cast<Active>(random.Integer(0, 2));
    c.spare_slots = random.Integer(0, 5);
    c.unused_slots = random.Integer(0, 5);
    c.spare_batches = random.Integer(0, 1);
    c.f32_out = random.Integer(0, 3) == 0;
    c.layout = kAllLayouts[random.Integer(0, 3)];
    if (c.slots() + c.unused_slots == 0) c.unused_slots = 1;
    if (c.slots() == 0) c.spare_slots = 1;
    Check(c, random.Bits());
  }
}

TEST_P(AttentionTkgTest, MatchesTheOracleAtTheEdgesOfSplits) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (int64_t length : {127, 254, 255, 256, 257, 511, 700}) {
      for (Active placement : {Active::kInCache, Active::kTail}) {
        Check({.dtype = dtype,
               .group = 2,
               .active = 2,
               .d = 12,
               .dv = 20,
               .lengths = {length, 0, 300},
               .placement = placement,
               .spare_slots = 30},
              static_cast<uint64_t>(length));
      }
    }
  }
}

TEST_P(AttentionTkgTest, MatchesTheOracleForTunedShapes) {
  for (int64_t d : {64, 96, 128}) {
    Check({.dtype = DType::kBF16,
           .kv_heads = 3,
           .group = 3,
           .d = d,
           .dv = d,
           .lengths = {290}},
          static_cast<uint64_t>(d));
  }
}

TEST_P(AttentionTkgTest, ManyActiveTokensMatchTheOracle) {
  Check({.dtype = DType::kBF16,
         .group = 4,
         .active = 60,
         .lengths = {230},
         .placement = Active::kAppend},
        1);
}

TEST_P(AttentionTkgTest, EmptyCacheWithAppendedTokens) {
  Case c = {.active = 3, .lengths = {0, 0}, .placement = Active::kAppend};
  ASSERT_EQ(c.slots(), 0);
  Check(c, 1);
}

TEST_P(AttentionTkgTest, LastRowOfAPromptIsADecodingStep) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (int64_t n : {1, 40, 260}) {
      const int64_t heads = 4, kv_heads = 2, d = 24;
      Random random(static_cast<uint64_t>(n));
      GuardedTensor q(dtype, {1, heads, n + 1, d});
      GuardedTensor k(dtype, {1, kv_heads, n + 1, d});
      GuardedTensor v(dtype, {1, kv_heads, n + 1, d});
      for (const Tensor& t : {q.view(), k.view(), v.view()}) {
        FillNormal(random, t);
      }
      GuardedTensor prompt_out(dtype, {1, heads, n + 1, d});
      GuardedTensor prompt_lse(DType::kF32, {1, heads, n + 1});
      const float scale = 0.2f;
      ASSERT_EQ(AttentionCte({.q = q,
                              .k = k,
                              .v = v,
                              .out = prompt_out,
                              .out_lse = prompt_lse,
                              .scale = scale},
                             context_),
                absl::OkStatus());
      GuardedTensor out(dtype, {1, heads, 1, d});
      GuardedTensor lse(DType::kF32, {1, heads, 1});
      Buffer length(DType::kI32, {1});
      length.data<int32_t>()[0] = static_cast<int32_t>(n);
      const AttentionTkgArgs args = {.q = q.view().Slice(2, n, 1),
                                     .k_prior = k,
                                     .v_prior = v,
                                     .cache_lens = length.view(),
                                     .out = out,
                                     .out_lse = lse,
                                     .scale = scale};
      ASSERT_EQ(AttentionTkg(args, context_), absl::OkStatus());
      // Each is within the bound, so they are within twice of each other.
      AttentionReference reference = AttentionTkgOracle(args);
      reference.out = ToDoubles(prompt_out.view().Slice(2, n, 1));
      reference.lse = ToDoubles(prompt_lse.view().Slice(2, n, 1));
      EXPECT_TRUE(Agrees(WithBounds(reference, out, lse, dtype, 2.0))) << n;
    }
  }
}

TEST_P(AttentionTkgTest, PlacementsHaveTheSameBits) {
  const Case in_cache = {
      .dtype = DType::kBF16, .group = 3, .active = 2, .lengths = {300}};
  Data expected(in_cache, 1);
  ASSERT_EQ(AttentionTkg(expected.args(), context_), absl::OkStatus());
  for (Active placement : {Active::kTail, Active::kAppend}) {
    Case c = in_cache;
    c.placement = placement;
    const Data data(c, 1);
    const auto copy = [](const GuardedTensor& from, int64_t start,
                         int64_t length, const Tensor& to) {
      Copy(from.view().Slice(2, start, length), to);
    };
    Copy(expected.q, data.q);
    copy(expected.k_prior, 0, 300, data.k_prior.view().Slice(2, 0, 300));
    copy(expected.v_prior, 0, 300, data.v_prior.view().Slice(2, 0, 300));
    copy(expected.k_prior, 300, 2, data.k_active);
    copy(expected.v_prior, 300, 2, data.v_active);
    ASSERT_EQ(AttentionTkg(data.args(), context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(data.out, expected.out));
    EXPECT_TRUE(SameBits(data.lse, expected.lse));
  }
}

TEST_P(AttentionTkgTest, NonFiniteScoresFollowTheDefinition) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (double value : {kNaN, kInf}) {
      for (int64_t key : {0, 130, 300}) {
        const Data data({.dtype = dtype, .d = 1, .lengths = {300, 300}}, 3);
        for (int64_t b = 0; b < 2; ++b) Write(data.q, {b, 0, 0, 0}, 1.0);
        Write(data.k_prior, {0, 0, key, 0}, value);
        ASSERT_EQ(AttentionTkg(data.args(), context_), absl::OkStatus());
        EXPECT_THAT(ToDoubles(data.out.view().Select(0, 0)),
                    testing::Each(testing::IsNan()));
        EXPECT_TRUE(std::isnan(Read(data.lse, {0, 0, 0})));
        // The other sequence does not notice.
        EXPECT_THAT(ToDoubles(data.out.view().Select(0, 1)),
                    testing::Each(testing::Not(testing::IsNan())));
      }
    }
  }
}

TEST_P(AttentionTkgTest, ScoresOfMinusInfinityHaveNoWeight) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    const Data data({.dtype = dtype, .d = 1, .lengths = {300, 300}}, 3);
    for (int64_t b = 0; b < 2; ++b) Write(data.q, {b, 0, 0, 0}, 1.0);
    // Sequence 0: a whole split and more; sequence 1: everything.
    for (int64_t key = 0; key <= 300; ++key) {
      if (key < 270) Write(data.k_prior, {0, 0, key, 0}, -kInf);
      Write(data.k_prior, {1, 0, key, 0}, -kInf);
    }
    ASSERT_EQ(AttentionTkg(data.args(), context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(AttentionTkgExpected(data.args())));
    EXPECT_THAT(ToDoubles(data.out.view().Select(0, 1)), testing::Each(0.0));
    EXPECT_EQ(Read(data.lse, {1, 0, 0}), -kInf);
  }
}

TEST_P(AttentionTkgTest, ThreadsDoNotChangeBits) {
  const Case c = {.dtype = DType::kBF16,
                  .kv_heads = 2,
                  .group = 3,
                  .active = 2,
                  .d = 16,
                  .dv = 16,
                  .lengths = {700, 20, 400}};
  const Data expected(c, 5);
  HostContext one(1);
  ASSERT_EQ(AttentionTkg(expected.args(), one), absl::OkStatus());
  for (int threads : {2, 3}) {
    const Data data(c, 5);
    HostContext context(threads);
    ASSERT_EQ(AttentionTkg(data.args(), context), absl::OkStatus());
    EXPECT_TRUE(SameBits(data.out, expected.out));
    EXPECT_TRUE(SameBits(data.lse, expected.lse));
  }
}

TEST_P(AttentionTkgTest, RowsHaveTheSameBitsAlone) {
  for (DType dtype : {DType::kF32, DType::kBF16}) {
    const Case c = {.dtype = dtype,
                    .kv_heads = 2,
                    .group = 4,
                    .d = 16,
                    .dv = 20,
                    .lengths = {600, 0, 255, 256}};
    const Data all(c, 6);
    ASSERT_EQ(AttentionTkg(all.args(), context_), absl::OkStatus());
    for (int64_t b = 0; b < c.batch(); ++b) {
      for (int64_t h = 0; h < c.kv_heads * c.group; ++h) {
        GuardedTensor out(dtype, {1, 1, 1, c.dv});
        GuardedTensor lse(DType::kF32, {1, 1, 1});
        const auto one = [&](const ConstTensor& t, int64_t head) {
          return t.Slice(0, b, 1).Slice(1, head, 1);
        };
        AttentionTkgArgs args = all.args();
        args.q = one(all.q, h);
        args.k_prior = one(all.k_prior, h / c.group);
        args.v_prior = one(all.v_prior, h / c.group);
        args.cache_lens = args.cache_lens.Slice(0, b, 1);
        args.out = out;
        args.out_lse = lse;
        ASSERT_EQ(AttentionTkg(args, context_), absl::OkStatus());
        EXPECT_TRUE(SameBits(out, one(all.out, h)));
        EXPECT_TRUE(SameBits(lse, one(all.lse, h)));
      }
    }
  }
}

TEST_P(AttentionTkgTest, WavesOfPartialResultsDoNotChangeBits) {
  // 96 rows, two splits and a width of 576 make nine blocks a wave.
  const Case c = {.kv_heads = 11,
                  .active = 96,
                  .d = 1,
                  .dv = 576,
                  .lengths = {200},
                  .placement = Active::kInCache};
  const Data all(c, 7);
  ASSERT_EQ(AttentionTkg(all.args(), context_), absl::OkStatus());
  for (int64_t h : {0, 8, 9, 10}) {
    GuardedTensor out(c.dtype, {1, 1, 96, c.dv});
    AttentionTkgArgs args = all.args();
    for (ConstTensor* t : {&args.q, &args.k_prior, &args.v_prior}) {
      *t = t->Slice(1, h, 1);
    }
    args.out = out;
    args.out_lse = {};
    ASSERT_EQ(AttentionTkg(args, context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(out, all.out.view().Slice(1, h, 1))) << h;
  }
}

TEST_P(AttentionTkgTest, ThreeDimensionsAreOneBatch) {
  const Case c = {.kv_heads = 2, .group = 2, .placement = Active::kTail};
  const Data data(c, 10);
  const Data folded(c, 10);
  ASSERT_EQ(AttentionTkg(data.args(), context_), absl::OkStatus());
  AttentionTkgArgs args = folded.args();
  for (ConstTensor* t : {&args.q, &args.k_active, &args.v_active, &args.k_prior,
                         &args.v_prior}) {
    *t = t->Select(0, 0);
  }
  args.out = args.out.Select(0, 0);
  args.out_lse = args.out_lse.Select(0, 0);
  ASSERT_EQ(AttentionTkg(args, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(folded.out, data.out));
  EXPECT_TRUE(SameBits(folded.lse, data.lse));
}

TEST_P(AttentionTkgTest, ZeroSizesAreNoWork) {
  NoDispatchNeeded();
  Case batch, heads, active;
  batch.lengths = {};
  heads.kv_heads = 0;
  active.active = 0;
  for (const Case& c : {batch, heads, active}) {
    const Data data(c, 1);
    EXPECT_EQ(AttentionTkg(data.args(), context_), absl::OkStatus()) << c;
  }
}

TEST_P(AttentionTkgTest, SteadyStateAllocatesNothing) {
  const Data data({.kv_heads = 3, .group = 3, .lengths = {600}}, 1);
  ASSERT_EQ(AttentionTkg(data.args(), context_), absl::OkStatus());
  const size_t capacity = context_.arena().capacity();
  ASSERT_EQ(AttentionTkg(data.args(), context_), absl::OkStatus());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

class AttentionTkgErrorTest : public testing::Test {
 protected:
  void Expect(const AttentionTkgArgs& args, std::string_view message) {
    HostContext context(1);
    const absl::Status status = AttentionTkg(args, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), absl::StrCat("attention_tkg: ", message));
    // Nothing is written.
    for (double x : ToDoubles(data_.out)) EXPECT_TRUE(std::isnan(x));
  }

  const Data data_{{.kv_heads = 2,
                    .group = 3,
                    .active = 2,
                    .lengths = {3, 4},
                    .placement = Active::kTail,
                    .spare_slots = 1},
                   1};
  AttentionTkgArgs args_ = data_.args();
};

TEST_F(AttentionTkgErrorTest, MissingTensors) {
  AttentionTkgArgs args = args_;
  args.k_prior = {};
  Expect(args,
         "k_prior is missing, expected [Bc, Hkv, Scap, D] or [Hkv, Scap, D]");
  args = args_;
  args.cache_lens = {};
  Expect(args, "cache_lens is missing, expected [B]");
  args = args_;
  args.out = {};
  Expect(args, "out is missing, expected [B, Hq, Sa, Dv] or [Hq, Sa, Dv]");
  args = args_;
  args.v_active = {};
  Expect(args,
         "v_active is missing, expected [B, Hkv, Sa, Dv] or [Hkv, Sa, Dv]");
  args = args_;
  args.k_active = {};
  Expect(args, "v_active is given but k_active is not given");
}

TEST_F(AttentionTkgErrorTest, Shapes) {
  AttentionTkgArgs args = args_;
  args.k_active = args.k_active.Slice(2, 0, 1);
  Expect(args, "k_active is [2, 2, 1, 8] but Sa = 2 (from q [2, 6, 2, 8])");
  args = args_;
  args.v_prior = args.v_prior.Slice(2, 0, 6);
  Expect(args,
         "v_prior is [2, 2, 6, 8] but Scap = 7 (from k_prior [2, 2, 7, 8])");
  args = args_;
  args.k_prior = args.k_prior.Slice(0, 0, 1);
  args.v_prior = args.v_prior.Slice(0, 0, 1);
  Expect(args,
         "Bc = 1 (from k_prior [1, 2, 7, 8]) is less than B = 2 (from q [2, 6, "
         "2, 8])");
  args = args_;
  args.q = args.q.Slice(1, 0, 5);
  args.out = args.out.Slice(1, 0, 5);
  args.out_lse = args.out_lse.Slice(1, 0, 5);
  Expect(args,
         "Hq = 5 (from q [2, 5, 2, 8]) is not a multiple of Hkv = 2 (from "
         "k_prior [2, 2, 7, 8])");
  const Data wide({.d = 577}, 1);
  Expect(wide.args(), "q is [1, 1, 1, 577]: D = 577, expected 1..576");
  const Data wide_values({.dv = 577}, 1);
  Expect(wide_values.args(),
         "v_prior is [1, 1, 4, 577]: Dv = 577, expected 1..576");
}

TEST_F(AttentionTkgErrorTest, Types) {
  AttentionTkgArgs args = args_;
  Buffer bf16 = Buffer::Zeros(DType::kBF16, {2, 2, 7, 8});
  args.v_prior = bf16.view();
  Expect(args, "v_prior has dtype bf16, expected f32");
  args = args_;
  args.k_active = bf16.view().Slice(2, 0, 2);
  Expect(args, "k_active has dtype bf16, expected f32");
  args = args_;
  args.scale = std::numeric_limits<float>::quiet_NaN();
  Expect(args, "scale is NaN");
}

TEST_F(AttentionTkgErrorTest, Lengths) {
  AttentionTkgArgs args = args_;
  Buffer lengths = Buffer::Zeros(DType::kI32, {2});
  args.cache_lens = lengths.view();
  const auto expect = [&](int32_t length, std::string_view range) {
    lengths.data<int32_t>()[1] = length;
    Expect(args,
           absl::StrCat("cache_lens[1] is ", length, ", expected ", range));
  };
  expect(-1, "0..5");
  expect(6, "0..5");
  args.curr_sprior = 4;
  expect(3, "0..2");
  args.active_placement = ActivePlacement::kAppend;
  expect(5, "0..4");
  args.k_active = {};
  args.v_active = {};
  expect(3, "0..2");
}

TEST_F(AttentionTkgErrorTest, Slots) {
  AttentionTkgArgs args = args_;
  for (int64_t slots : {-2, 0, 8}) {
    args.curr_sprior = slots;
    Expect(args, absl::StrCat("curr_sprior is ", slots, ", expected 1..7"));
  }
  args.curr_sprior = 1;
  Expect(args, "Sa = 2 exceeds curr_sprior = 1");
}

TEST_F(AttentionTkgErrorTest, Overlaps) {
  AttentionTkgArgs args = args_;
  args.out = data_.q;
  EXPECT_THAT(Validate(args).message(), testing::HasSubstr("out overlaps q"));
  args = args_;
  args.out_lse = data_.out.view().Select(3, 0);
  EXPECT_THAT(Validate(args).message(),
              testing::HasSubstr("out_lse overlaps out"));
}

}  // namespace
}  // namespace tilework
