// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/qkv/qkv.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/qkv/qkv_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

struct Size {
  int64_t b, s, h, hq, hkv, d;
  int64_t n() const { return hq + 2 * hkv; }
};

// Tensors that live as long as the problem.
class Problem {
 public:
  Problem(Random& random, const Size& size, DType dtype,
          Layout layout = Layout::kContiguous)
      : size_(size), dtype_(dtype), layout_(layout), random_(random) {
    args_.input = Make({size.b, size.s, size.h});
    weight_ = Make({size.h, size.n() * size.d}, 0.2);
    args_.fused_qkv_weights = weight_;
    args_.output = Output(Dims{size.b, size.s, size.n() * size.d});
    args_.num_q_heads = size.hq;
    args_.num_kv_heads = size.hkv;
  }

  // A random tensor.
  Tensor Make(const Dims& shape, double scale = 1, double mean = 0) {
    const Tensor tensor = Output(shape);
    FillNormal(random_, tensor, scale, mean);
    return tensor;
  }
  // A poisoned one.
  Tensor Output(const Dims& shape) { return Output(shape, dtype_); }
  Tensor Output(const Dims& shape, DType dtype) {
    tensors_.push_back(std::make_unique<GuardedTensor>(dtype, shape, layout_));
    return tensors_.back()->view();
  }

  void AddNorm() {
    args_.fused_norm_type = NormType::kRmsNorm;
    args_.gamma_norm_weights = Make({size_.h}, 0.2, 1);
  }
  void AddResidual() {
    args_.fused_residual_add = true;
    args_.mlp_prev = Make({size_.b, size_.s, size_.h});
    args_.attention_prev = Make({size_.b, size_.s, size_.h});
    args_.fused_hidden_out = Output({size_.b, size_.s, size_.h});
  }
  void AddRope(int64_t width) {
    args_.fused_rope = true;
    args_.cos_cache = Make({size_.s, width});
    args_.sin_cache = Make({size_.s, width});
  }
  void AddHeadNorms() {
    args_.qk_norm_pre_rope = QkNormConfig{};
    args_.qk_norm_pre_rope_q_gamma = Make({size_.d}, 0.2, 1);
    args_.qk_norm_pre_rope_k_gamma = Make({1, size_.d}, 0.2, 1);
  }
  void AddCaches(int64_t batch, int64_t slots, DType dtype) {
    for (Tensor* cache : {&args_.k_cache, &args_.v_cache}) {
      *cache = Output({batch, size_.hkv, slots, size_.d}, dtype);
      FillNormal(random_, *cache);
    }
    args_.output = size_.hq == 0
                       ? Tensor()
                       : Output({size_.b, size_.s, size_.hq * size_.d});
  }

  bool Intact() const {
    return std::all_of(tensors_.begin(), tensors_.end(),
                       [](const auto& t) { return t->Intact(); });
  }
  QkvArgs& args() { return args_; }
  const Size& size() const { return size_; }
  const ConstTensor& weight() const { return weight_; }

 private:
  Size size_;
  DType dtype_;
  Layout layout_;
  Random& random_;
  std::vector<std::unique_ptr<GuardedTensor>> tensors_;
  ConstTensor weight_;
  QkvArgs args_;
};

