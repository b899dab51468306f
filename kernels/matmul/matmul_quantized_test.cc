// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Products of quantized operands, and of batches of both operands.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/matmul/matmul.h"
#include "tilework/kernels/matmul/matmul_oracle.h"
#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using enum QuantScheme;
using ::testing::HasSubstr;

constexpr DType kFloat8Types[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                                  DType::kF8E5M2};

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Codes with their scales.
struct Codes {
  GuardedTensor data;
  GuardedTensor scales;
  bool transposed = false;  // data is [.., N, K]
  QuantScheme scheme;

  ConstTensor view() const {
    return transposed ? data.view().Transpose() : data.view();
  }
  QuantizedMatrix matrix() const { return {view(), scales.view(), scheme}; }
};

class MatmulQuantizedTest : public SimdTargetTest {
 protected:
  // An operand [leading.., rows, cols]; its scales have leading dimensions too
  // if `batch_scales`.
  Codes MakeCodes(DType dtype, QuantScheme scheme, bool is_left,
                  const Dims& shape, bool batch_scales = false,
                  Layout layout = Layout::kContiguous) {
    const int64_t rows = shape[shape.size() - 2];
    const int64_t cols = shape[shape.size() - 1];
    Dims inner = {1};
    if (scheme == kPerSegment) inner = {3};
    if (scheme == kPerToken) inner = {rows};
    if (scheme == kPerChannel) inner = {cols};
    if (scheme == kMx && is_left) inner = {rows, CeilDiv(cols, 32)};
    if (scheme == kMx && !is_left) inner = {CeilDiv(rows, 32), cols};
    if (scheme == kMxCompact || scheme == kBlock128) {
      inner = {is_left ? rows : CeilDiv(rows, 128), CeilDiv(cols, 128)};
    }
    Dims scale_shape;
    for (int i = 0; batch_scales && i < shape.size() - 2; ++i) {
      scale_shape.push_back(shape[i]);
    }
    for (const int64_t dim : inner) scale_shape.push_back(dim);
    const bool is_mx = scheme == kMx || scheme == kMxCompact;
    Dims stored = shape;
    const bool transposed = dtype == DType::kF4E2M1;
    if (transposed) {
      stored[shape.size() - 2] = cols;
      stored[shape.size() - 1] = rows;
    }
    Codes codes = {.data = GuardedTensor(dtype, stored, layout),
                   .scales = GuardedTensor(is_mx ? DType::kE8M0 : DType::kF32,
                                           scale_shape, layout),
                   .transposed = transposed,
                   .scheme = scheme};
    FillNormal(random_, codes.data);
    FillUniform(random_, codes.scales, 0.1, 3);
    return codes;
  }

