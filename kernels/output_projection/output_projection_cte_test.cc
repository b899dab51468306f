// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/output_projection/output_projection_cte.h"

#include <cmath>
#include <cstdint>
#include <limits>
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
#include "tilework/kernels/output_projection/output_projection_cte_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

class OutputProjectionCteTest : public SimdTargetTest {
 protected:
  void ExpectAgreement(const OutputProjectionCteArgs& args,
                       const ConstTensor& weight) {
    const std::vector<ExpectedTensor> expected =
        OutputProjectionExpected(args, weight);
    const absl::Status status = OutputProjectionCte(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Agrees(expected));
  }

  HostContext context_{2};
  Random random_{2};
};
TILEWORK_SIMD_TARGETS(OutputProjectionCteTest);

TEST_P(OutputProjectionCteTest, MatchesTheOracle) {
  // B, S, N, D, H
  for (const Dims& size : {Dims{2, 3, 3, 5, 7}, Dims{1, 1, 1, 1, 1},
                           Dims{1, 9, 4, 32, 66}, Dims{1, 5, 17, 10, 100}}) {
    for (const DType dtype : kFloatTypes) {
      for (const bool packed : {false, true}) {
        SCOPED_TRACE(testing::Message()
                     << size.ToString() << Name(dtype) << " packed " << packed);
        GuardedTensor attention(dtype, {size[0], size[1], size[2], size[3]});
        GuardedTensor weight(dtype, {size[2] * size[3], size[4]});
        GuardedTensor out(dtype, {size[0], size[1], size[4]});
        FillNormal(random_, attention);
        FillNormal(random_, weight, 0.1);
        const auto matrix = PackedMatrix::Pack(weight, context_);
        ASSERT_TRUE(matrix.ok());
        ExpectAgreement({.attention = attention,
                         .weight = packed ? MatrixOperand(*matrix)
                                          : MatrixOperand(weight.view()),
                         .out = out},
                        weight);
        EXPECT_TRUE(out.Intact());
      }
    }
  }
}

TEST_P(OutputProjectionCteTest, EveryLayoutWithBiasAndResidual) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kFloatTypes) {
      SCOPED_TRACE(testing::Message()
                   << static_cast<int>(layout) << " " << Name(dtype));
      GuardedTensor attention(dtype, {2, 3, 4, 9}, layout);
      GuardedTensor weight(dtype, {36, 21}, layout);
      GuardedTensor bias(dtype, {1, 21}, layout);
      GuardedTensor residual(DType::kF32, {2, 3, 21}, layout);
      GuardedTensor out(dtype, {2, 3, 21}, layout);
      FillNormal(random_, attention);
      FillNormal(random_, weight);
      // A large bias, in which the product nearly drowns.
      FillNormal(random_, bias, 1, 100);
      FillNormal(random_, residual);
      ExpectAgreement({.attention = attention,
                       .weight = weight.view(),
                       .bias = bias,
                       .residual = residual,
                       .out = out},
                      weight);
      EXPECT_TRUE(out.Intact());
    }
  }
}

TEST_P(OutputProjectionCteTest, AttentionAsItIsStored) {
  // [B, N, D, S] and [B, N, S, D], and the weight as [H, N * D].
  GuardedTensor weight(DType::kBF16, {11, 24});
  FillNormal(random_, weight);
  const ConstTensor w = weight.view().Transpose();
  for (const bool d_last : {false, true}) {
    GuardedTensor stored(DType::kBF16,
                         d_last ? Dims{2, 3, 5, 8} : Dims{2, 3, 8, 5});
    FillNormal(random_, stored);
    GuardedTensor out(DType::kF32, {2, 5, 11});
    const Dims order = d_last ? Dims{0, 2, 1, 3} : Dims{0, 3, 1, 2};
    ExpectAgreement(
        {.attention = stored.view().Permute(order), .weight = w, .out = out},
        w);
  }
}

TEST_P(OutputProjectionCteTest, ResidualMayBeOut) {
  GuardedTensor attention(DType::kF32, {1, 6, 3, 10});
  GuardedTensor weight(DType::kF32, {30, 40});
  GuardedTensor out(DType::kF32, {1, 6, 40}, Layout::kPadded);
  FillNormal(random_, attention);
  FillNormal(random_, weight);
  FillNormal(random_, out);
  ExpectAgreement({.attention = attention,
                   .weight = weight.view(),
                   .residual = out,
                   .out = out},
                  weight);
  EXPECT_TRUE(out.Intact());
}

TEST_P(OutputProjectionCteTest, EmptySizesDoNothing) {
  NoDispatchNeeded();
  for (const Dims& size : {Dims{0, 2, 3}, Dims{2, 0, 3}, Dims{2, 2, 0}}) {
    GuardedTensor attention(DType::kF32, {size[0], size[1], 2, 2});
    GuardedTensor weight(DType::kF32, {4, size[2]});
    GuardedTensor out(DType::kF32, size);
    EXPECT_TRUE(
        OutputProjectionCte(
            {.attention = attention, .weight = weight.view(), .out = out},
            context_)
            .ok());
    EXPECT_TRUE(out.Intact());
  }
}