class QkvTest : public SimdTargetTest {
 protected:
  // Runs and compares all outputs with the oracle.
  void ExpectAgreement(Problem& problem) {
    const QkvArgs& args = problem.args();
    const std::vector<ExpectedTensor> expected =
        QkvExpected(args, problem.weight());
    const absl::Status status = Qkv(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(problem.Intact());
    EXPECT_TRUE(Agrees(expected));
  }

  HostContext context_{2};
  Random random_{4};
};
TILEWORK_SIMD_TARGETS(QkvTest);

TEST_P(QkvTest, LlamaStyleDecodeAndPrefill) {
  for (const DType dtype : kFloatTypes) {
    for (const Size& size :
         {Size{1, 1, 96, 3, 1, 32}, Size{2, 5, 70, 2, 1, 20}}) {
      SCOPED_TRACE(testing::Message() << Name(dtype) << " S " << size.s);
      Problem problem(random_, size, dtype);
      problem.AddNorm();
      problem.AddRope(size.d);
      problem.AddCaches(size.b + 1, 12, dtype);
      GuardedTensor start(DType::kI32, {size.b});
      for (int64_t b = 0; b < size.b; ++b) {
        Write(start, {b}, static_cast<double>(3 + 2 * b));
      }
      problem.args().cache_start = start;
      ExpectAgreement(problem);
    }
  }
}

TEST_P(QkvTest, NormsAndLayouts) {
  for (const NormType norm :
       {NormType::kNoNorm, NormType::kRmsNorm, NormType::kRmsNormSkipGamma}) {
    for (const auto layout : {QkvOutputLayout::kBSD, QkvOutputLayout::kNBSd,
                              QkvOutputLayout::kNBdS}) {
      for (const DType dtype : kFloatTypes) {
        SCOPED_TRACE(testing::Message()
                     << static_cast<int>(norm) << " "
                     << static_cast<int>(layout) << " " << Name(dtype));
        const Size size = {3, 7, 33, 3, 1, 21};
        Problem problem(random_, size, dtype);
        if (norm == NormType::kRmsNorm) problem.AddNorm();
        problem.args().fused_norm_type = norm;
        problem.args().output_layout = layout;
        problem.args().bias = problem.Make({1, size.n() * size.d});
        if (layout == QkvOutputLayout::kNBSd) {
          problem.args().output =
              problem.Output({size.n(), size.b, size.s, size.d});
        } else if (layout == QkvOutputLayout::kNBdS) {
          problem.args().output =
              problem.Output({size.n(), size.b, size.d, size.s});
        }
        ExpectAgreement(problem);
      }
    }
  }
}

TEST_P(QkvTest, ResidualInEveryMemoryLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kFloatTypes) {
      SCOPED_TRACE(testing::Message()
                   << static_cast<int>(layout) << " " << Name(dtype));
      Problem problem(random_, {2, 3, 40, 2, 1, 8}, dtype, layout);
      problem.AddNorm();
      problem.AddResidual();
      problem.AddRope(4);
      problem.args().bias = problem.Make({32});
      problem.args().gamma_offset = 1;
      problem.args().hidden_actual = 35;
      ExpectAgreement(problem);
    }
  }
}

TEST_P(QkvTest, ResidualWithoutMlpIntoTheInput) {
  Problem problem(random_, {1, 3, 30, 1, 1, 8}, DType::kBF16);
  problem.AddResidual();
  problem.args().mlp_prev = ConstTensor();
  const Tensor input = problem.Make({1, 3, 30});
  problem.args().input = input;
  problem.args().fused_hidden_out = input;
  ExpectAgreement(problem);
}

TEST_P(QkvTest, ResidualSumOfAnotherType) {
  for (const DType sum : kFloatTypes) {
    for (const DType dtype : kFloatTypes) {
      SCOPED_TRACE(testing::Message() << Name(dtype) << " " << Name(sum));
      Problem problem(random_, {1, 3, 30, 1, 1, 8}, dtype);
      problem.AddResidual();
      problem.args().fused_hidden_out = problem.Output({1, 3, 30}, sum);
      ExpectAgreement(problem);
    }
  }
}

TEST_P(QkvTest, RotationInEveryForm) {
  for (const bool contiguous : {true, false}) {
    for (const bool wide : {true, false}) {
      for (const int64_t table_batch : {0, 1, 2}) {
        SCOPED_TRACE(testing::Message() << contiguous << wide << table_batch);
        Problem problem(random_, {2, 3, 24, 2, 1, 44}, DType::kF32);
        QkvArgs& args = problem.args();
        args.rope_contiguous_layout = contiguous;
        args.rotary_dim = 36;
        args.rotary_offset = 5;
        problem.AddRope(wide ? 36 : 18);
        if (table_batch > 0) {
          args.cos_cache = problem.Make({table_batch, 3, wide ? 36 : 18});
          args.sin_cache = problem.Make({table_batch, 3, wide ? 36 : 18});
        }
        ExpectAgreement(problem);
      }
    }
  }
}

