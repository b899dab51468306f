// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_cte.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <ostream>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/attention_cte_oracle.h"
#include "tilework/kernels/attention/attention_testing.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

struct Case {
  DType dtype = DType::kF32;
  int64_t batch = 1, kv_heads = 1, group = 1;
  int64_t queries = 1, keys = 1;
  int64_t d = 8, dv = 8;
  int64_t capacity = -1;  // of the prefix; -1: none
  bool shared_length = false;
  bool causal = true;
  bool f32_out = false;
  Layout layout = Layout::kContiguous;
};

std::ostream& operator<<(std::ostream& out, const Case& c) {
  return out << Name(c.dtype) << " B" << c.batch << " Hkv" << c.kv_heads << " G"
             << c.group << " Sq" << c.queries << " Sk" << c.keys << " D" << c.d
             << " Dv" << c.dv << " Sp" << c.capacity << " shared "
             << c.shared_length << " causal " << c.causal << " f32 out "
             << c.f32_out << " layout " << static_cast<int>(c.layout);
}

// Tensors of a case. What no query sees is NaN.
class Data {
 public:
  Data(const Case& c, uint64_t seed)
      : q(c.dtype, {c.batch, c.kv_heads * c.group, c.queries, c.d}, c.layout),
        k(c.dtype, {c.batch, c.kv_heads, c.keys, c.d}, c.layout),
        v(c.dtype, {c.batch, c.kv_heads, c.keys, c.dv}, c.layout),
        out(c.f32_out ? DType::kF32 : c.dtype,
            {c.batch, c.kv_heads * c.group, c.queries, c.dv}, c.layout),
        lse(DType::kF32, {c.batch, c.kv_heads * c.group, c.queries}, c.layout),
        causal_(c.causal),
        scale_(static_cast<float>(1.0 / std::sqrt(static_cast<double>(c.d)))) {
    Random random(seed);
    FillNormal(random, q);
    const int64_t seen = c.causal ? std::min(c.keys, c.queries) : c.keys;
    FillNormal(random, k.view().Slice(2, 0, seen));
    FillNormal(random, v.view().Slice(2, 0, seen));
    if (c.capacity < 0) return;
    k_prior.emplace(c.dtype, Dims{c.batch, c.kv_heads, c.capacity, c.d},
                    c.layout);
    v_prior.emplace(c.dtype, Dims{c.batch, c.kv_heads, c.capacity, c.dv},
                    c.layout);
    used = Buffer(DType::kI32, {c.shared_length ? 1 : c.batch});
    for (int64_t b = 0; b < c.batch; ++b) {
      const int64_t i = c.shared_length ? 0 : b;
      if (i == b) {
        used.data<int32_t>()[i] =
            static_cast<int32_t>(random.Integer(0, c.capacity));
      }
      const int64_t length = used.data<int32_t>()[i];
      FillNormal(random, k_prior->view().Select(0, b).Slice(1, 0, length));
      FillNormal(random, v_prior->view().Select(0, b).Slice(1, 0, length));
    }
  }

  AttentionCteArgs args() const {
    AttentionCteArgs args = {.q = q,
                             .k = k,
                             .v = v,
                             .prior_used_len = used.view(),
                             .out = out,
                             .out_lse = lse,
                             .scale = scale_,
                             .causal_mask = causal_};
    if (k_prior.has_value()) {
      args.k_prior = *k_prior;
      args.v_prior = *v_prior;
    }
    return args;
  }

  GuardedTensor q, k, v;
  std::optional<GuardedTensor> k_prior, v_prior;
  Buffer used;
  GuardedTensor out, lse;

 private:
  bool causal_;
  float scale_;
};

