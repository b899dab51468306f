// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What differs from output_projection_cte, whose test covers the
// implementation that both share: shapes, messages, few tokens.

#include "tilework/kernels/output_projection/output_projection_tkg.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/output_projection/output_projection_tkg_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

class OutputProjectionTkgTest : public SimdTargetTest {
 protected:
  void ExpectAgreement(const OutputProjectionTkgArgs& args,
                       const ConstTensor& weight) {
    const std::vector<ExpectedTensor> expected =
        OutputProjectionExpected(args, weight);
    const absl::Status status = OutputProjectionTkg(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Agrees(expected));
  }

  HostContext context_{2};
  Random random_{3};
};
TILEWORK_SIMD_TARGETS(OutputProjectionTkgTest);

TEST_P(OutputProjectionTkgTest, MatchesTheOracle) {
  // B, S, N, D, H
  for (const Dims& size : {Dims{1, 1, 9, 64, 130}, Dims{16, 1, 2, 16, 67},
                           Dims{3, 5, 3, 13, 62}, Dims{1, 1, 1, 1, 1}}) {
    for (const DType dtype : kFloatTypes) {
      for (const bool packed : {false, true}) {
        SCOPED_TRACE(testing::Message()
                     << size.ToString() << Name(dtype) << " packed " << packed);
        const int64_t tokens = size[0] * size[1];
        GuardedTensor attention(dtype, {size[0], size[1], size[2], size[3]});
        GuardedTensor weight(dtype, {size[2] * size[3], size[4]});
        GuardedTensor bias(dtype, {size[4]});
        GuardedTensor residual(dtype, {tokens, size[4]});
        GuardedTensor out(dtype, {tokens, size[4]});
        FillNormal(random_, attention);
        FillNormal(random_, weight, 0.1);
        FillNormal(random_, bias);
        FillNormal(random_, residual);
        const auto matrix = PackedMatrix::Pack(weight, context_);
        ASSERT_TRUE(matrix.ok());
        ExpectAgreement({.attention = attention,
                         .weight = packed ? MatrixOperand(*matrix)
                                          : MatrixOperand(weight.view()),
                         .bias = bias,
                         .residual = residual,
                         .out = out},
                        weight);
        EXPECT_TRUE(out.Intact());
      }
    }
  }
}

TEST_P(OutputProjectionTkgTest, BothShapesOfOutAndStridedViews) {
  // Stored [D, B, N, S]; out stored [H, T].
  GuardedTensor stored(DType::kBF16, {8, 2, 3, 4});
  GuardedTensor weight(DType::kBF16, {24, 10});
  GuardedTensor flat(DType::kBF16, {10, 8});
  GuardedTensor tokens(DType::kBF16, {2, 4, 10}, Layout::kPadded);
  FillNormal(random_, stored);
  FillNormal(random_, weight);
  OutputProjectionTkgArgs args = {
      .attention = stored.view().Permute({1, 3, 2, 0}),
      .weight = weight.view(),
      .out = flat.view().Transpose()};
  ExpectAgreement(args, weight);
  args.out = tokens;
  ExpectAgreement(args, weight);
  EXPECT_TRUE(tokens.Intact());
}

TEST_P(OutputProjectionTkgTest, SameBitsForAnyThreadsAndBatch) {
  GuardedTensor attention(DType::kF16, {20, 1, 3, 16});
  GuardedTensor weight(DType::kF16, {48, 70});
  GuardedTensor expected(DType::kF32, {20, 70});
  FillNormal(random_, attention);
  FillNormal(random_, weight);
  OutputProjectionTkgArgs args = {
      .attention = attention, .weight = weight.view(), .out = expected};
  ASSERT_TRUE(OutputProjectionTkg(args, context_).ok());
  for (const int threads : {1, 2, 3}) {
    HostContext context(threads);
    for (const int64_t count : {1, 2, 16}) {
      GuardedTensor out(DType::kF32, {count, 70});
      args.attention = attention.view().Slice(0, 3, count);
      args.out = out;
      ASSERT_TRUE(OutputProjectionTkg(args, context).ok());
      EXPECT_TRUE(SameBits(out, expected.view().Slice(0, 3, count)))
          << threads << " threads, " << count << " tokens";
    }
  }
}

TEST(OutputProjectionTkgErrorTest, NameTensorAndNumbers) {
  GuardedTensor attention(DType::kF32, {2, 3, 4, 2});
  GuardedTensor weight(DType::kF32, {8, 5});
  GuardedTensor out(DType::kF32, {7, 5});
  HostContext context(1);
  const absl::Status status = OutputProjectionTkg(
      {.attention = attention, .weight = weight.view(), .out = out}, context);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(),
              HasSubstr("output_projection_tkg: out is [7, 5] but T = 6 (from "
                        "B * S)"));
}

}  // namespace
}  // namespace tilework