TEST_P(QkvTest, NormsOfTheHeads) {
  for (const DType dtype : kFloatTypes) {
    for (const bool gammas : {true, false}) {
      SCOPED_TRACE(testing::Message() << Name(dtype) << gammas);
      Problem problem(random_, {1, 5, 50, 3, 2, 20}, dtype);
      QkvArgs& args = problem.args();
      problem.AddRope(20);
      args.qk_norm_pre_rope = QkNormConfig{.eps = 1e-3f};
      args.qk_norm_post_rope =
          QkNormConfig{.q_norm = NormType::kNoNorm, .eps = 0.1f};
      if (gammas) {
        problem.AddHeadNorms();
        args.qk_norm_post_rope_k_gamma = problem.Make({20}, 0.2, 1);
        args.gamma_offset = 1;
      }
      ExpectAgreement(problem);
    }
  }
}

TEST_P(QkvTest, OnlyQueriesOrOnlyKeysAndValues) {
  for (const Size& size :
       {Size{1, 4, 20, 3, 0, 10}, Size{1, 4, 20, 0, 2, 10}}) {
    for (const bool caches : {false, true}) {
      Problem problem(random_, size, DType::kF32);
      problem.AddRope(10);
      if (caches) problem.AddCaches(1, 4, DType::kF16);
      ExpectAgreement(problem);
    }
  }
}

TEST_P(QkvTest, UnknownHeadsPackedWeightAndOtherTypes) {
  Problem problem(random_, {2, 3, 65, 1, 0, 70}, DType::kF16);
  QkvArgs& args = problem.args();
  args.num_q_heads.reset();
  args.num_kv_heads.reset();
  args.output = problem.Output({2, 3, 70}, DType::kF32);
  const auto packed = PackedMatrix::Pack(problem.weight(), context_);
  ASSERT_TRUE(packed.ok());
  args.fused_qkv_weights = *packed;
  ExpectAgreement(problem);
}

TEST_P(QkvTest, CachesAsViewsOfOneBuffer) {
  // [B, Smax, 2, Hkv, D] with 64-bit starts.
  Problem problem(random_, {2, 3, 40, 2, 2, 6}, DType::kF32);
  problem.AddCaches(2, 5, DType::kF32);
  const Tensor both = problem.Make({2, 5, 2, 2, 6}).Permute({2, 0, 3, 1, 4});
  problem.args().k_cache = both.Select(0, 0);
  problem.args().v_cache = both.Select(0, 1);
  GuardedTensor start(DType::kI64, {2});
  Write(start, {0}, 2);
  Write(start, {1}, 0);
  problem.args().cache_start = start;
  ExpectAgreement(problem);
}

// Slots in any order, one token that is not stored, two with the same slot, of
// which the last is; fp8 with every shape of scales, and pairs of positions.
TEST_P(QkvTest, PagedCachesOfEveryKind) {
  // B 2, S 3, H 8, Hq 2, Hkv 2, D 4; 3 blocks of 4.
  GuardedTensor input(DType::kBF16, {2, 3, 8});
  GuardedTensor weight(DType::kBF16, {8, 24});
  GuardedTensor output(DType::kBF16, {2, 3, 8});
  GuardedTensor slots(DType::kI64, {2, 3});
  Random random(4);
  FillNormal(random, input, 4);
  FillNormal(random, weight);
  const int64_t values[] = {11, 0, -1, 5, 7, 5};
  for (int64_t t = 0; t < 6; ++t) {
    Write(slots, {t / 3, t % 3}, static_cast<double>(values[t]));
  }
  HostContext context(2);
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF8E4M3,
                            DType::kF8E4M3_240, DType::kF8E5M2}) {
    for (const Dims& scale_shape : {Dims{1}, Dims{2}, Dims{2, 4}}) {
      for (const bool packed : {false, true}) {
        if (IsFloat(dtype) && (packed || scale_shape.size() == 2)) continue;
        SCOPED_TRACE(testing::Message()
                     << Name(dtype) << " scales " << scale_shape.ToString()
                     << " packed " << packed);
        GuardedTensor k_cache(dtype,
                              packed ? Dims{3, 2, 2, 4, 2} : Dims{3, 2, 4, 4});
        GuardedTensor v_cache(dtype, {3, 2, 4, 4});
        GuardedTensor scale(DType::kF32, scale_shape);
        FillNormal(random, k_cache);
        FillNormal(random, v_cache);
        FillUniform(random, scale, 0.01, 1);
        QkvArgs args = {.input = input,
                        .fused_qkv_weights = weight.view(),
                        .output = output,
                        .k_cache = k_cache,
                        .v_cache = v_cache,
                        .slot_mapping = slots,
                        .num_q_heads = 2,
                        .num_kv_heads = 2,
                        .fp8_packed = packed};
        if (IsFloat8(dtype)) {
          args.k_scale = scale;
          args.v_scale = scale;
          args.fp8_max = 100;
          args.fp8_min = -50;
        }
        const auto expected = QkvExpected(args);
        const absl::Status status = Qkv(args, context);
        ASSERT_TRUE(status.ok()) << status;
        EXPECT_TRUE(Agrees(expected));
      }
    }
  }
}