class AttentionCteTest : public SimdTargetTest {
 protected:
  void Check(const Case& c, uint64_t seed) {
    SCOPED_TRACE(testing::Message() << c << ", seed " << seed);
    const Data data(c, seed);
    ASSERT_EQ(AttentionCte(data.args(), context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(AttentionCteExpected(data.args())));
    EXPECT_TRUE(data.out.Intact());
    EXPECT_TRUE(data.lse.Intact());
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(AttentionCteTest);

TEST_P(AttentionCteTest, MatchesTheOracleOnGeneratedCases) {
  const uint64_t seed =
      static_cast<uint64_t>(testing::UnitTest::GetInstance()->random_seed());
  Random random(seed);
  const DType dtypes[] = {DType::kF32, DType::kBF16, DType::kF16};
  for (int i = 0; i < 60; ++i) {
    Case c;
    c.dtype = dtypes[i % 3];
    c.batch = random.Integer(1, 2);
    c.kv_heads = random.Integer(1, 3);
    c.group = random.Integer(1, 4);
    c.queries = random.Integer(1, 20);
    c.keys = random.Integer(0, 40);
    c.d = random.Integer(1, 40);
    c.dv = random.Integer(1, 40);
    c.capacity = random.Integer(-1, 30);
    c.shared_length = random.Integer(0, 1) == 1;
    c.causal = random.Integer(0, 1) == 1;
    c.f32_out = random.Integer(0, 3) == 0;
    c.layout = kAllLayouts[random.Integer(0, 3)];
    Check(c, random.Bits());
  }
}

TEST_P(AttentionCteTest, MatchesTheOracleAtTheEdgesOfBlocks) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    // Blocks of keys are 128, tiles of rows 6.
    for (int64_t keys : {127, 128, 129, 257}) {
      Check({.dtype = dtype,
             .group = 3,
             .queries = 5,
             .keys = keys,
             .d = 16,
             .dv = 17,
             .causal = false},
            1);
    }
    Check({.dtype = dtype,
           .queries = 131,
           .keys = 131,
           .d = 8,
           .dv = 4,
           .capacity = 130},
          2);
    // Several blocks of rows of one head.
    Check({.dtype = dtype,
           .group = 16,
           .queries = 27,
           .keys = 27,
           .d = 7,
           .dv = 33},
          3);
  }
}

TEST_P(AttentionCteTest, MatchesTheOracleAtTheEdgesOfWidths) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (int64_t d : {1, 63, 64, 65, 96, 127, 576}) {
      Check({.dtype = dtype,
             .group = 2,
             .queries = 4,
             .keys = 4,
             .d = d,
             .dv = 577 - d},
            static_cast<uint64_t>(d));
    }
  }
}

TEST_P(AttentionCteTest, EveryGroupSizeMatchesTheOracle) {
  for (int64_t group = 1; group <= 13; ++group) {
    Check({.dtype = DType::kBF16,
           .kv_heads = 2,
           .group = group,
           .queries = 3,
           .keys = 3,
           .d = 12,
           .dv = 12},
          static_cast<uint64_t>(group));
  }
}

TEST_P(AttentionCteTest, LargeScoresAndScalesMatchTheOracle) {
  for (float scale : {-0.5f, 0.0f, 2.0f}) {
    const Data data({.group = 2, .queries = 9, .keys = 9, .d = 64}, 7);
    AttentionCteArgs args = data.args();
    args.scale = scale;
    ASSERT_EQ(AttentionCte(args, context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(AttentionCteExpected(args))) << scale;
  }
}

TEST_P(AttentionCteTest, WithoutKeysRowsAreDead) {
  const Data data({.queries = 7, .keys = 0, .capacity = 4}, 1);
  AttentionCteArgs args = data.args();
  Buffer none = Buffer::Zeros(DType::kI32, {1});
  args.prior_used_len = none.view();
  ASSERT_EQ(AttentionCte(args, context_), absl::OkStatus());
  EXPECT_THAT(ToDoubles(data.out), testing::Each(0.0));
  EXPECT_THAT(ToDoubles(data.lse), testing::Each(-kInf));
}

TEST_P(AttentionCteTest, NonFiniteScoresFollowTheDefinition) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (double value : {kNaN, kInf}) {
      for (int64_t key : {0, 1, 130}) {
        const Data data({.dtype = dtype, .queries = 140, .keys = 140, .d = 1},
                        3);
        for (int64_t i = 0; i < 140; ++i) Write(data.q, {0, 0, i, 0}, 1.0);
        Write(data.k, {0, 0, key, 0}, value);
        ASSERT_EQ(AttentionCte(data.args(), context_), absl::OkStatus());
        // The rows that see the key. (Others in its block are not defined.)
        for (int64_t i = key; i < 140; ++i) {
          EXPECT_TRUE(std::isnan(Read(data.lse, {0, 0, i}))) << key << " " << i;
          for (int64_t d = 0; d < 8; ++d) {
            EXPECT_TRUE(std::isnan(Read(data.out, {0, 0, i, d})));
          }
        }
      }
    }
  }
}