  void ExpectAgreement(const MatmulArgs& args, const MatrixOperand& b) {
    const std::vector<ExpectedTensor> expected = MatmulExpected(args, b);
    const absl::Status status = Matmul(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(Agrees(expected));
  }
  // With b plain and packed, which give the same bits.
  void ExpectAgreementPlainAndPacked(MatmulArgs args, const Codes& b) {
    args.b = b.matrix();
    ExpectAgreement(args, b.matrix());
    GuardedTensor again(args.out.dtype(), args.out.shape());
    const auto packed = PackedMatrix::Pack(b.matrix(), context_);
    ASSERT_TRUE(packed.ok()) << packed.status();
    const ConstTensor plain_out = args.out;
    args.b = *packed;
    args.out = again;
    const absl::Status status = Matmul(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    const Buffer copy = ToContiguous(plain_out, plain_out.dtype());
    EXPECT_TRUE(SameBits(again, copy.view()));
  }

  HostContext context_{2};
  Random random_{1};
};
TILEWORK_SIMD_TARGETS(MatmulQuantizedTest);

std::vector<DType> CodesOf(QuantScheme scheme, bool is_left) {
  switch (scheme) {
    case kMx:
      if (is_left) return {DType::kF8E4M3, DType::kF8E5M2};
      return {DType::kF8E4M3, DType::kF8E5M2, DType::kF4E2M1};
    case kMxCompact:
    case kBlock128:
      return {DType::kF8E4M3};
    default:
      return {DType::kF8E4M3, DType::kF8E4M3_240, DType::kF8E5M2};
  }
}

struct Pair {
  QuantScheme a, b;
};
constexpr Pair kCodePairs[] = {{kPerTensor, kPerTensor},
                               {kPerTensor, kPerChannel},
                               {kPerTensor, kPerSegment},
                               {kPerToken, kPerTensor},
                               {kPerToken, kPerChannel},
                               {kPerToken, kPerSegment},
                               {kMx, kMx},
                               {kMx, kMxCompact},
                               {kMx, kPerTensor},
                               {kMx, kPerChannel},
                               {kBlock128, kBlock128}};
constexpr QuantScheme kWeightSchemes[] = {kPerTensor, kPerChannel, kMx,
                                          kMxCompact, kBlock128};

void SetSegments(MatmulArgs& args) {
  args.b_scheme = kPerSegment;
  args.segment_columns = {args.out.dim(-1) / 3, args.out.dim(-1) / 2};
}

TEST_P(MatmulQuantizedTest, CodesTimesCodes) {
  for (const Pair pair : kCodePairs) {
    for (const DType a_type : CodesOf(pair.a, true)) {
      for (const DType b_type : CodesOf(pair.b, false)) {
        for (const Dims& size :
             {Dims{1, 1, 1}, Dims{17, 33, 7}, Dims{5, 300, 140}}) {
          SCOPED_TRACE(testing::Message()
                       << Name(pair.a) << " " << Name(a_type) << " x "
                       << Name(pair.b) << " " << Name(b_type) << " "
                       << size.ToString());
          const Codes a = MakeCodes(a_type, pair.a, true, {size[0], size[1]});
          const Codes b = MakeCodes(b_type, pair.b, false, {size[1], size[2]});
          GuardedTensor out(DType::kF32, {size[0], size[2]});
          MatmulArgs args = {.a = a.matrix(), .b = b.matrix(), .out = out};
          if (pair.b == kPerSegment) SetSegments(args);
          ExpectAgreementPlainAndPacked(args, b);
          EXPECT_TRUE(out.Intact());
        }
      }
    }
  }
}

TEST_P(MatmulQuantizedTest, WeightOnly) {
  for (const DType a_type : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const QuantScheme scheme : kWeightSchemes) {
      if (a_type == DType::kF16 && ScalesInsideSum(scheme)) continue;
      for (const DType b_type : CodesOf(scheme, false)) {
        SCOPED_TRACE(testing::Message() << Name(a_type) << " x " << Name(scheme)
                                        << " " << Name(b_type));
        GuardedTensor a(a_type, {9, 270});
        FillNormal(random_, a);
        const Codes b = MakeCodes(b_type, scheme, false, {270, 133});
        GuardedTensor out(a_type, {9, 133});
        ExpectAgreementPlainAndPacked({.a = a, .out = out}, b);
      }
    }
  }
}

TEST_P(MatmulQuantizedTest, QuantizesTheLeftOperand) {
  GuardedTensor in_scale(DType::kF32, {1});
  Write(in_scale, {0}, 0.02);
  struct Case {
    ActQuant act_quant;
    std::vector<QuantScheme> schemes;
  };
  const Case cases[] = {
      {ActQuant::kStatic, {kPerTensor, kPerChannel}},
      {ActQuant::kRow, {kPerTensor, kPerChannel}},
      {ActQuant::kMx, {kMx, kMxCompact, kPerTensor, kPerChannel}},
      {ActQuant::kBlock128, {kBlock128}}};
  for (const DType a_type : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const Case& c : cases) {
      for (const QuantScheme scheme : c.schemes) {
        for (const DType b_type : CodesOf(scheme, false)) {
          SCOPED_TRACE(testing::Message()
                       << Name(a_type) << " " << static_cast<int>(c.act_quant)
                       << " x " << Name(scheme) << " " << Name(b_type));
          GuardedTensor a(a_type, {6, 150}, Layout::kPadded);
          FillNormal(random_, a);
          const Codes b = MakeCodes(b_type, scheme, false, {150, 131});
          GuardedTensor out(DType::kF32, {6, 131});
          MatmulArgs args = {.a = a, .out = out, .act_quant = c.act_quant};
          if (c.act_quant == ActQuant::kStatic) args.a_in_scale = in_scale;
          if (c.act_quant == ActQuant::kRow) args.quant_clipping_bound = 1.5f;
          if (c.act_quant == ActQuant::kMx) {
            args.scale_mode = MxScaleMode::kRceil;
          }
          ExpectAgreementPlainAndPacked(args, b);
        }
      }
    }
  }
}

// Leading dimensions of a, of b and of the result.
struct BatchCase {
  Dims a, b, out;
};
const BatchCase kBatches[] = {{{3}, {3}, {3}},
                              {{}, {2}, {2}},
                              {{3}, {}, {3}},
                              {{2, 1}, {3}, {2, 3}},
                              {{1, 4}, {2, 1, 1}, {2, 1, 4}}};