TEST_P(QkvTest, SquaredSumsAndLayerNormOfHeads) {
  GuardedTensor input(DType::kF32, {2, 5, 40});
  GuardedTensor weight(DType::kF32, {40, 5 * 6});
  GuardedTensor bias(DType::kF32, {30});
  GuardedTensor gamma(DType::kF32, {6});
  GuardedTensor beta(DType::kBF16, {1, 6});
  GuardedTensor output(DType::kF32, {2, 5, 30});
  GuardedTensor q_sum(DType::kF32, {2, 5});
  GuardedTensor k_sum(DType::kF32, {2, 5, 1});
  GuardedTensor v_sum(DType::kF32, {2, 5});
  Random random(5);
  for (const GuardedTensor* tensor : {&input, &weight, &bias, &gamma, &beta}) {
    FillNormal(random, *tensor);
  }
  HostContext context(2);
  const QkvArgs args = {
      .input = input,
      .fused_qkv_weights = weight.view(),
      .bias = bias,
      .qk_norm_pre_rope_q_gamma = gamma,
      .qk_norm_pre_rope_q_beta = beta,
      .qk_norm_pre_rope_k_beta = beta,
      .output = output,
      .q_squared_sum_out = q_sum,
      .k_squared_sum_out = k_sum,
      .v_squared_sum_out = v_sum,
      .num_q_heads = 3,
      .num_kv_heads = 1,
      .qk_norm_pre_rope = QkNormConfig{.q_norm = NormType::kLayerNorm,
                                       .k_norm = NormType::kLayerNorm}};
  const auto expected = QkvExpected(args);
  const absl::Status status = Qkv(args, context);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(Agrees(expected));
}

TEST_P(QkvTest, NaNStaysInItsToken) {
  Problem problem(random_, {1, 3, 40, 1, 1, 8}, DType::kBF16);
  problem.AddNorm();
  problem.AddRope(8);
  const Tensor input = problem.Make({1, 3, 40});
  Write(input, {0, 1, 7}, std::numeric_limits<double>::quiet_NaN());
  problem.args().input = input;
  ASSERT_TRUE(Qkv(problem.args(), context_).ok());
  for (int64_t c = 0; c < 24; ++c) {
    EXPECT_TRUE(std::isfinite(Read(problem.args().output, {0, 0, c})));
    EXPECT_TRUE(std::isnan(Read(problem.args().output, {0, 1, c})));
    EXPECT_TRUE(std::isfinite(Read(problem.args().output, {0, 2, c})));
  }
}

TEST_P(QkvTest, EmptySizesDoNothing) {
  NoDispatchNeeded();
  for (const Size& size : {Size{0, 3, 8, 1, 1, 4}, Size{2, 0, 8, 1, 1, 4}}) {
    Problem problem(random_, size, DType::kF32);
    problem.AddCaches(2, 4, DType::kF32);
    const std::vector<double> before = ToDoubles(problem.args().k_cache);
    EXPECT_TRUE(Qkv(problem.args(), context_).ok());
    EXPECT_EQ(ToDoubles(problem.args().k_cache), before);
  }
}

