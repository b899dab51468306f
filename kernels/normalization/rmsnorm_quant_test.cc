// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_quant.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/rmsnorm.h"
#include "tilework/kernels/normalization/rmsnorm_quant_oracle.h"
#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/kernels/quantize/static_quantization.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::HasSubstr;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kF16 = DType::kF16;
constexpr DType kE4M3 = DType::kF8E4M3;
constexpr DType kCodeTypes[] = {DType::kF8E4M3_240, kE4M3, DType::kF8E5M2};

// Rows that are not packed, one scale each.
struct Problem {
  explicit Problem(const Dims& shape, DType input = kBF16, DType code = kE4M3,
                   Layout layout = Layout::kContiguous)
      : hidden(input, shape, layout),
        ln_w(input, {shape[shape.size() - 1]}),
        out(code, shape, layout),
        scale(kF32, Leading(shape)) {
    Random random(1);
    FillNormal(random, hidden);
    FillNormal(random, ln_w, 0.1, 1);
  }
  static Dims Leading(const Dims& shape) {
    Dims leading;
    for (int i = 0; i + 1 < shape.size(); ++i) leading.push_back(shape[i]);
    return leading;
  }
  RmsNormQuantArgs args() const {
    return {.hidden = hidden,
            .ln_w = ln_w,
            .out = out,
            .dequant_scale = scale,
            .packed_output = false};
  }
  GuardedTensor hidden, ln_w, out, scale;
};