Dims With(const Dims& leading, int64_t rows, int64_t cols) {
  Dims shape = leading;
  shape.push_back(rows);
  shape.push_back(cols);
  return shape;
}

TEST_P(MatmulQuantizedTest, BatchesBroadcast) {
  for (const BatchCase& batch : kBatches) {
    for (const Layout layout : kAllLayouts) {
      SCOPED_TRACE(testing::Message()
                   << batch.a.ToString() << " x " << batch.b.ToString()
                   << " layout " << static_cast<int>(layout));
      GuardedTensor a(DType::kBF16, With(batch.a, 5, 20), layout);
      GuardedTensor b(DType::kBF16, With(batch.b, 20, 33), layout);
      GuardedTensor bias(DType::kF32, {5}, layout);
      GuardedTensor multiplier(DType::kF16, With(batch.out, 5, 33), layout);
      GuardedTensor out(DType::kF32, With(batch.out, 5, 33), layout);
      for (const Tensor& t :
           {a.view(), b.view(), bias.view(), multiplier.view(), out.view()}) {
        FillNormal(random_, t);
      }
      ExpectAgreement({.a = a,
                       .b = b.view(),
                       .bias = bias,
                       .multiplier = multiplier,
                       .residual = out,
                       .out = out,
                       .beta = 0.5f,
                       .bias_dim = MatmulBiasDim::kM},
                      b.view());
      EXPECT_TRUE(out.Intact());
    }
  }
}

TEST_P(MatmulQuantizedTest, ScalesOfBatches) {
  for (const BatchCase& batch : kBatches) {
    for (const Pair pair : kCodePairs) {
      for (const bool batch_scales : {false, true}) {
        SCOPED_TRACE(testing::Message()
                     << batch.a.ToString() << " x " << batch.b.ToString() << " "
                     << Name(pair.a) << " x " << Name(pair.b) << " scales too "
                     << batch_scales);
        const Codes a =
            MakeCodes(DType::kF8E4M3, pair.a, true, With(batch.a, 4, 140),
                      batch_scales, Layout::kReversed);
        const Codes b =
            MakeCodes(DType::kF8E4M3, pair.b, false, With(batch.b, 140, 9),
                      batch_scales, Layout::kPadded);
        GuardedTensor out(DType::kF32, With(batch.out, 4, 9));
        MatmulArgs args = {.a = a.matrix(), .b = b.matrix(), .out = out};
        if (pair.b == kPerSegment) SetSegments(args);
        ExpectAgreement(args, b.matrix());
      }
    }
  }
}

TEST_P(MatmulQuantizedTest, PackedWeightWithBatches) {
  const Codes a = MakeCodes(DType::kF8E4M3, kPerTensor, true, {2, 3, 4, 60},
                            /*batch_scales=*/true);
  const Codes b = MakeCodes(DType::kF8E5M2, kPerChannel, false, {60, 40});
  GuardedTensor out(DType::kBF16, {2, 3, 4, 40});
  ExpectAgreementPlainAndPacked({.a = a.matrix(), .out = out}, b);
}