TEST_P(QkvTest, SameBitsForAnyThreadsAndBatch) {
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    Problem problem(random_, {1, 20, 100, 3, 1, 26}, dtype);
    problem.AddNorm();
    problem.AddResidual();
    problem.AddRope(26);
    problem.AddHeadNorms();
    QkvArgs args = problem.args();
    ASSERT_TRUE(Qkv(args, context_).ok());
    for (const int threads : {1, 3}) {
      HostContext context(threads);
      args.output = problem.Output({1, 20, 5 * 26});
      ASSERT_TRUE(Qkv(args, context).ok());
      EXPECT_TRUE(SameBits(args.output, problem.args().output));
    }
    for (const int64_t s : {0, 7, 19}) {
      QkvArgs one = problem.args();
      one.input = one.input.Slice(1, s, 1);
      one.mlp_prev = one.mlp_prev.Slice(1, s, 1);
      one.attention_prev = one.attention_prev.Slice(1, s, 1);
      one.fused_hidden_out = problem.Output({1, 1, 100});
      one.cos_cache = one.cos_cache.Slice(0, s, 1);
      one.sin_cache = one.sin_cache.Slice(0, s, 1);
      one.output = problem.Output({1, 1, 5 * 26});
      ASSERT_TRUE(Qkv(one, context_).ok());
      EXPECT_TRUE(SameBits(one.output, problem.args().output.Slice(1, s, 1)));
    }
  }
}

// ---- Errors, before anything is written.

struct Fault {
  std::string message;
  QkvArgs args;
};

class QkvErrorTest : public testing::Test {
 protected:
  template <class Change>
  void Add(const std::string& message, const Change& change) {
    QkvArgs args = problem_.args();
    change(args);
    faults_.push_back({message, args});
  }
  void ExpectFaults() {
    HostContext context(1);
    for (const Fault& fault : faults_) {
      const absl::Status status = Qkv(fault.args, context);
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
          << fault.message;
      EXPECT_THAT(status.message(), HasSubstr("qkv: " + fault.message));
      EXPECT_TRUE(std::isnan(Read(problem_.args().output, {0, 0, 0})))
          << fault.message;
    }
  }

  Random random_{5};
  Problem problem_{random_, {2, 3, 8, 2, 1, 4}, DType::kF32};
  const Tensor hidden_ = problem_.Make({2, 3, 8});
  const Tensor other_ = problem_.Make({2, 4, 8});
  const Tensor row_ = problem_.Make({5});
  const Tensor cache_ = problem_.Make({2, 1, 6, 4});
  const Tensor cache2_ = problem_.Make({2, 1, 6, 4});
  const Tensor queries_ = problem_.Make({2, 3, 8});
  const Tensor table_ = problem_.Make({3, 4});
  std::vector<Fault> faults_;
};

TEST_F(QkvErrorTest, Shapes) {
  Add("input is missing", [](QkvArgs& a) { a.input = ConstTensor(); });
  Add("input is [5], expected [B, S, H]", [&](QkvArgs& a) { a.input = row_; });
  Add("input is [2, 3, 0]: H = 0, expected >= 1",
      [&](QkvArgs& a) { a.input = hidden_.Slice(2, 0, 0); });
  Add("fused_qkv_weights is [16, 8] but H = 8",
      [&](QkvArgs& a) { a.fused_qkv_weights = problem_.weight().Transpose(); });
  Add("bias is [5] but I = 16", [&](QkvArgs& a) { a.bias = row_; });
  Add("output is missing", [](QkvArgs& a) { a.output = Tensor(); });
  Add("output is [2, 3, 8] but N*D = 16",
      [&](QkvArgs& a) { a.output = queries_; });
  Add("output is [2, 3, 16], expected [N, B, S, D]",
      [](QkvArgs& a) { a.output_layout = QkvOutputLayout::kNBSd; });
  Add("output is [2, 3, 16], expected [N, B, D, S]",
      [](QkvArgs& a) { a.output_layout = QkvOutputLayout::kNBdS; });
  Add("output_layout is 7",
      [](QkvArgs& a) { a.output_layout = static_cast<QkvOutputLayout>(7); });
  ExpectFaults();
}