class RmsNormQuantTest : public SimdTargetTest {
 protected:
  // rmsnorm's output in `dtype`.
  Buffer Normalized(const RmsNormQuantArgs& args, DType dtype) {
    Buffer n(dtype, args.hidden.shape());
    EXPECT_EQ(RmsNorm({.input = args.hidden,
                       .gamma = args.ln_w,
                       .output = n.view(),
                       .eps = args.eps,
                       .hidden_actual = args.hidden_actual},
                      context_),
              absl::OkStatus());
    return n;
  }

  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(RmsNormQuantTest);

TEST_P(RmsNormQuantTest, IsRowQuantizationOfRmsNorm) {
  for (const DType input : {kF32, kBF16, kF16}) {
    for (const DType code : kCodeTypes) {
      for (const DType intermediate : {kF32, kBF16, kF16}) {
        const Problem problem({3, 5, 133}, input, code);
        RmsNormQuantArgs args = problem.args();
        args.intermediate_dtype = intermediate;
        args.lower_bound = input == kF16 ? 0.5f : 0;
        args.hidden_actual = input == kBF16 ? 100 : 133;
        ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
        const Buffer n = Normalized(args, intermediate);
        const GuardedTensor codes(code, {3, 5, 133});
        const GuardedTensor scale(kF32, {3, 5});
        ASSERT_EQ(RowQuantization({.hidden_state = n.view(),
                                   .quantized = codes,
                                   .dequant_scale = scale,
                                   .lower_bound = args.lower_bound},
                                  context_),
                  absl::OkStatus());
        EXPECT_TRUE(SameBits(problem.out, codes));
        EXPECT_TRUE(SameBits(problem.scale, scale));
        EXPECT_TRUE(problem.out.Intact());
      }
    }
  }
}

TEST_P(RmsNormQuantTest, Groups) {
  for (const int64_t group : {1, 32, 128, 133, 500}) {
    const Problem problem({4, 133});
    const int64_t num = (132 / group) + 1;
    const GuardedTensor scale(kF32, {4, num});
    RmsNormQuantArgs args = problem.args();
    args.group_size = group;
    args.dequant_scale = scale;
    ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
    const Buffer n = Normalized(args, kF32);
    const GuardedTensor codes(kE4M3, {4, 133});
    const GuardedTensor expected(kF32, {4, num});
    ASSERT_EQ(RowQuantization({.hidden_state = n.view(),
                               .quantized = codes,
                               .dequant_scale = expected,
                               .granularity = QuantizationGranularity::kGroup,
                               .group_size = group},
                              context_),
              absl::OkStatus());
    EXPECT_TRUE(SameBits(problem.out, codes));
    EXPECT_TRUE(SameBits(scale, expected));
  }
}

TEST_P(RmsNormQuantTest, IsStaticQuantizationOfRmsNorm) {
  const float ds = 0.02f;
  const Problem problem({7, 1003});
  RmsNormQuantArgs args = problem.args();
  args.quantization_type = QuantizationType::kStatic;
  args.packed_output = true;  // of no effect
  args.dequant_scale = Tensor();
  args.input_dequant_scale = ConstTensor(&ds, kF32, {1});
  args.lower_bound = 0.5f;  // of no effect
  ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
  const Buffer n = Normalized(args, kF32);
  const GuardedTensor codes(kE4M3, {7, 1003});
  ASSERT_EQ(StaticQuantization({.hidden_state = n.view(),
                                .input_dequant_scale = args.input_dequant_scale,
                                .quantized = codes},
                               context_),
            absl::OkStatus());
  EXPECT_TRUE(SameBits(problem.out, codes));
}

TEST_P(RmsNormQuantTest, PackedRowsHaveTheSameCodesAndScales) {
  for (const int64_t size : {1, 5, 64, 1001}) {
    for (const Layout layout : kAllLayouts) {
      const Problem problem({3, size});
      RmsNormQuantArgs args = problem.args();
      ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
      const GuardedTensor packed(kE4M3, {3, size + 4}, layout);
      args.out = packed;
      args.dequant_scale = Tensor();
      args.packed_output = true;
      ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
      EXPECT_TRUE(packed.Intact());
      EXPECT_TRUE(SameBits(packed.view().Slice(1, 0, size), problem.out));
      for (int64_t row = 0; row < 3; ++row) {
        uint8_t bytes[4];
        for (int64_t i = 0; i < 4; ++i) {
          bytes[i] = packed.view().At<Float8E4M3>(row, size + i)->bits;
        }
        EXPECT_EQ(std::memcmp(bytes, problem.scale.view().At<float>(row), 4),
                  0);
      }
    }
  }
}

TEST_P(RmsNormQuantTest, WithoutANormItIsExact) {
  for (const DType input : {kF32, kBF16, kF16}) {
    const Problem problem({2, 257}, input);
    RmsNormQuantArgs args = problem.args();
    args.norm_type = NormType::kNoNorm;
    args.ln_w = ConstTensor();
    args.intermediate_dtype = kF16;  // of no effect
    ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
    const GuardedTensor codes(kE4M3, {2, 257});
    const GuardedTensor scale(kF32, {2});
    ASSERT_EQ(RowQuantization({.hidden_state = problem.hidden,
                               .quantized = codes,
                               .dequant_scale = scale},
                              context_),
              absl::OkStatus());
    EXPECT_TRUE(SameBits(problem.out, codes));
    EXPECT_TRUE(SameBits(problem.scale, scale));
  }
}

// Zeros, a NaN and infinities without a norm that spreads them.
TEST_P(RmsNormQuantTest, SpecialNumbersAreRowQuantizations) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const float bound : {0.0f, 5e-7f, 0.5f}) {
    const Problem problem({4, 70});
    for (int64_t i = 0; i < 70; ++i) Write(problem.hidden, {0, i}, 0);
    Write(problem.hidden, {1, 69}, std::nan(""));
    Write(problem.hidden, {2, 3}, infinity);
    Write(problem.hidden, {2, 40}, -infinity);
    RmsNormQuantArgs args = problem.args();
    args.norm_type = NormType::kNoNorm;
    args.lower_bound = bound;
    ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
    const GuardedTensor codes(kE4M3, {4, 70});
    const GuardedTensor scale(kF32, {4});
    ASSERT_EQ(RowQuantization({.hidden_state = problem.hidden,
                               .quantized = codes,
                               .dequant_scale = scale,
                               .lower_bound = bound},
                              context_),
              absl::OkStatus());
    EXPECT_TRUE(SameBits(problem.out, codes));
    EXPECT_TRUE(SameBits(problem.scale, scale));
    EXPECT_EQ(Read(scale, {0}), static_cast<double>(1e-6f));
    EXPECT_TRUE(std::isnan(Read(scale, {1})));
    EXPECT_EQ(std::isinf(Read(scale, {2})), bound < 0.5f);
  }
}