TEST_P(OutputProjectionCteTest, NaNStaysInItsToken) {
  GuardedTensor attention(DType::kBF16, {1, 3, 2, 16});
  GuardedTensor weight(DType::kBF16, {32, 20});
  GuardedTensor out(DType::kBF16, {1, 3, 20});
  FillNormal(random_, attention);
  FillNormal(random_, weight);
  Write(attention, {0, 1, 1, 2}, std::numeric_limits<double>::quiet_NaN());
  ASSERT_TRUE(OutputProjectionCte(
                  {.attention = attention, .weight = weight.view(), .out = out},
                  context_)
                  .ok());
  for (int64_t h = 0; h < 20; ++h) {
    EXPECT_TRUE(std::isfinite(Read(out, {0, 0, h})));
    EXPECT_TRUE(std::isnan(Read(out, {0, 1, h})));
    EXPECT_TRUE(std::isfinite(Read(out, {0, 2, h})));
  }
}

TEST_P(OutputProjectionCteTest, SameBitsForAnyThreadsBatchAndLayout) {
  GuardedTensor attention(DType::kBF16, {2, 10, 3, 16}, Layout::kReversed);
  GuardedTensor weight(DType::kBF16, {48, 70});
  GuardedTensor expected(DType::kF32, {2, 10, 70});
  FillNormal(random_, attention);
  FillNormal(random_, weight);
  OutputProjectionCteArgs args = {
      .attention = attention, .weight = weight.view(), .out = expected};
  ASSERT_TRUE(OutputProjectionCte(args, context_).ok());
  for (const int threads : {1, 3}) {
    HostContext context(threads);
    GuardedTensor out(DType::kF32, {2, 10, 70});
    args.out = out;
    ASSERT_TRUE(OutputProjectionCte(args, context).ok());
    EXPECT_TRUE(SameBits(out, expected)) << threads << " threads";
  }
  const Buffer contiguous = ToContiguous(
      attention.view().Slice(0, 1, 1).Slice(1, 7, 1), DType::kBF16);
  GuardedTensor out(DType::kF32, {1, 1, 70});
  args.attention = contiguous.view();
  args.out = out;
  ASSERT_TRUE(OutputProjectionCte(args, context_).ok());
  EXPECT_TRUE(SameBits(out, expected.view().Slice(0, 1, 1).Slice(1, 7, 1)));
}

// ---- Errors, before anything is written.

struct Fault {
  std::string message;
  OutputProjectionCteArgs args;
};

TEST(OutputProjectionCteErrorTest, NameTensorAndNumbers) {
  GuardedTensor attention(DType::kF32, {2, 3, 4, 2});
  GuardedTensor weight(DType::kF32, {8, 5});
  GuardedTensor out(DType::kF32, {2, 3, 5});
  GuardedTensor other(DType::kF32, {2, 4, 8});
  GuardedTensor no_heads(DType::kF32, {2, 3, 0, 2});
  GuardedTensor u8(DType::kU8, {2, 3, 5});
  const OutputProjectionCteArgs good = {
      .attention = attention, .weight = weight.view(), .out = out};
  std::vector<Fault> faults;
  const auto add = [&](const std::string& message, auto change) {
    OutputProjectionCteArgs args = good;
    change(args);
    faults.push_back({message, args});
  };
  using Args = OutputProjectionCteArgs;
  add("attention is missing, expected [B, S, N, D]",
      [](Args& m) { m.attention = ConstTensor(); });
  add("attention is [2, 4, 8], expected [B, S, N, D]",
      [&](Args& m) { m.attention = other; });
  add("attention is [2, 3, 0, 2]: N = 0, expected >= 1",
      [&](Args& m) { m.attention = no_heads; });
  add("weight is missing", [](Args& m) { m.weight = MatrixOperand(); });
  add("weight is [5, 8] but N*D = 8 (from N * D)",
      [&](Args& m) { m.weight = weight.view().Transpose(); });
  add("bias is [2, 4, 8], expected [H] or [1, H]",
      [&](Args& m) { m.bias = other; });
  add("residual is [2, 4, 8] but S = 3 (from attention [2, 3, 4, 2])",
      [&](Args& m) { m.residual = other; });
  add("out is missing", [](Args& m) { m.out = Tensor(); });
  add("out is [2, 4, 8] but S = 3", [&](Args& m) { m.out = other; });
  add("out has dtype u8", [&](Args& m) { m.out = u8; });
  add("out overlaps attention", [&](Args& m) {
    m.out = Tensor(attention.view().data(), DType::kF32, {2, 3, 5});
  });
  add("out overlaps weight", [&](Args& m) {
    m.out = Tensor(weight.view().data(), DType::kF32, {2, 3, 5});
  });
  add("out overlaps bias",
      [&](Args& m) { m.bias = out.view().Select(0, 0).Select(0, 0); });
  add("out overlaps residual without being the same view", [&](Args& m) {
    m.residual = ConstTensor(out.view().data(), DType::kF16, {2, 3, 5});
  });
  HostContext context(1);
  for (const Fault& fault : faults) {
    const absl::Status status = OutputProjectionCte(fault.args, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << fault.message;
    EXPECT_THAT(status.message(),
                HasSubstr("output_projection_cte: " + fault.message));
    EXPECT_TRUE(std::isnan(Read(out, {0, 0, 0}))) << fault.message;
  }
}

}  // namespace
}  // namespace tilework