TEST_F(QkvErrorTest, Heads) {
  Add("I = 16 (from fused_qkv_weights [8, 16]) is not a multiple of heads = 5 "
      "(from Hq + 2 Hkv, or 1 if unknown)",
      [](QkvArgs& a) { a.num_q_heads = 3; });
  Add("fused_qkv_weights is [8, 16] but I = 20 (from heads * d_head)",
      [](QkvArgs& a) { a.d_head = 5; });
  Add("num_q_heads and num_kv_heads are 0, expected at least one head",
      [](QkvArgs& a) {
        a.num_q_heads = 0;
        a.num_kv_heads = 0;
      });
  Add("num_q_heads is -1", [](QkvArgs& a) { a.num_q_heads = -1; });
  Add("num_kv_heads is missing", [](QkvArgs& a) { a.num_kv_heads.reset(); });
  Add("num_kv_heads is given but num_q_heads is not given",
      [](QkvArgs& a) { a.num_q_heads.reset(); });
  const auto forget = [](QkvArgs& a) {
    a.num_q_heads.reset();
    a.num_kv_heads.reset();
  };
  const std::string missing =
      "num_q_heads and num_kv_heads are missing, needed by ";
  Add(missing + "output_layout", [&](QkvArgs& a) {
    forget(a);
    a.output_layout = QkvOutputLayout::kNBSd;
  });
  Add(missing + "fused_rope", [&](QkvArgs& a) {
    forget(a);
    a.fused_rope = true;
  });
  Add(missing + "qk_norm_pre_rope", [&](QkvArgs& a) {
    forget(a);
    a.qk_norm_pre_rope = QkNormConfig{};
  });
  Add(missing + "qk_norm_post_rope", [&](QkvArgs& a) {
    forget(a);
    a.qk_norm_post_rope = QkNormConfig{};
  });
  Add("v_cache is given but num_q_heads is not given", [&](QkvArgs& a) {
    forget(a);
    a.k_cache = cache_;
    a.v_cache = cache2_;
  });
  ExpectFaults();
}

TEST_F(QkvErrorTest, ResidualAndNorm) {
  Add("attention_prev is missing",
      [](QkvArgs& a) { a.fused_residual_add = true; });
  Add("attention_prev is [2, 4, 8] but S = 3", [&](QkvArgs& a) {
    a.fused_residual_add = true;
    a.attention_prev = other_;
  });
  Add("attention_prev is given but fused_residual_add is false",
      [&](QkvArgs& a) { a.attention_prev = hidden_; });
  Add("mlp_prev is given but fused_residual_add is false",
      [&](QkvArgs& a) { a.mlp_prev = hidden_; });
  Add("fused_hidden_out is given but fused_residual_add is false",
      [&](QkvArgs& a) { a.fused_hidden_out = hidden_; });
  Add("fused_norm_type is 4",
      [](QkvArgs& a) { a.fused_norm_type = static_cast<NormType>(4); });
  Add("layer_norm_bias is given but fused_norm_type is not LAYER_NORM",
      [&](QkvArgs& a) { a.layer_norm_bias = row_; });
  Add("gamma_norm_weights is missing",
      [](QkvArgs& a) { a.fused_norm_type = NormType::kRmsNorm; });
  Add("gamma_norm_weights is [5] but H = 8", [&](QkvArgs& a) {
    a.fused_norm_type = NormType::kRmsNorm;
    a.gamma_norm_weights = row_;
  });
  Add("gamma_norm_weights is given but fused_norm_type is neither RMS_NORM "
      "nor LAYER_NORM",
      [&](QkvArgs& a) { a.gamma_norm_weights = row_; });
  Add("norm_eps is -1", [](QkvArgs& a) { a.norm_eps = -1; });
  Add("norm_eps is nan", [](QkvArgs& a) { a.norm_eps = NAN; });
  Add("gamma_offset is 0.5, expected 0 or 1",
      [](QkvArgs& a) { a.gamma_offset = 0.5f; });
  Add("hidden_actual is 9, expected 1..8",
      [](QkvArgs& a) { a.hidden_actual = 9; });
  Add("hidden_actual is 0", [](QkvArgs& a) { a.hidden_actual = 0; });
  ExpectFaults();
}