// The first norm and the sum are those of kernels of their own, one after
// another.
TEST_P(RmsNormQuantTest, PreNormIsAStepOfItsOwn) {
  const Dims shape = {4, 133};
  for (const DType added : {DType::kNone, kF32, kBF16, kF16}) {
    for (const NormType norm : {NormType::kRmsNorm, NormType::kNoNorm}) {
      const Problem problem(shape), second(shape);
      const GuardedTensor gamma(kF32, {1, 133});
      Random random(3);
      FillNormal(random, gamma, 0.1, 1);
      RmsNormQuantArgs args = problem.args();
      args.norm_type = norm;
      args.eps = 0.01f;
      args.hidden_actual = 120;
      RmsNormQuantArgs rest = args;
      const GuardedTensor h(kBF16, shape);
      ASSERT_EQ(RmsNorm({.input = args.hidden,
                         .gamma = gamma,
                         .output = h,
                         .eps = args.eps,
                         .hidden_actual = args.hidden_actual},
                        context_),
                absl::OkStatus());
      args.pre_norm_gamma = gamma;
      rest.hidden = h;
      rest.out = second.out;
      rest.dequant_scale = second.scale;
      std::optional<GuardedTensor> residual, sum, second_sum;
      if (added != DType::kNone) {
        residual.emplace(added, shape);
        sum.emplace(added, shape);
        second_sum.emplace(added, shape);
        FillNormal(random, *residual);
        args.residual = rest.residual = *residual;
        args.residual_out = *sum;
        rest.residual_out = *second_sum;
      }
      ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
      ASSERT_EQ(RmsNormQuant(rest, context_), absl::OkStatus());
      EXPECT_TRUE(SameBits(problem.out, second.out));
      EXPECT_TRUE(SameBits(problem.scale, second.scale));
      if (sum.has_value()) {
        EXPECT_TRUE(SameBits(*sum, *second_sum));
      }
    }
  }
}

// The spec's bounds against the oracle: scales, decoded numbers, and, without
// rounding in between, codes that are neighbours of the oracle's where they
// differ at all, which few do.
TEST_P(RmsNormQuantTest, AgreesWithTheOracle) {
  const int64_t size = 3000;
  const size_t n_size = static_cast<size_t>(size);
  for (const DType code : kCodeTypes) {
    for (const DType intermediate : {kF32, kBF16, kF16}) {
      const Problem problem({2, size}, kBF16, code);
      RmsNormQuantArgs args = problem.args();
      args.intermediate_dtype = intermediate;
      ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
      Approximate h = {ToDoubles(args.hidden), {}};
      h.error.resize(h.value.size());
      const Approximate n =
          RmsOracle(h, n_size, static_cast<double>(size),
                    static_cast<double>(args.eps), ToDoubles(args.ln_w));
      const QuantizedOracle oracle = QuantizeOracle(
          n, n_size, n_size, std::numeric_limits<double>::infinity(), 0, code);
      const double rounding =
          intermediate == kF32 ? 0 : UnitRoundoff(intermediate);
      const auto* codes =
          static_cast<const uint8_t*>(problem.out.view().data());
      const GuardedTensor expected(code, {2, size});
      int64_t different = 0;
      for (size_t i = 0; i < n.value.size(); ++i) {
        const int64_t row = static_cast<int64_t>(i) / size;
        const int64_t column = static_cast<int64_t>(i) % size;
        const double ds = Read(problem.scale, {row});
        const double ds_oracle = oracle.scales.value[i / n_size];
        ASSERT_NEAR(ds, ds_oracle, (2 * rounding + 6e-6) * ds_oracle);
        const double decoded = Read(problem.out, {row, column}) * ds;
        ASSERT_NEAR(
            decoded, n.value[i],
            (UnitRoundoff(code) + 2 * rounding + 1e-5) * std::abs(n.value[i]) +
                ds * SmallestSubnormal(code) / 2);
        if (intermediate != kF32) continue;
        Write(expected, {row, column}, oracle.codes.value[i]);
        const int step =
            codes[i] - static_cast<const uint8_t*>(expected.view().data())[i];
        ASSERT_LE(std::abs(step), 1);
        different += std::abs(step);
      }
      EXPECT_LE(different, 2 * size / 1000);
    }
  }
}

// In all layouts, also in place.
TEST_P(RmsNormQuantTest, ResidualIsExact) {
  for (const Layout layout : kAllLayouts) {
    const Dims shape = {5, 77};
    const Problem problem(shape, kBF16, kE4M3, layout);
    const GuardedTensor residual(kF32, shape, layout);
    const GuardedTensor sum(kF32, shape, layout);
    Random random(2);
    FillNormal(random, residual);
    RmsNormQuantArgs args = problem.args();
    args.residual = residual;
    args.residual_out = sum;
    ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
    ForEachIndex(shape, [&](const Dims& index) {
      const double exact = Read(problem.hidden, index) + Read(residual, index);
      EXPECT_EQ(Read(sum, index), RoundToDType(exact, kF32));
    });
    EXPECT_TRUE(sum.Intact());
    const Problem second(shape, kBF16, kE4M3, layout);
    args.out = second.out;
    args.residual_out = residual;
    ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(residual, sum));
    EXPECT_TRUE(SameBits(second.out, problem.out));
  }
}