TEST_P(MatmulQuantizedTest, SchemesFollowFromTypesAndShapes) {
  for (const Pair pair : kCodePairs) {
    if (pair.b == kPerSegment) continue;
    const Codes a = MakeCodes(DType::kF8E4M3, pair.a, true, {6, 200});
    const Codes b = MakeCodes(DType::kF8E4M3, pair.b, false, {200, 150});
    GuardedTensor given(DType::kF32, {6, 150});
    GuardedTensor inferred(DType::kF32, {6, 150});
    ASSERT_TRUE(
        Matmul({.a = a.matrix(), .b = b.matrix(), .out = given}, context_)
            .ok());
    const absl::Status status =
        Matmul({.a = QuantizedMatrix{a.view(), a.scales.view()},
                .b = QuantizedMatrix{b.view(), b.scales.view()},
                .out = inferred},
               context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(SameBits(inferred, given))
        << Name(pair.a) << " x " << Name(pair.b);
  }
}

// ---- Exact identities.

TEST_P(MatmulQuantizedTest, RowsQuantizedBeforeGiveTheSameBits) {
  for (const DType code : kFloat8Types) {
    GuardedTensor x(DType::kBF16, {7, 90});
    FillNormal(random_, x);
    GuardedTensor quantized(code, {7, 90});
    GuardedTensor scales(DType::kF32, {7});
    ASSERT_TRUE(RowQuantization({.hidden_state = x,
                                 .quantized = quantized,
                                 .dequant_scale = scales,
                                 .lower_bound = 0.8f},
                                context_)
                    .ok());
    // Beside f8e5m2 weights activations are f8e4m3.
    const DType weight = code == DType::kF8E5M2 ? DType::kF8E4M3 : code;
    const Codes b = MakeCodes(weight, kPerChannel, false, {90, 35});
    GuardedTensor expected(DType::kF32, {7, 35});
    GuardedTensor actual(DType::kF32, {7, 35});
    ASSERT_TRUE(Matmul({.a = QuantizedMatrix{quantized, scales},
                        .b = b.matrix(),
                        .out = expected},
                       context_)
                    .ok());
    ASSERT_TRUE(Matmul({.a = x,
                        .b = b.matrix(),
                        .out = actual,
                        .act_quant = ActQuant::kRow,
                        .quant_clipping_bound = 0.8f},
                       context_)
                    .ok());
    if (code == DType::kF8E5M2) {
      EXPECT_FALSE(SameBits(actual, expected));
    } else {
      EXPECT_TRUE(SameBits(actual, expected)) << Name(code);
    }
  }
}

TEST_P(MatmulQuantizedTest, SegmentsAreChannelsThatShareScales) {
  const Codes a = MakeCodes(DType::kF8E4M3, kPerToken, true, {3, 50});
  const Codes b = MakeCodes(DType::kF8E4M3, kPerSegment, false, {50, 40});
  GuardedTensor channels(DType::kF32, {40});
  for (int64_t n = 0; n < 40; ++n) {
    Write(channels, {n}, Read(b.scales, {n < 11 ? 0 : n < 30 ? 1 : 2}));
  }
  GuardedTensor expected(DType::kF32, {3, 40});
  GuardedTensor actual(DType::kF32, {3, 40});
  ASSERT_TRUE(Matmul({.a = a.matrix(),
                      .b = QuantizedMatrix{b.view(), channels},
                      .out = expected},
                     context_)
                  .ok());
  MatmulArgs args = {.a = a.matrix(),
                     .b = b.matrix(),
                     .out = actual,
                     .segment_columns = {{11, 30}}};
  ASSERT_TRUE(Matmul(args, context_).ok());
  EXPECT_TRUE(SameBits(actual, expected));
  // Segments may be empty.
  args.segment_columns = {{0, 40}};
  ASSERT_TRUE(Matmul(args, context_).ok());
  args.segment_columns = std::nullopt;
  EXPECT_FALSE(Matmul(args, context_).ok());
}

TEST_P(MatmulQuantizedTest, ModesAndHintsDoNotChangeBits) {
  GuardedTensor a(DType::kF32, {5, 70});
  GuardedTensor b(DType::kF32, {70, 20});
  FillNormal(random_, a);
  FillNormal(random_, b);
  GuardedTensor expected(DType::kF32, {5, 20});
  MatmulArgs args = {.a = a, .b = b.view(), .out = expected};
  ASSERT_TRUE(Matmul(args, context_).ok());
  for (const F32Mode mode : {F32Mode::kTf32, F32Mode::kBf16}) {
    GuardedTensor out(DType::kF32, {5, 20});
    args.out = out;
    args.f32_mode = mode;
    args.batch_invariant = true;
    ASSERT_TRUE(Matmul(args, context_).ok());
    EXPECT_TRUE(SameBits(out, expected));
  }
}

TEST_P(MatmulQuantizedTest, SameBitsForAnyThreadsAndARowAlone) {
  for (const Pair pair : kCodePairs) {
    const Codes a = MakeCodes(DType::kF8E4M3, pair.a, true, {9, 260});
    const Codes b = MakeCodes(DType::kF8E4M3, pair.b, false, {260, 150});
    GuardedTensor expected(DType::kF32, {9, 150});
    MatmulArgs args = {.a = a.matrix(), .b = b.matrix(), .out = expected};
    if (pair.b == kPerSegment) SetSegments(args);
    ASSERT_TRUE(Matmul(args, context_).ok());
    for (const int threads : {1, 3, 5}) {
      HostContext context(threads);
      GuardedTensor out(DType::kF32, {9, 150});
      args.out = out;
      ASSERT_TRUE(Matmul(args, context).ok());
      EXPECT_TRUE(SameBits(out, expected)) << threads << " threads";
    }
    for (const int64_t row : {0, 4, 8}) {
      GuardedTensor out(DType::kF32, {1, 150});
      QuantizedMatrix part = a.matrix();
      part.data = part.data.Slice(0, row, 1);
      if (pair.a != kPerTensor) part.scales = part.scales.Slice(0, row, 1);
      args.a = part;
      args.out = out;
      ASSERT_TRUE(Matmul(args, context_).ok());
      EXPECT_TRUE(SameBits(out, expected.view().Slice(0, row, 1)))
          << Name(pair.a) << " x " << Name(pair.b);
    }
  }
}

// ---- Outputs of 8 bits, and special values.

TEST_P(MatmulQuantizedTest, OutputsOfEightBits) {
  for (const DType dtype : kFloat8Types) {
    for (const Layout layout : kAllLayouts) {
      GuardedTensor a(DType::kBF16, {11, 40});
      GuardedTensor b(DType::kBF16, {40, 37});
      GuardedTensor residual(DType::kF32, {11, 37});
      GuardedTensor out_scale(DType::kF32, {1});
      GuardedTensor out(dtype, {11, 37}, layout);
      FillNormal(random_, a);
      FillNormal(random_, b);
      FillNormal(random_, residual, 100);
      Write(out_scale, {0}, 0.37);
      MatmulArgs args = {.a = a,
                         .b = b.view(),
                         .residual = residual,
                         .out_scale = out_scale,
                         .out = out};
      ExpectAgreement(args, b.view());
      args.out_scale = ConstTensor();
      ExpectAgreement(args, b.view());
      EXPECT_TRUE(out.Intact());
    }
  }
}

TEST_P(MatmulQuantizedTest, EightBitsSaturateAndKeepNaN) {
  for (const DType dtype : kFloat8Types) {
    GuardedTensor a(DType::kF32, {4, 1});
    GuardedTensor b(DType::kF32, {1, 2});
    GuardedTensor out(dtype, {4, 2});
    const double rows[] = {1e30, -std::numeric_limits<double>::infinity(),
                           std::numeric_limits<double>::quiet_NaN(), 1};
    for (int64_t m = 0; m < 4; ++m) Write(a, {m, 0}, rows[m]);
    FillUniform(random_, b, 1, 1.0001);
    ASSERT_TRUE(Matmul({.a = a, .b = b.view(), .out = out}, context_).ok());
    EXPECT_EQ(Read(out, {0, 0}), LargestCode(dtype));
    EXPECT_EQ(Read(out, {1, 1}), -LargestCode(dtype));
    EXPECT_TRUE(std::isnan(Read(out, {2, 0})));
    EXPECT_EQ(Read(out, {3, 0}), 1);
  }
}

TEST_P(MatmulQuantizedTest, ClampsKeepNaNAndComeBeforeTheActivation) {
  GuardedTensor a(DType::kF32, {4, 1});
  GuardedTensor b(DType::kF32, {1, 1});
  GuardedTensor out(DType::kF32, {4, 1});
  Write(b, {0, 0}, 1);
  const double rows[] = {-5, 7, std::numeric_limits<double>::quiet_NaN(), 1.5};
  for (int64_t m = 0; m < 4; ++m) Write(a, {m, 0}, rows[m]);
  ASSERT_TRUE(Matmul({.a = a,
                      .b = b.view(),
                      .out = out,
                      .activation = ActFnType::kReLU,
                      .clamp_lower = -2.0f,
                      .clamp_upper = 2.0f},
                     context_)
                  .ok());
  EXPECT_EQ(Read(out, {0, 0}), 0);
  EXPECT_EQ(Read(out, {1, 0}), 2);
  EXPECT_TRUE(std::isnan(Read(out, {2, 0})));
  EXPECT_EQ(Read(out, {3, 0}), 1.5);
}

TEST_P(MatmulQuantizedTest, NaNStaysInItsRow) {
  for (const ActQuant act_quant :
       {ActQuant::kNone, ActQuant::kRow, ActQuant::kMx}) {
    GuardedTensor a(DType::kBF16, {3, 80});
    FillNormal(random_, a);
    Write(a, {1, 70}, std::numeric_limits<double>::quiet_NaN());
    const Codes b = MakeCodes(DType::kF8E4M3, kPerChannel, false, {80, 20});
    GuardedTensor out(DType::kF32, {3, 20});
    ASSERT_TRUE(
        Matmul({.a = a, .b = b.matrix(), .out = out, .act_quant = act_quant},
               context_)
            .ok());
    for (int64_t n = 0; n < 20; ++n) {
      EXPECT_TRUE(std::isfinite(Read(out, {0, n})));
      EXPECT_TRUE(std::isnan(Read(out, {1, n})));
      EXPECT_TRUE(std::isfinite(Read(out, {2, n})));
    }
  }
}

TEST_P(MatmulQuantizedTest, NoContractionGivesTheBias) {
  GuardedTensor bias(DType::kF32, {5});
  FillNormal(random_, bias);
  for (const Pair pair : kCodePairs) {
    const Codes a = MakeCodes(DType::kF8E4M3, pair.a, true, {3, 0});
    const Codes b = MakeCodes(DType::kF8E4M3, pair.b, false, {0, 5});
    GuardedTensor out(DType::kF32, {3, 5});
    MatmulArgs args = {
        .a = a.matrix(), .b = b.matrix(), .bias = bias, .out = out};
    if (pair.b == kPerSegment) SetSegments(args);
    const absl::Status status = Matmul(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    for (int64_t m = 0; m < 3; ++m) {
      EXPECT_TRUE(SameBits(out.view().Select(0, m), bias))
          << Name(pair.a) << " x " << Name(pair.b);
    }
  }
}

TEST_P(MatmulQuantizedTest, LargeScratchGrowsOnce) {
  const Codes b = MakeCodes(DType::kF4E2M1, kMx, false, {96, 64});
  GuardedTensor a(DType::kBF16, {20, 96});
  GuardedTensor out(DType::kBF16, {20, 64});
  FillNormal(random_, a);
  const MatmulArgs args = {
      .a = a, .b = b.matrix(), .out = out, .act_quant = ActQuant::kMx};
  ASSERT_TRUE(Matmul(args, context_).ok());
  ASSERT_TRUE(Matmul(args, context_).ok());
  const size_t capacity = context_.arena().capacity();
  ASSERT_TRUE(Matmul(args, context_).ok());
  EXPECT_EQ(context_.arena().capacity(), capacity);
}

// ---- Errors, before anything is written.

class Faults {
 public:
  explicit Faults(const MatmulArgs& good) : good_(good) {}

  template <typename F>
  void Expect(const std::string& message, const F& change) {
    MatmulArgs args = good_;
    change(args);
    HostContext context(1);
    const absl::Status status = Matmul(args, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << message;
    EXPECT_THAT(status.message(), HasSubstr("matmul: " + message));
    if (args.out.present()) {
      EXPECT_TRUE(std::isnan(Read(args.out, {0, 0}))) << message;
    }
  }

 private:
  MatmulArgs good_;
};

TEST(MatmulQuantizedErrorTest, OperandsAndScales) {
  GuardedTensor a(DType::kF8E4M3, {3, 200});
  GuardedTensor b(DType::kF8E4M3, {200, 140});
  GuardedTensor out(DType::kF32, {3, 140});
  const auto f32 = [](const Dims& shape) {
    GuardedTensor scales(DType::kF32, shape);
    ForEachIndex(shape, [&](const Dims& i) { Write(scales, i, 1); });
    return scales;
  };
  const GuardedTensor one = f32({1}), three = f32({3}), columns = f32({140});
  const GuardedTensor blocks = f32({2, 2}), zero = f32({1});
  Write(zero, {0}, 0);
  GuardedTensor e8m0(DType::kE8M0, {7, 140});
  Random random(1);
  FillUniform(random, e8m0, 1, 2);
  GuardedTensor bf16(DType::kBF16, {3, 200}), f16(DType::kF16, {3, 200});
  GuardedTensor weight(DType::kBF16, {200, 140});
  GuardedTensor f4(DType::kF4E2M1, {200, 140});
  const QuantizedMatrix good_b = {b, one};
  Faults faults({.a = QuantizedMatrix{a, one}, .b = good_b, .out = out});
  faults.Expect("a_scale is missing, expected one element or [..a, 1]",
                [&](MatmulArgs& m) { m.a.scales = ConstTensor(); });
  faults.Expect("b_scale is missing, expected one element or [..b, 1]",
                [&](MatmulArgs& m) { m.b = b.view(); });
  faults.Expect("a_scale is given but the operand is f32, bf16 or f16",
                [&](MatmulArgs& m) { m.a.data = bf16; });
  faults.Expect(
      "b_scale is f32 [3], which fits no scheme of b, f8e4m3 [200, "
      "140]",
      [&](MatmulArgs& m) {
        m.b = QuantizedMatrix{b, three};
      });
  faults.Expect("b_scale is [3] but N = 140", [&](MatmulArgs& m) {
    m.b = QuantizedMatrix{b, three};
    m.b_scheme = QuantScheme::kPerChannel;
  });
  faults.Expect("a_scale[0] is 0, expected > 0 and finite",
                [&](MatmulArgs& m) { m.a.scales = zero; });
  faults.Expect("b_scale[0] is 0, expected > 0 and finite", [&](MatmulArgs& m) {
    m.b = QuantizedMatrix{b, zero};
  });
  faults.Expect("b_scale[0, 0] is nan, expected > 0 and finite",
                [&](MatmulArgs& m) {
                  m.a = bf16;
                  GuardedTensor& nan = e8m0;
                  Write(nan, {0, 0}, std::nan(""));
                  m.b = QuantizedMatrix{b, nan};
                });
  faults.Expect(
      "a has scheme PER_TENSOR but b BLOCK128: there is no product "
      "of these",
      [&](MatmulArgs& m) {
        m.b = QuantizedMatrix{b, blocks};
      });
  faults.Expect("b has dtype bf16, expected f8e4m3 or f8e4m3_240 or f8e5m2",
                [&](MatmulArgs& m) { m.b = weight.view(); });
  faults.Expect(
      "a has scheme PER_TENSOR by act_quant but b NONE: there is no "
      "product of these",
      [&](MatmulArgs& m) {
        m.a = bf16;
        m.act_quant = ActQuant::kStatic;
        m.a_in_scale = one;
        m.b = weight.view();
        m.b_scheme = QuantScheme::kNone;
      });
  faults.Expect("a has dtype f16, expected f32 or bf16 beside a b of BLOCK128",
                [&](MatmulArgs& m) {
                  m.a = f16;
                  m.b = QuantizedMatrix{b, blocks, QuantScheme::kBlock128};
                });
  faults.Expect("b has dtype f4e2m1, expected", [&](MatmulArgs& m) {
    m.a = f16;
    m.b = QuantizedMatrix{f4, e8m0};
  });
  faults.Expect(
      "b of f4e2m1 has strides [140, 1], expected 1 in dimension 0 "
      "and even ones elsewhere",
      [&](MatmulArgs& m) {
        m.a = bf16;
        m.b = QuantizedMatrix{f4, e8m0};
      });
  faults.Expect("a_scheme is MX but a has scheme PER_TENSOR",
                [&](MatmulArgs& m) {
                  m.a_scheme = QuantScheme::kMx;
                  m.a.scheme = QuantScheme::kPerTensor;
                });
  faults.Expect("a has scheme PER_CHANNEL, which is one of right operands",
                [&](MatmulArgs& m) { m.a.scheme = QuantScheme::kPerChannel; });
  faults.Expect("a_scheme is 3, expected 0 (NONE)",
                [&](MatmulArgs& m) { m.a_scheme = QuantScheme::kPerChannel; });
  faults.Expect("b_scheme is 4, expected 0 (NONE)",
                [&](MatmulArgs& m) { m.b_scheme = QuantScheme::kPerToken; });
  faults.Expect("segment_columns is missing but b_scheme is PER_SEGMENT",
                [&](MatmulArgs& m) {
                  m.b = QuantizedMatrix{b, three, QuantScheme::kPerSegment};
                });
  faults.Expect("segment_columns is given but b_scheme is not PER_SEGMENT",
                [&](MatmulArgs& m) {
                  m.segment_columns = {{1, 2}};
                });
  faults.Expect("segment_columns are 9 and 2, expected ascending ones",
                [&](MatmulArgs& m) {
                  m.b = QuantizedMatrix{b, three, QuantScheme::kPerSegment};
                  m.segment_columns = {{9, 2}};
                });
  faults.Expect("a_in_scale is given but nothing is quantized with it",
                [&](MatmulArgs& m) { m.a_in_scale = one; });
  faults.Expect("a_in_scale is missing, expected one element",
                [&](MatmulArgs& m) {
                  m.a = bf16;
                  m.act_quant = ActQuant::kStatic;
                });
  faults.Expect("quant_clipping_bound is -1, expected >= 0",
                [&](MatmulArgs& m) { m.quant_clipping_bound = -1; });
}

TEST(MatmulQuantizedErrorTest, AmbiguousSchemes) {
  // One scale for each batch, or for each block of 128 rows?
  GuardedTensor a(DType::kF32, {2, 1, 200});
  GuardedTensor b(DType::kF8E4M3, {2, 200, 1});
  GuardedTensor scales(DType::kF32, {2, 1});
  Random random(1);
  FillUniform(random, scales, 1, 2);
  GuardedTensor out(DType::kF32, {2, 1, 1});
  MatmulArgs args = {.a = a, .b = QuantizedMatrix{b, scales}, .out = out};
  HostContext context(1);
  EXPECT_THAT(Matmul(args, context).message(),
              HasSubstr("b_scale is [2, 1], which fits PER_TENSOR and "
                        "BLOCK128: b_scheme must tell"));
  args.b_scheme = QuantScheme::kBlock128;
  EXPECT_TRUE(Validate(args).ok());
  args.b_scheme = QuantScheme::kPerTensor;
  EXPECT_TRUE(Validate(args).ok());
}

TEST(MatmulQuantizedErrorTest, PackedWeights) {
  HostContext context(1);
  GuardedTensor a(DType::kBF16, {3, 64});
  GuardedTensor b(DType::kF8E4M3, {64, 40});
  GuardedTensor scales(DType::kF32, {40});
  Random random(1);
  FillNormal(random, b);
  FillUniform(random, scales, 1, 2);
  const auto packed = PackedMatrix::Pack(QuantizedMatrix{b, scales}, context);
  ASSERT_TRUE(packed.ok());
  GuardedTensor out(DType::kF32, {3, 40});
  GuardedTensor narrow(DType::kBF16, {3, 60});
  GuardedTensor batch(DType::kBF16, {2, 3, 64});
  Faults faults({.a = a, .b = *packed, .out = out});
  faults.Expect("b_scheme is PER_TENSOR but b has scheme PER_CHANNEL",
                [&](MatmulArgs& m) { m.b_scheme = QuantScheme::kPerTensor; });
  faults.Expect("b is [64, 40] but K = 60 (from a [3, 60])",
                [&](MatmulArgs& m) { m.a = narrow; });
  faults.Expect(
      "out is [3, 40] but its leading dimensions should be [2] (from "
      "a [2, 3, 64] and b [64, 40])",
      [&](MatmulArgs& m) { m.a = batch; });
}

TEST(MatmulQuantizedErrorTest, Epilogue) {
  GuardedTensor a(DType::kF32, {2, 3, 8});
  GuardedTensor b(DType::kF32, {3, 8, 5});
  GuardedTensor matrix(DType::kF32, {3, 8}), weight(DType::kF32, {8, 5});
  GuardedTensor out(DType::kF32, {3, 5}), narrow(DType::kF8E4M3, {3, 5});
  GuardedTensor five(DType::kF32, {5}), four(DType::kF32, {4});
  GuardedTensor other(DType::kF32, {4, 5});
  GuardedTensor zero(DType::kF32, {1});
  Write(zero, {0}, 0);
  Faults faults({.a = matrix, .b = weight.view(), .out = out});
  faults.Expect(
      "b [3, 8, 5] has leading dimensions that do not broadcast with "
      "those of a [2, 3, 8]",
      [&](MatmulArgs& m) {
        m.a = a;
        m.b = b.view();
      });
  faults.Expect("bias is [5] but M = 3 (from a [3, 8])", [&](MatmulArgs& m) {
    m.bias = five;
    m.bias_dim = MatmulBiasDim::kM;
  });
  faults.Expect("multiplier is [4, 5] but M = 3",
                [&](MatmulArgs& m) { m.multiplier = other; });
  faults.Expect("clamp_lower is 2 but clamp_upper is 1", [](MatmulArgs& m) {
    m.clamp_lower = 2.0f;
    m.clamp_upper = 1.0f;
  });
  faults.Expect("clamp_upper is nan, expected a number", [](MatmulArgs& m) {
    m.clamp_upper = std::numeric_limits<float>::quiet_NaN();
  });
  faults.Expect("out_scale is given but out is not of 8 bits",
                [&](MatmulArgs& m) { m.out_scale = four; });
  faults.Expect("out_scale is [4], expected one element", [&](MatmulArgs& m) {
    m.out = narrow;
    m.out_scale = four;
  });
  faults.Expect("out_scale[0] is 0, expected > 0 and finite",
                [&](MatmulArgs& m) {
                  m.out = narrow;
                  m.out_scale = zero;
                });
  faults.Expect("out overlaps multiplier",
                [&](MatmulArgs& m) { m.multiplier = out; });
}

}  // namespace
}  // namespace tilework