TEST_F(QkvErrorTest, RopeAndHeadNorms) {
  const auto rope = [&](QkvArgs& a) {
    a.fused_rope = true;
    a.cos_cache = table_;
    a.sin_cache = table_;
  };
  Add("cos_cache is given but fused_rope is false",
      [&](QkvArgs& a) { a.cos_cache = table_; });
  Add("sin_cache is given but fused_rope is false",
      [&](QkvArgs& a) { a.sin_cache = table_; });
  Add("cos_cache is missing", [](QkvArgs& a) { a.fused_rope = true; });
  Add("sin_cache is missing", [&](QkvArgs& a) {
    rope(a);
    a.sin_cache = ConstTensor();
  });
  Add("sin_cache is [2, 3, 2] but W = 4 (from cos_cache [3, 4])",
      [&](QkvArgs& a) {
        rope(a);
        a.sin_cache = other_.Slice(1, 0, 3).Slice(2, 0, 2);
      });
  Add("cos_cache is [2, 4, 8] but S = 3", [&](QkvArgs& a) {
    rope(a);
    a.cos_cache = other_;
  });
  Add("cos_cache is [3, 4]: W = 4, expected 2 or 1", [&](QkvArgs& a) {
    rope(a);
    a.rotary_dim = 2;
  });
  for (const int64_t r : {0, 3, 6}) {
    Add("rotary_dim is " + std::to_string(r), [&](QkvArgs& a) {
      rope(a);
      a.rotary_dim = r;
    });
  }
  for (const int64_t offset : {-1, 1}) {
    Add("rotary_offset is " + std::to_string(offset) + ", expected 0",
        [&](QkvArgs& a) {
          rope(a);
          a.rotary_offset = offset;
        });
  }
  Add("qk_norm_pre_rope_k_norm is 3", [](QkvArgs& a) {
    a.qk_norm_pre_rope = QkNormConfig{.k_norm = NormType::kRmsNormSkipGamma};
  });
  Add("qk_norm_post_rope_eps is -1",
      [](QkvArgs& a) { a.qk_norm_post_rope = QkNormConfig{.eps = -1}; });
  Add("qk_norm_pre_rope_q_gamma is [5] but D = 4", [&](QkvArgs& a) {
    a.qk_norm_pre_rope = QkNormConfig{};
    a.qk_norm_pre_rope_q_gamma = row_;
  });
  Add("qk_norm_post_rope_k_gamma is given but its heads are not normalized",
      [&](QkvArgs& a) { a.qk_norm_post_rope_k_gamma = row_; });
  ExpectFaults();
}

