// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/matmul/matmul.h"

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
#include "tilework/kernels/matmul/matmul_oracle.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

class MatmulTest : public SimdTargetTest {
 protected:
  // Runs and compares with the oracle; `b` is the matrix, not packed.
  void ExpectAgreement(const MatmulArgs& args, const MatrixOperand& b) {
    const std::vector<ExpectedTensor> expected = MatmulExpected(args, b);
    const absl::Status status = Matmul(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Agrees(expected));
  }

  HostContext context_{2};
  Random random_{1};
};
TILEWORK_SIMD_TARGETS(MatmulTest);

struct TypePair {
  DType a, b;
};
constexpr TypePair kTypePairs[] = {
    {DType::kF32, DType::kF32}, {DType::kBF16, DType::kBF16},
    {DType::kF16, DType::kF16}, {DType::kF32, DType::kBF16},
    {DType::kF32, DType::kF16}, {DType::kBF16, DType::kF32},
    {DType::kF16, DType::kF32},
};

TEST_P(MatmulTest, MatchesTheOracle) {
  for (const TypePair types : kTypePairs) {
    for (const Dims& size : {Dims{1, 1, 1}, Dims{17, 33, 7}, Dims{3, 0, 5},
                             Dims{2, 300, 130}, Dims{40, 37, 65}}) {
      for (const bool packed : {false, true}) {
        SCOPED_TRACE(testing::Message()
                     << Name(types.a) << " x " << Name(types.b) << " "
                     << size.ToString() << " packed " << packed);
        GuardedTensor a(types.a, {size[0], size[1]});
        GuardedTensor b(types.b, {size[1], size[2]});
        GuardedTensor out(types.a, {size[0], size[2]});
        FillNormal(random_, a);
        FillNormal(random_, b, 0.1, 0.02);
        auto matrix = PackedMatrix::Pack(b, context_);
        ASSERT_TRUE(matrix.ok());
        const MatmulArgs args = {
            .a = a,
            .b = packed ? MatrixOperand(*matrix) : MatrixOperand(b.view()),
            .out = out};
        ExpectAgreement(args, b.view());
        EXPECT_TRUE(out.Intact());
      }
    }
  }
}

TEST_P(MatmulTest, EveryLayoutAndOutputType) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kFloatTypes) {
      SCOPED_TRACE(testing::Message()
                   << static_cast<int>(layout) << " " << Name(dtype));
      GuardedTensor a(DType::kF32, {2, 5, 19}, layout);
      GuardedTensor b(dtype, {19, 70}, layout);
      GuardedTensor bias(dtype, {70}, layout);
      GuardedTensor residual(dtype, {2, 5, 70}, layout);
      GuardedTensor out(dtype, {2, 5, 70}, layout);
      for (const Tensor& t :
           {a.view(), b.view(), bias.view(), residual.view()}) {
        FillNormal(random_, t);
      }
      ExpectAgreement({.a = a,
                       .b = b.view(),
                       .bias = bias,
                       .residual = residual,
                       .out = out,
                       .alpha = 0.5f,
                       .beta = -2.0f},
                      b.view());
      EXPECT_TRUE(out.Intact());
      EXPECT_TRUE(residual.Intact());
    }
  }
}

TEST_P(MatmulTest, ActivationsComeAfterBiasAndBeforeResidual) {
  for (const ActFnType activation :
       {ActFnType::kSiLU, ActFnType::kGELU, ActFnType::kGELUTanhApprox,
        ActFnType::kSwish, ActFnType::kReLU, ActFnType::kReLU2,
        ActFnType::kSigmoid, ActFnType::kTanh}) {
    SCOPED_TRACE(static_cast<int>(activation));
    GuardedTensor a(DType::kF32, {9, 20});
    GuardedTensor b(DType::kF32, {20, 33});
    GuardedTensor bias(DType::kF32, {33});
    GuardedTensor residual(DType::kF32, {9, 33});
    GuardedTensor out(DType::kF32, {9, 33});
    for (const Tensor& t : {a.view(), b.view(), bias.view(), residual.view()}) {
      FillNormal(random_, t);
    }
    ExpectAgreement({.a = a,
                     .b = b.view(),
                     .bias = bias,
                     .residual = residual,
                     .out = out,
                     .activation = activation},
                    b.view());
  }
}