TEST_P(AttentionCteTest, ScoresOfMinusInfinityHaveNoWeight) {
  for (DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    const Case c = {.dtype = dtype, .queries = 140, .keys = 140, .d = 1};
    const Data data(c, 4);
    for (int64_t i = 0; i < 140; ++i) Write(data.q, {0, 0, i, 0}, 1.0);
    for (int64_t key : {0, 1, 5, 129}) {
      Write(data.k, {0, 0, key, 0}, -kInf);
    }
    ASSERT_EQ(AttentionCte(data.args(), context_), absl::OkStatus());
    EXPECT_TRUE(Agrees(AttentionCteExpected(data.args())));
    // Rows 0 and 1 see nothing else.
    EXPECT_EQ(Read(data.out, {0, 0, 1, 3}), 0.0);
    EXPECT_EQ(Read(data.lse, {0, 0, 1}), -kInf);
  }
}

TEST_P(AttentionCteTest, ThreadsDoNotChangeBits) {
  const Case c = {.dtype = DType::kBF16,
                  .batch = 2,
                  .kv_heads = 2,
                  .group = 3,
                  .queries = 40,
                  .keys = 40,
                  .d = 16,
                  .dv = 16,
                  .capacity = 100};
  const Data expected(c, 5);
  HostContext one(1);
  ASSERT_EQ(AttentionCte(expected.args(), one), absl::OkStatus());
  for (int threads : {2, 3}) {
    const Data data(c, 5);
    HostContext context(threads);
    ASSERT_EQ(AttentionCte(data.args(), context), absl::OkStatus());
    EXPECT_TRUE(SameBits(data.out, expected.out));
    EXPECT_TRUE(SameBits(data.lse, expected.lse));
  }
}

TEST_P(AttentionCteTest, RowsHaveTheSameBitsAlone) {
  for (DType dtype : {DType::kF32, DType::kBF16}) {
    const Case c = {.dtype = dtype,
                    .batch = 2,
                    .kv_heads = 2,
                    .group = 3,
                    .queries = 30,
                    .keys = 30,
                    .d = 16,
                    .dv = 20,
                    .capacity = 120};
    const Data all(c, 6);
    ASSERT_EQ(AttentionCte(all.args(), context_), absl::OkStatus());
    // Query 29 sees all keys, so it may be alone if the mask is off.
    for (int64_t b = 0; b < c.batch; ++b) {
      for (int64_t h = 0; h < c.kv_heads * c.group; ++h) {
        GuardedTensor out(dtype, {1, 1, 1, c.dv});
        GuardedTensor lse(DType::kF32, {1, 1, 1});
        const auto one = [&](const ConstTensor& t, int64_t head) {
          return t.Slice(0, b, 1).Slice(1, head, 1);
        };
        const AttentionCteArgs args = {
            .q = one(all.q, h).Slice(2, 29, 1),
            .k = one(all.k, h / c.group),
            .v = one(all.v, h / c.group),
            .k_prior = one(*all.k_prior, h / c.group),
            .v_prior = one(*all.v_prior, h / c.group),
            .prior_used_len = all.used.view().Slice(0, b, 1),
            .out = out,
            .out_lse = lse,
            .scale = all.args().scale,
            .causal_mask = false};
        ASSERT_EQ(AttentionCte(args, context_), absl::OkStatus());
        EXPECT_TRUE(SameBits(out, one(all.out, h).Slice(2, 29, 1)));
        EXPECT_TRUE(SameBits(
            lse, ConstTensor(all.lse).Slice(0, b, 1).Slice(1, h, 1).Slice(2, 29,
                                                                          1)));
      }
    }
  }
}