TEST_F(QkvErrorTest, Caches) {
  const auto caches = [&](QkvArgs& a) {
    a.k_cache = cache_;
    a.v_cache = cache2_;
    a.output = queries_;
  };
  GuardedTensor start(DType::kI32, {2});
  Write(start, {0}, 0);
  Write(start, {1}, 4);
  GuardedTensor negative(DType::kI64, {2});
  Write(negative, {0}, -1);
  Write(negative, {1}, 0);
  Add("k_cache is given but v_cache is not given", [&](QkvArgs& a) {
    caches(a);
    a.v_cache = Tensor();
  });
  Add("k_cache is missing, expected [Bc, Hkv, Smax, D]",
      [&](QkvArgs& a) { a.v_cache = cache_; });
  Add("cache_start is given but v_cache is not given",
      [&](QkvArgs& a) { a.cache_start = start; });
  Add("v_cache is [2, 4, 8], expected [Bc, Hkv, Smax, D]", [&](QkvArgs& a) {
    caches(a);
    a.v_cache = other_;
  });
  Add("k_cache overlaps v_cache", [&](QkvArgs& a) {
    caches(a);
    a.v_cache = cache_;
  });
  Add("Bc = 1 (from v_cache [1, 1, 6, 4]) is less than B = 2 (from input [2, "
      "3, 8])",
      [&](QkvArgs& a) {
        caches(a);
        a.k_cache = cache_.Slice(0, 0, 1);
        a.v_cache = cache2_.Slice(0, 0, 1);
      });
  Add("cache_start[1] is 4, expected 0..3", [&](QkvArgs& a) {
    caches(a);
    a.cache_start = start;
  });
  Add("cache_start[0] is -1", [&](QkvArgs& a) {
    caches(a);
    a.cache_start = negative;
  });
  Add("Smax = 2 (from v_cache [2, 1, 2, 4]) is less than S = 3",
      [&](QkvArgs& a) {
        caches(a);
        a.k_cache = cache_.Slice(2, 0, 2);
        a.v_cache = cache2_.Slice(2, 0, 2);
      });
  GuardedTensor slots(DType::kI32, {2, 3});
  ForEachIndex(slots.view().shape(),
               [&](const Dims& index) { Write(slots, index, -1); });
  Write(slots, {1, 2}, 12);
  Add("slot_mapping[1, 2] is 12", [&](QkvArgs& a) {
    caches(a);
    a.slot_mapping = slots;
  });
  Add("slot_mapping is missing", [&](QkvArgs& a) {
    caches(a);
    a.use_block_kv = true;
  });
  Add("slot_mapping is given but use_block_kv is false", [&](QkvArgs& a) {
    caches(a);
    a.use_block_kv = false;
    a.slot_mapping = slots;
  });
  Add("cache_start is given but the caches are paged", [&](QkvArgs& a) {
    caches(a);
    a.slot_mapping = slots;
    a.cache_start = start;
  });
  Add("block_size is 4, expected 6", [&](QkvArgs& a) {
    caches(a);
    a.slot_mapping = slots;
    a.block_size = 4;
  });
  Add("fp8_packed is true but use_block_kv is false", [&](QkvArgs& a) {
    a.fp8_packed = true;
    a.use_block_kv = false;
  });
  GuardedTensor codes(DType::kF8E4M3, {2, 1, 6, 4});
  GuardedTensor codes2(DType::kF8E4M3, {2, 1, 6, 4});
  GuardedTensor scale(DType::kF32, {1});
  Write(scale, {0}, 1);
  Add("k_scale is missing", [&](QkvArgs& a) {
    caches(a);
    a.k_cache = codes;
    a.v_cache = codes2;
  });
  Add("k_scale is given but the caches are not of 8 bits", [&](QkvArgs& a) {
    caches(a);
    a.k_scale = scale;
  });
  Add("fp8_min is 3, expected at most fp8_max = 2", [](QkvArgs& a) {
    a.fp8_min = 3;
    a.fp8_max = 2;
  });
  Add("output is [2, 3, 16] but N*D = 8", [&](QkvArgs& a) {
    caches(a);
    a.output = problem_.args().output;
  });
  Add("output is given but there is no head for it", [&](QkvArgs& a) {
    caches(a);
    a.num_q_heads = 0;
    a.num_kv_heads = 2;
    const Tensor both = problem_.Make({2, 2, 6, 4});
    a.k_cache = both;
    a.v_cache = problem_.Make({2, 2, 6, 4});
  });
  ExpectFaults();
}

TEST_F(QkvErrorTest, Overlaps) {
  const auto at = [](const ConstTensor& tensor, const Dims& shape) {
    return Tensor(const_cast<void*>(tensor.data()), DType::kF32, shape);
  };
  Add("output overlaps input", [&](QkvArgs& a) {
    a.output = at(a.input, {2, 3, 16});
  });
  Add("output overlaps fused_qkv_weights", [&](QkvArgs& a) {
    a.output = at(problem_.weight(), {2, 3, 16});
  });
  Add("output overlaps bias",
      [&](QkvArgs& a) { a.bias = a.output.Select(0, 0).Select(0, 0); });
  Add("fused_hidden_out overlaps input without being the same view",
      [&](QkvArgs& a) {
        a.fused_residual_add = true;
        a.attention_prev = hidden_;
        a.fused_hidden_out =
            Tensor(const_cast<void*>(a.input.data()), DType::kBF16, {2, 3, 8});
      });
  Add("fused_hidden_out overlaps attention_prev", [&](QkvArgs& a) {
    a.fused_residual_add = true;
    a.attention_prev = hidden_;
    a.fused_hidden_out = hidden_;
  });
  Add("output overlaps k_cache", [&](QkvArgs& a) {
    a.k_cache = cache_;
    a.v_cache = cache2_;
    a.output = at(cache_, {2, 3, 8});
  });
  ExpectFaults();
}

}  // namespace
}  // namespace tilework