TEST_P(MatmulTest, TransposedWeightAndManyLeadingDimensions) {
  GuardedTensor a(DType::kBF16, {2, 3, 2, 4, 10}, Layout::kPadded);
  GuardedTensor b(DType::kBF16, {21, 10});
  GuardedTensor out(DType::kF32, {2, 3, 2, 4, 21}, Layout::kReversed);
  FillNormal(random_, a);
  FillNormal(random_, b);
  const ConstTensor transposed = b.view().Transpose();
  ExpectAgreement({.a = a, .b = transposed, .out = out}, transposed);
  EXPECT_TRUE(out.Intact());
}

TEST_P(MatmulTest, ResidualMayBeOut) {
  GuardedTensor a(DType::kF32, {6, 30});
  GuardedTensor b(DType::kF32, {30, 40});
  GuardedTensor out(DType::kF32, {6, 40}, Layout::kPadded);
  FillNormal(random_, a);
  FillNormal(random_, b);
  FillNormal(random_, out);
  ExpectAgreement({.a = a, .b = b.view(), .residual = out, .out = out},
                  b.view());
  EXPECT_TRUE(out.Intact());
}

TEST_P(MatmulTest, NoContractionGivesBiasAndBetaZeroReadsNoResidual) {
  GuardedTensor bias(DType::kF32, {5});
  GuardedTensor residual(DType::kF32, {3, 5});  // NaN
  GuardedTensor out(DType::kF32, {3, 5});
  FillNormal(random_, bias);
  ASSERT_TRUE(Matmul({.a = GuardedTensor(DType::kF32, {3, 0}),
                      .b = GuardedTensor(DType::kF32, {0, 5}).view(),
                      .bias = bias,
                      .residual = residual,
                      .out = out,
                      .beta = 0},
                     context_)
                  .ok());
  for (int64_t m = 0; m < 3; ++m) {
    EXPECT_TRUE(SameBits(out.view().Select(0, m), bias));
  }
}

TEST_P(MatmulTest, EmptyOutputIsLeftAlone) {
  NoDispatchNeeded();
  GuardedTensor a(DType::kF32, {0, 8});
  GuardedTensor b(DType::kF32, {8, 8});
  GuardedTensor out(DType::kF32, {0, 8});
  EXPECT_TRUE(Matmul({.a = a, .b = b.view(), .out = out}, context_).ok());
  EXPECT_TRUE(out.Intact());
}

TEST_P(MatmulTest, NaNAndInfinityStayInTheirRows) {
  for (const DType dtype : kFloatTypes) {
    GuardedTensor a(dtype, {4, 18});
    GuardedTensor b(dtype, {18, 20});
    GuardedTensor out(dtype, {4, 20});
    FillUniform(random_, a, 0.5, 1.0);
    FillUniform(random_, b, 0.5, 1.0);
    Write(a, {1, 3}, std::numeric_limits<double>::quiet_NaN());
    Write(a, {2, 17}, std::numeric_limits<double>::infinity());
    ASSERT_TRUE(Matmul({.a = a, .b = b.view(), .out = out}, context_).ok());
    for (int64_t n = 0; n < 20; ++n) {
      EXPECT_TRUE(std::isfinite(Read(out, {0, n})));
      EXPECT_TRUE(std::isnan(Read(out, {1, n})));
      EXPECT_EQ(Read(out, {2, n}), std::numeric_limits<double>::infinity());
      EXPECT_TRUE(std::isfinite(Read(out, {3, n})));
    }
  }
}