TEST_P(AttentionCteTest, ChunkedPromptHasTheSameBits) {
  const Case c = {.dtype = DType::kBF16,
                  .kv_heads = 2,
                  .group = 2,
                  .queries = 150,
                  .keys = 150,
                  .d = 16,
                  .dv = 16};
  const Data whole(c, 8);
  ASSERT_EQ(AttentionCte(whole.args(), context_), absl::OkStatus());
  for (int64_t cut : {1, 50, 128, 149}) {
    const Data parts(c, 8);
    const auto rest = [&](const Tensor& t) {
      return t.Slice(2, cut, 150 - cut);
    };
    Buffer used(DType::kI32, {1});
    used.data<int32_t>()[0] = static_cast<int32_t>(cut);
    AttentionCteArgs args = parts.args();
    args.q = rest(parts.q);
    args.k = rest(parts.k);
    args.v = rest(parts.v);
    args.k_prior = parts.k.view().Slice(2, 0, cut);
    args.v_prior = parts.v.view().Slice(2, 0, cut);
    args.prior_used_len = used.view();
    args.out = rest(parts.out);
    args.out_lse = rest(parts.lse);
    ASSERT_EQ(AttentionCte(args, context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(args.out, rest(whole.out))) << cut;
    EXPECT_TRUE(SameBits(args.out_lse, rest(whole.lse))) << cut;
  }
}

TEST_P(AttentionCteTest, LseAndItsTypeAreOptional) {
  const Data data({.dtype = DType::kBF16, .queries = 3, .keys = 3}, 9);
  const Data plain({.dtype = DType::kBF16, .queries = 3, .keys = 3}, 9);
  ASSERT_EQ(AttentionCte(data.args(), context_), absl::OkStatus());
  AttentionCteArgs args = plain.args();
  args.out_lse = Tensor();
  ASSERT_EQ(AttentionCte(args, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(plain.out, data.out));
}

TEST_P(AttentionCteTest, ThreeDimensionsAreOneBatch) {
  const Data data({.kv_heads = 2, .group = 2, .queries = 5, .keys = 5}, 10);
  const Data folded({.kv_heads = 2, .group = 2, .queries = 5, .keys = 5}, 10);
  ASSERT_EQ(AttentionCte(data.args(), context_), absl::OkStatus());
  AttentionCteArgs args = folded.args();
  args.q = args.q.Select(0, 0);
  args.k = args.k.Select(0, 0);
  args.v = args.v.Select(0, 0);
  args.out = args.out.Select(0, 0);
  args.out_lse = args.out_lse.Select(0, 0);
  ASSERT_EQ(AttentionCte(args, context_), absl::OkStatus());
  EXPECT_TRUE(SameBits(folded.out, data.out));
  EXPECT_TRUE(SameBits(folded.lse, data.lse));
}

TEST_P(AttentionCteTest, ZeroSizesAreNoWork) {
  NoDispatchNeeded();
  Case batch, heads, queries;
  batch.batch = 0;
  heads.kv_heads = 0;
  queries.queries = 0;
  for (const Case& c : {batch, heads, queries}) {
    const Data data(c, 1);
    EXPECT_EQ(AttentionCte(data.args(), context_), absl::OkStatus()) << c;
  }
}

TEST_P(AttentionCteTest, SteadyStateAllocatesNothing) {
  const Data data({.kv_heads = 3, .queries = 50, .keys = 50}, 1);
  ASSERT_EQ(AttentionCte(data.args(), context_), absl::OkStatus());
  const size_t capacity = context_.arena().capacity();
  ASSERT_EQ(AttentionCte(data.args(), context_), absl::OkStatus());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

class AttentionCteErrorTest : public testing::Test {
 protected:
  void Expect(const AttentionCteArgs& args, std::string_view message) {
    HostContext context(1);
    const absl::Status status = AttentionCte(args, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(status.message(), absl::StrCat("attention_cte: ", message));
    // Nothing is written.
    for (double x : ToDoubles(data_.out)) EXPECT_TRUE(std::isnan(x));
  }

  const Data data_{{.batch = 2,
                    .kv_heads = 2,
                    .group = 3,
                    .queries = 4,
                    .keys = 5,
                    .capacity = 6},
                   1};
  AttentionCteArgs args_ = data_.args();
  Buffer other_{DType::kF32, {2, 2, 5, 8}};
};

TEST_F(AttentionCteErrorTest, MissingTensors) {
  AttentionCteArgs args = args_;
  args.q = {};
  Expect(args, "q is missing, expected [B, Hq, Sq, D] or [Hq, Sq, D]");
  args = args_;
  args.out = {};
  Expect(args, "out is missing, expected [B, Hq, Sq, Dv] or [Hq, Sq, Dv]");
  args = args_;
  args.v_prior = {};
  Expect(args,
         "v_prior is missing, expected [B, Hkv, Sp, Dv] or [Hkv, Sp, Dv]");
  args = args_;
  args.k_prior = {};
  Expect(args, "v_prior is given but k_prior is not given");
  args = args_;
  args.prior_used_len = {};
  Expect(args, "prior_used_len is missing, expected [B] or [1]");
  args = args_;
  args.k_prior = {};
  args.v_prior = {};
  Expect(args, "prior_used_len is given but k_prior is not given");
}

TEST_F(AttentionCteErrorTest, Shapes) {
  AttentionCteArgs args = args_;
  args.k = other_.view().Slice(3, 0, 7);
  Expect(args, "k is [2, 2, 5, 7] but D = 8 (from q [2, 6, 4, 8])");
  args = args_;
  args.v = other_.view().Slice(2, 0, 4);
  Expect(args, "v is [2, 2, 4, 8] but Sk = 5 (from k [2, 2, 5, 8])");
  args = args_;
  args.k = args.k.Reshape({2, 2, 5, 8, 1});
  Expect(args,
         "k is [2, 2, 5, 8, 1], expected [B, Hkv, Sk, D] or [Hkv, Sk, D]");
  args = args_;
  args.out_lse = args.out_lse.Slice(2, 0, 3);
  Expect(args, "out_lse is [2, 6, 3] but Sq = 4 (from q [2, 6, 4, 8])");
}

TEST_F(AttentionCteErrorTest, Heads) {
  AttentionCteArgs args = args_;
  args.q = args.q.Slice(1, 0, 5);
  args.out = args.out.Slice(1, 0, 5);
  args.out_lse = args.out_lse.Slice(1, 0, 5);
  Expect(args,
         "Hq = 5 (from q [2, 5, 4, 8]) is not a multiple of Hkv = 2 (from k "
         "[2, 2, 5, 8])");
  for (Tensor* t : {&args.out, &args.out_lse}) *t = t->Slice(1, 0, 4);
  args.q = args.q.Slice(1, 0, 4);
  for (ConstTensor* t : {&args.k, &args.v, &args.k_prior, &args.v_prior}) {
    *t = t->Slice(1, 0, 0);
  }
  Expect(args,
         "Hq = 4 (from q [2, 4, 4, 8]) is not a multiple of Hkv = 0 (from k "
         "[2, 0, 5, 8])");
}

TEST_F(AttentionCteErrorTest, Widths) {
  for (int64_t d : {0, 577}) {
    const Data data({.d = d}, 1);
    Expect(data.args(), absl::StrCat("q is [1, 1, 1, ", d, "]: D = ", d,
                                     ", expected 1..576"));
    const Data values({.dv = d}, 1);
    Expect(values.args(), absl::StrCat("v is [1, 1, 1, ", d, "]: Dv = ", d,
                                       ", expected 1..576"));
  }
}

TEST_F(AttentionCteErrorTest, Types) {
  Buffer bf16 = Buffer::Zeros(DType::kBF16, {2, 2, 6, 8});
  AttentionCteArgs args = args_;
  args.k = bf16.view().Slice(2, 0, 5);
  Expect(args, "k has dtype bf16, expected f32");
  args = args_;
  args.v_prior = bf16.view();
  Expect(args, "v_prior has dtype bf16, expected f32");
  args = args_;
  GuardedTensor out(DType::kBF16, {2, 6, 4, 8});
  args.out = out;
  Expect(args, "out has dtype bf16, expected f32");
  args = args_;
  Buffer lengths = Buffer::Zeros(DType::kI64, {2});
  args.prior_used_len = lengths.view();
  Expect(args, "prior_used_len has dtype i64, expected i32");
}

TEST_F(AttentionCteErrorTest, Values) {
  AttentionCteArgs args = args_;
  Buffer lengths = Buffer::Zeros(DType::kI32, {2});
  args.prior_used_len = lengths.view();
  lengths.data<int32_t>()[1] = 7;
  Expect(args, "prior_used_len[1] is 7, expected 0..6");
  lengths.data<int32_t>()[1] = -1;
  Expect(args, "prior_used_len[1] is -1, expected 0..6");
  args = args_;
  args.scale = std::numeric_limits<float>::quiet_NaN();
  Expect(args, "scale is NaN");
}

TEST_F(AttentionCteErrorTest, Overlaps) {
  AttentionCteArgs args = args_;
  args.out = data_.q;
  EXPECT_THAT(Validate(args).message(), testing::HasSubstr("out overlaps q"));
  args = args_;
  args.out = Tensor(data_.out);
  args.out_lse = data_.out.view().Select(3, 0);
  EXPECT_THAT(Validate(args).message(),
              testing::HasSubstr("out_lse overlaps out"));
}

}  // namespace
}  // namespace tilework