TEST_P(RmsNormQuantTest, SpecialRows) {
  const int64_t size = 40;
  const Problem problem({4, size});
  for (int64_t i = 0; i < size; ++i) Write(problem.hidden, {0, i}, 0);
  Write(problem.hidden, {1, 3}, std::nan(""));
  Write(problem.hidden, {2, 3}, std::numeric_limits<double>::infinity());
  ASSERT_EQ(RmsNormQuant(problem.args(), context_), absl::OkStatus());
  EXPECT_EQ(Read(problem.scale, {0}), static_cast<double>(1e-6f));
  EXPECT_TRUE(std::isnan(Read(problem.scale, {1})));
  EXPECT_TRUE(std::isnan(Read(problem.scale, {2})));
  EXPECT_TRUE(std::isfinite(Read(problem.scale, {3})));
  for (int64_t i = 0; i < size; ++i) {
    EXPECT_EQ(Read(problem.out, {0, i}), 0);
    EXPECT_TRUE(std::isnan(Read(problem.out, {1, i})));
    EXPECT_TRUE(std::isnan(Read(problem.out, {2, i})));
    EXPECT_TRUE(std::isfinite(Read(problem.out, {3, i})));
  }
}

// Past the caches come the bits of smaller calls.
TEST_P(RmsNormQuantTest, OutputsBeyondTheCaches) {
  const int64_t rows = 9000, size = 4097;
  const Buffer hidden = TypicalNumbers(kBF16, {rows, size});
  Buffer out(kE4M3, {rows, size + 4});
  RmsNormQuantArgs args = {.hidden = hidden.view(),
                           .out = out.view(),
                           .norm_type = NormType::kNoNorm};
  ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
  for (const int64_t row : {int64_t{0}, int64_t{17}, rows - 1}) {
    const GuardedTensor alone(kE4M3, {1, size + 4});
    args.hidden = hidden.view().Slice(0, row, 1);
    args.out = alone;
    ASSERT_EQ(RmsNormQuant(args, context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(out.view().Slice(0, row, 1), alone));
  }
}

TEST_P(RmsNormQuantTest, NoRows) {
  const Problem problem({2, 0, 8});
  EXPECT_EQ(RmsNormQuant(problem.args(), context_), absl::OkStatus());
  NoDispatchNeeded();
}

TEST(RmsNormQuantTargetsTest, AllGiveTheSameBits) {
  std::optional<Problem> first;
  ForEachSimdTarget([&](int64_t target) {
    SCOPED_TRACE(SimdTargetName(target));
    HostContext context(1);
    Problem problem({5, 777});
    ASSERT_EQ(RmsNormQuant(problem.args(), context), absl::OkStatus());
    if (!first.has_value()) {
      first.emplace(std::move(problem));
      return;
    }
    EXPECT_TRUE(SameBits(problem.out, first->out));
    EXPECT_TRUE(SameBits(problem.scale, first->scale));
  });
}

class RmsNormQuantErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = RmsNormQuant(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    args_ = problem_.args();
  }

  Problem problem_{{2, 3, 8}};
  RmsNormQuantArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(RmsNormQuantErrorTest, Tensors) {
  const Problem vector({8});
  args_.hidden = vector.hidden;
  ExpectError("rmsnorm_quant: hidden is [8], expected a rank of at least 2");
  args_.ln_w = ConstTensor();
  ExpectError("rmsnorm_quant: ln_w is missing, expected [H] or [1, H]");
  args_.ln_w = vector.ln_w.view().Slice(0, 0, 7);
  ExpectError("rmsnorm_quant: ln_w is [7] but H = 8 (from hidden [2, 3, 8])");
  args_.packed_output = true;
  args_.dequant_scale = Tensor();
  ExpectError("rmsnorm_quant: out is [2, 3, 8] but H+4 = 12 (from H + 4)");
  args_.hidden = problem_.hidden.view().Slice(2, 0, 0);
  ExpectError("rmsnorm_quant: hidden is [2, 3, 0]: H = 0, expected >= 1");
  const GuardedTensor two(kBF16, {2, 8});
  args_.ln_w = two;
  ExpectError("rmsnorm_quant: ln_w is [2, 8]");
  args_.pre_norm_gamma = problem_.ln_w.view().Slice(0, 0, 7);
  ExpectError("rmsnorm_quant: pre_norm_gamma is [7] but H = 8");
  args_.out = problem_.out.view().Slice(2, 0, 7);
  ExpectError("rmsnorm_quant: out is [2, 3, 7] but H = 8");
  args_.residual = problem_.hidden;
  ExpectError("rmsnorm_quant: residual_out is missing");
  args_.residual = problem_.hidden.view().Slice(1, 0, 2);
  ExpectError("rmsnorm_quant: residual is [2, 2, 8] but its leading");
  const GuardedTensor wrong(kBF16, {2, 3, 8});
  args_.out = wrong;
  ExpectError(
      "rmsnorm_quant: out has dtype bf16, expected f8e4m3_240 or f8e4m3 or "
      "f8e5m2");
  args_.dequant_scale = Tensor();
  ExpectError("rmsnorm_quant: dequant_scale is missing");
}

TEST_F(RmsNormQuantErrorTest, Scales) {
  args_.quantization_type = QuantizationType::kStatic;
  args_.dequant_scale = Tensor();
  ExpectError("rmsnorm_quant: input_dequant_scale is missing");
  const GuardedTensor two(kF32, {2});
  args_.quantization_type = QuantizationType::kStatic;
  args_.input_dequant_scale = two;
  args_.dequant_scale = Tensor();
  ExpectError("rmsnorm_quant: input_dequant_scale is [2]");
  const float zero = 0;
  args_.quantization_type = QuantizationType::kStatic;
  args_.input_dequant_scale = ConstTensor(&zero, kF32, {1});
  args_.dequant_scale = Tensor();
  ExpectError(
      "rmsnorm_quant: input_dequant_scale[0] is 0, expected > 0 and finite");
  args_.input_dequant_scale = two;
  ExpectError(
      "rmsnorm_quant: input_dequant_scale is given but quantization_type is "
      "ROW");
}

TEST_F(RmsNormQuantErrorTest, Attributes) {
  args_.norm_type = NormType::kLayerNorm;
  ExpectError(
      "rmsnorm_quant: norm_type is 2, expected 0 (NO_NORM) or 1 (RMS_NORM)");
  args_.quantization_type = QuantizationType::kMx;
  ExpectError(
      "rmsnorm_quant: quantization_type is 3, expected 1 (STATIC) or 2 (ROW)");
  args_.lower_bound = -1;
  ExpectError("rmsnorm_quant: lower_bound is -1, expected >= 0");
  args_.lower_bound = std::numeric_limits<float>::quiet_NaN();
  ExpectError("rmsnorm_quant: lower_bound is nan, expected >= 0");
  args_.eps = -1;
  ExpectError("rmsnorm_quant: eps is -1, expected >= 0 and finite");
  args_.eps = std::numeric_limits<float>::quiet_NaN();
  ExpectError("rmsnorm_quant: eps is nan, expected >= 0 and finite");
  args_.hidden_actual = 0;
  ExpectError("rmsnorm_quant: hidden_actual is 0, expected 1..8");
  args_.hidden_actual = 9;
  ExpectError("rmsnorm_quant: hidden_actual is 9, expected 1..8");
  args_.intermediate_dtype = DType::kI32;
  ExpectError(
      "rmsnorm_quant: intermediate_dtype is i32, expected f32, bf16, f16");
  args_.group_size = -1;
  ExpectError("rmsnorm_quant: group_size is -1, expected >= 0");
  args_.group_size = 4;
  args_.packed_output = true;
  ExpectError("rmsnorm_quant: group_size is 4, expected 0 unless");
  args_.group_size = 4;
  args_.quantization_type = QuantizationType::kStatic;
  ExpectError("rmsnorm_quant: group_size is 4, expected 0 unless");
  args_.group_size = 4;
  ExpectError("rmsnorm_quant: dequant_scale is [2, 3] but");
}

TEST_F(RmsNormQuantErrorTest, Overlaps) {
  const GuardedTensor memory(kE4M3, {1000});
  args_.out = Tensor(problem_.hidden.view().data(), kE4M3, {2, 3, 8});
  ExpectError("rmsnorm_quant: out overlaps hidden");
  args_.dequant_scale = Tensor(problem_.out.view().data(), kF32, {2, 3});
  ExpectError("rmsnorm_quant: dequant_scale overlaps out");
}

}  // namespace
}  // namespace tilework