TEST_P(MatmulTest, SameBitsForAnyThreadsBatchAndPacking) {
  for (const DType dtype : kFloatTypes) {
    GuardedTensor a(dtype, {21, 100});
    GuardedTensor b(dtype, {100, 150});
    GuardedTensor bias(dtype, {150});
    GuardedTensor expected(DType::kF32, {21, 150});
    FillNormal(random_, a);
    FillNormal(random_, b);
    FillNormal(random_, bias);
    MatmulArgs args = {.a = a,
                       .b = b.view(),
                       .bias = bias,
                       .out = expected,
                       .activation = ActFnType::kSiLU};
    ASSERT_TRUE(Matmul(args, context_).ok());
    for (const int threads : {1, 3}) {
      HostContext context(threads);
      GuardedTensor out(DType::kF32, {21, 150});
      args.out = out;
      ASSERT_TRUE(Matmul(args, context).ok());
      EXPECT_TRUE(SameBits(out, expected)) << threads << " threads";
    }
    const auto packed = PackedMatrix::Pack(b, context_);
    ASSERT_TRUE(packed.ok());
    args.b = *packed;
    for (const int64_t row : {int64_t{0}, int64_t{7}, int64_t{20}}) {
      GuardedTensor out(DType::kF32, {1, 150});
      args.a = a.view().Slice(0, row, 1);
      args.out = out;
      ASSERT_TRUE(Matmul(args, context_).ok());
      EXPECT_TRUE(SameBits(out, expected.view().Slice(0, row, 1)))
          << "row " << row;
    }
  }
}

// ---- Errors, before anything is written.

struct Fault {
  std::string message;
  MatmulArgs args;
};

TEST(MatmulErrorTest, NameTensorAndNumbers) {
  GuardedTensor a(DType::kF32, {2, 3, 8});
  GuardedTensor b(DType::kF32, {8, 5});
  GuardedTensor out(DType::kF32, {2, 3, 5});
  GuardedTensor other(DType::kF32, {2, 4, 8});
  GuardedTensor bf16(DType::kBF16, {2, 3, 8});
  GuardedTensor f16(DType::kF16, {8, 5});
  GuardedTensor u8(DType::kU8, {2, 3, 8});
  GuardedTensor four(DType::kF32, {4});
  const MatmulArgs good = {.a = a, .b = b.view(), .out = out};
  std::vector<Fault> faults;
  const auto add = [&](const std::string& message, auto change) {
    MatmulArgs args = good;
    change(args);
    faults.push_back({message, args});
  };
  add("a is missing", [](MatmulArgs& m) { m.a = ConstTensor(); });
  add("b is missing", [](MatmulArgs& m) { m.b = MatrixOperand(); });
  add("out is missing", [](MatmulArgs& m) { m.out = Tensor(); });
  add("a has dtype u8, expected f32 or bf16 or f16",
      [&](MatmulArgs& m) { m.a = u8; });
  add("b is [5, 8] but K = 8 (from a [2, 3, 8])",
      [&](MatmulArgs& m) { m.b = b.view().Transpose(); });
  add("out is [2, 4, 8] but M = 3 (from a [2, 3, 8])",
      [&](MatmulArgs& m) { m.out = other; });
  add("bias is [4] but N = 5 (from b [8, 5])",
      [&](MatmulArgs& m) { m.bias = four; });
  add("residual is [2, 4, 8] but M = 3",
      [&](MatmulArgs& m) { m.residual = other; });
  add("b has dtype f16, expected f32 or bf16 or f8e4m3 or", [&](MatmulArgs& m) {
    m.a = bf16;
    m.b = f16.view();
  });
  add("out overlaps a", [&](MatmulArgs& m) {
    m.out = Tensor(a.view().data(), DType::kF32, {2, 3, 5});
  });
  add("out overlaps b", [&](MatmulArgs& m) {
    m.out = Tensor(b.view().data(), DType::kF32, {2, 3, 5});
  });
  add("out overlaps bias",
      [&](MatmulArgs& m) { m.bias = out.view().Select(0, 0).Select(0, 0); });
  add("out overlaps residual without being the same view", [&](MatmulArgs& m) {
    m.residual = ConstTensor(out.view().data(), DType::kBF16, {2, 3, 5});
  });
  add("a is [2, 3, 8] but its data is null", [](MatmulArgs& m) {
    m.a = ConstTensor(nullptr, DType::kF32, {2, 3, 8});
  });
  HostContext context(1);
  for (const Fault& fault : faults) {
    const absl::Status status = Matmul(fault.args, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << fault.message;
    EXPECT_THAT(status.message(), HasSubstr("matmul: " + fault.message));
    EXPECT_TRUE(std::isnan(Read(out, {0, 0, 0}))) << fault.message;
  }
}

}  // namespace
}  // namespace tilework
