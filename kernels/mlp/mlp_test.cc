// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/mlp/mlp.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/mlp/mlp_oracle.h"
#include "tilework/kernels/mlp/mlp_testing.h"
#include "tilework/kernels/quantize/granularity.h"
#include "tilework/kernels/quantize/row_quantization.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using ::testing::HasSubstr;

using enum QuantizationType;

constexpr QuantizationType kQuantized[] = {kStatic,   kRow,   kMx,
                                           kStaticMx, kRowMx, kBlock128};

constexpr ActFnType kActivations[] = {
    ActFnType::kNone,           ActFnType::kSiLU,    ActFnType::kGELU,
    ActFnType::kGELUTanhApprox, ActFnType::kSwish,   ActFnType::kReLU,
    ActFnType::kReLU2,          ActFnType::kSigmoid, ActFnType::kTanh};

// The same arguments with packed weights.
struct Packed {
  PackedMatrix gate, up, down;
  MlpArgs args;

  Packed(const MlpArgs& plain, HostContext& context) : args(plain) {
    Pack(plain.gate_proj_weights_tensor, gate, args.gate_proj_weights_tensor,
         context);
    Pack(plain.up_proj_weights_tensor, up, args.up_proj_weights_tensor,
         context);
    Pack(plain.down_proj_weights_tensor, down, args.down_proj_weights_tensor,
         context);
  }
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;

 private:
  static void Pack(const MatrixOperand& matrix, PackedMatrix& to,
                   MatrixOperand& operand, HostContext& context) {
    if (!matrix.present()) return;
    absl::StatusOr<PackedMatrix> packed = PackedMatrix::Pack(
        {matrix.plain(), matrix.scales(), matrix.given_scheme()}, context);
    ASSERT_TRUE(packed.ok()) << packed.status();
    to = *std::move(packed);
    operand = to;
  }
};

class MlpTest : public SimdTargetTest {
 protected:
  void ExpectAgreement(MlpProblem& problem) {
    const MlpArgs& args = problem.args();
    const std::vector<ExpectedTensor> expected = MlpExpected(args);
    const absl::Status status = Mlp(args, context_);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(problem.Intact());
    EXPECT_TRUE(Agrees(expected));
  }

  HostContext context_{2};
  Random random_{6};
};
TILEWORK_SIMD_TARGETS(MlpTest);

// The tests of each type.
class MlpQuantizedTest : public MlpTest {};
TILEWORK_SIMD_TARGETS(MlpQuantizedTest);

TEST_P(MlpTest, SwiGluWithNormAndResidual) {
  for (const DType dtype : kFloatTypes) {
    for (const Dims& hidden : {Dims{1, 1, 96}, Dims{2, 9, 33}, Dims{3, 5, 7}}) {
      SCOPED_TRACE(testing::Message() << Name(dtype) << hidden.ToString());
      MlpProblem problem(random_, hidden, hidden[2] == 7 ? 3 : 70, dtype);
      problem.AddNorm();
      problem.AddFusedAdd();
      problem.args().residual = problem.Make(hidden);
      ExpectAgreement(problem);
    }
  }
}

TEST_P(MlpTest, NormsActivationsAndBiases) {
  for (const NormType norm :
       {NormType::kNoNorm, NormType::kRmsNorm, NormType::kLayerNorm,
        NormType::kRmsNormSkipGamma}) {
    for (const ActFnType activation : kActivations) {
      for (const bool gated : {true, false}) {
        SCOPED_TRACE(testing::Message()
                     << static_cast<int>(norm) << " "
                     << static_cast<int>(activation) << " " << gated);
        MlpProblem problem(random_, {5, 20}, 37, DType::kF32);
        if (norm == NormType::kRmsNorm || norm == NormType::kLayerNorm) {
          problem.AddNorm(norm);
        }
        problem.args().normalization_type = norm;
        problem.args().activation_fn = activation;
        problem.args().gamma_offset = 1;
        problem.args().hidden_actual = norm == NormType::kLayerNorm ? 20 : 18;
        problem.AddBiases();
        if (!gated) problem.SkipGate();
        ExpectAgreement(problem);
      }
    }
  }
}

TEST_P(MlpTest, EveryLayout) {
  for (const Layout layout : kAllLayouts) {
    for (const DType dtype : kFloatTypes) {
      SCOPED_TRACE(testing::Message()
                   << static_cast<int>(layout) << " " << Name(dtype));
      MlpProblem problem(random_, {2, 4, 21}, 40, dtype, layout);
      problem.AddNorm();
      problem.AddBiases();
      problem.AddFusedAdd();
      problem.args().residual = problem.Make({2, 4, 21});
      ExpectAgreement(problem);
    }
  }
}

TEST_P(MlpTest, OutputsMayBeInputs) {
  MlpProblem problem(random_, {4, 30}, 20, DType::kF32);
  const Tensor hidden = problem.Make({4, 30});
  const Tensor out = problem.Make({4, 30});
  problem.args().hidden_tensor = hidden;
  problem.args().fused_add_tensor = problem.Make({4, 30});
  problem.args().store_fused_add_result = true;
  problem.args().fused_add_out = hidden;
  problem.args().residual = out;
  problem.args().out = out;
  ExpectAgreement(problem);
}

TEST_P(MlpTest, GateAndUpAsViewsOfOneMatrixAndTransposed) {
  for (const DType dtype : kFloatTypes) {
    MlpProblem problem(random_, {3, 24}, 20, dtype);
    // Columns of gate and up alternate.
    const Tensor fused = problem.Make({24, 20, 2}, 0.2);
    problem.SetWeights(fused.Select(2, 0), fused.Select(2, 1),
                       problem.Make({24, 20}, 0.2).Transpose());
    ExpectAgreement(problem);
  }
}

// Other threads, packed weights and a token alone give the bits of `args`.
void ExpectSameBits(MlpProblem& problem) {
  HostContext context(2);
  const MlpArgs& args = problem.args();
  ASSERT_TRUE(Mlp(args, context).ok());
  const Packed packed(args, context);
  const DType out = args.out.dtype();
  for (const int threads : {1, 3}) {
    HostContext other(threads);
    MlpArgs again = packed.args;
    again.out = problem.Output(args.out.shape(), out);
    ASSERT_TRUE(Mlp(again, other).ok());
    EXPECT_TRUE(SameBits(again.out, args.out)) << threads << " threads";
  }
  const int64_t tokens = args.out.dim(0);
  for (const int64_t t : {int64_t{0}, tokens / 3, tokens - 1}) {
    MlpArgs one = t == 0 ? packed.args : args;
    one.hidden_tensor = args.hidden_tensor.Slice(0, t, 1);
    if (args.hidden_scale.present()) {
      one.hidden_scale = args.hidden_scale.Slice(0, t, 1);
    }
    one.residual = args.residual.Slice(0, t, 1);
    one.out = problem.Output({1, args.out.dim(1)}, out);
    ASSERT_TRUE(Mlp(one, context).ok());
    EXPECT_TRUE(SameBits(one.out, args.out.Slice(0, t, 1))) << "token " << t;
  }
}

TEST_P(MlpTest, SameBitsForAnyThreadsBatchAndPacking) {
  for (const DType dtype : kFloatTypes) {
    MlpProblem problem(random_, {20, 80}, 150, dtype);
    problem.AddNorm();
    problem.AddBiases();
    problem.args().residual = problem.Make({20, 80});
    ExpectSameBits(problem);
  }
}

TEST_P(MlpTest, ManyTokensAreCutWithoutATrace) {
  // More than the tokens that are done at a time.
  MlpProblem problem(random_, {1100, 4}, 3, DType::kF32);
  problem.args().residual = problem.Make({1100, 4});
  ExpectAgreement(problem);
}

TEST_P(MlpTest, NaNStaysInItsToken) {
  MlpProblem problem(random_, {3, 40}, 30, DType::kBF16);
  problem.AddNorm();
  const Tensor hidden = problem.Make({3, 40});
  Write(hidden, {1, 7}, std::numeric_limits<double>::quiet_NaN());
  problem.args().hidden_tensor = hidden;
  problem.args().activation_fn = ActFnType::kReLU;
  ASSERT_TRUE(Mlp(problem.args(), context_).ok());
  for (int64_t h = 0; h < 40; ++h) {
    EXPECT_TRUE(std::isfinite(Read(problem.args().out, {0, h})));
    EXPECT_TRUE(std::isnan(Read(problem.args().out, {1, h})));
    EXPECT_TRUE(std::isfinite(Read(problem.args().out, {2, h})));
  }
}

TEST_P(MlpTest, NoTokensDoNothing) {
  NoDispatchNeeded();
  for (const Dims& hidden : {Dims{0, 8}, Dims{0, 4, 8}, Dims{2, 0, 8}}) {
    MlpProblem problem(random_, hidden, 4, DType::kF32);
    EXPECT_TRUE(Mlp(problem.args(), context_).ok());
  }
}

// ---- Quantization.

TEST_P(MlpQuantizedTest, EveryTypeAndWhatActivationsAreQuantizedTo) {
  for (const QuantizationType type : kQuantized) {
    for (const ActQuant act_quant : {ActQuant::kAuto, ActQuant::kNone}) {
      for (const int64_t inner : {3, 40, 170}) {
        SCOPED_TRACE(testing::Message()
                     << "type " << static_cast<int>(type) << " act_quant "
                     << static_cast<int>(act_quant) << " I " << inner);
        MlpProblem problem(random_, {3, 2, 150}, inner, DType::kBF16);
        problem.Quantize(type);
        if (act_quant == ActQuant::kNone) problem.WeightOnly();
        problem.AddBiases();
        problem.AddFusedAdd();
        problem.args().residual = problem.Make({3, 2, 150});
        ExpectAgreement(problem);
      }
    }
  }
}

TEST_P(MlpQuantizedTest, EveryActivationTypeBesideTypesOfOneScale) {
  for (const QuantizationType type : {kStatic, kRow}) {
    for (const ActQuant act_quant :
         {ActQuant::kStatic, ActQuant::kRow, ActQuant::kMx}) {
      SCOPED_TRACE(testing::Message()
                   << "type " << static_cast<int>(type) << " act_quant "
                   << static_cast<int>(act_quant));
      MlpProblem problem(random_, {5, 70}, 66, DType::kF16);
      problem.Quantize(
          type, {DType::kF8E5M2, DType::kF8E4M3_240, DType::kF8E4M3_240});
      problem.WeightOnly();
      problem.args().act_quant = act_quant;
      if (act_quant == ActQuant::kStatic) {
        problem.args().gate_up_in_scale = problem.Scales({1}, 0x1p-7);
        problem.args().down_in_scale = problem.Scales({1}, 0x1p-7);
      }
      problem.args().quant_clipping_bound = 0.5f;
      ExpectAgreement(problem);
    }
  }
}

TEST_P(MlpQuantizedTest, MxWeightsOfDifferentTypes) {
  constexpr DType kMxTypes[] = {DType::kF8E4M3, DType::kF8E5M2, DType::kF4E2M1};
  for (const DType gate : kMxTypes) {
    for (const DType up : kMxTypes) {
      MlpProblem problem(random_, {4, 64}, 72, DType::kBF16);
      problem.Quantize(kMx, {gate, up, gate});
      ExpectAgreement(problem);
    }
  }
}

TEST_P(MlpQuantizedTest, EveryActivation) {
  for (const QuantizationType type : kQuantized) {
    for (const ActFnType activation : kActivations) {
      SCOPED_TRACE(testing::Message()
                   << "type " << static_cast<int>(type) << " activation "
                   << static_cast<int>(activation));
      MlpProblem problem(random_, {4, 40}, 3, DType::kF32);
      problem.Quantize(type);
      problem.args().activation_fn = activation;
      ExpectAgreement(problem);
      problem.SkipGate();
      ExpectAgreement(problem);
    }
  }
}

TEST_P(MlpQuantizedTest, HiddenOfCodes) {
  for (const QuantizationType type :
       {kNone, kStatic, kRow, kMx, kStaticMx, kRowMx, kBlock128}) {
    for (const bool weight_only : {false, true}) {
      SCOPED_TRACE(testing::Message() << "type " << static_cast<int>(type)
                                      << " weight only " << weight_only);
      MlpProblem problem(random_, {2, 3, 140}, 50, DType::kBF16);
      if (type != kNone) problem.Quantize(type);
      const ConstTensor in_scale = problem.args().gate_up_in_scale;
      if (weight_only) problem.WeightOnly();
      problem.HiddenOfCodes(DType::kF8E4M3);
      problem.args().gate_up_in_scale = in_scale;
      ExpectAgreement(problem);
      if (type != kNone) continue;
      problem.args().hidden_scale = problem.Scales({1}, 0x1p-5);
      ExpectAgreement(problem);
    }
  }
}

TEST_P(MlpQuantizedTest, SameBitsForAnyThreadsBatchAndPacking) {
  for (const QuantizationType type : kQuantized) {
    for (const bool weight_only : {false, true}) {
      SCOPED_TRACE(testing::Message() << "type " << static_cast<int>(type)
                                      << " weight only " << weight_only);
      MlpProblem problem(random_, {20, 160}, 300, DType::kBF16);
      problem.Quantize(type);
      if (weight_only) problem.WeightOnly();
      problem.args().residual = problem.Make({20, 160});
      ExpectSameBits(problem);
    }
  }
}

// `other` gives the bits of `problem`, which has run.
void ExpectSame(MlpProblem& problem, const MlpArgs& other,
                HostContext& context) {
  MlpArgs args = other;
  args.out = problem.Output(args.out.shape(), args.out.dtype());
  ASSERT_TRUE(Mlp(args, context).ok());
  EXPECT_TRUE(SameBits(args.out, problem.args().out));
}

TEST_P(MlpQuantizedTest, NamesOfTheSameArithmetic) {
  for (const auto& [type, mx_type] :
       {std::pair(kStatic, kStaticMx), std::pair(kRow, kRowMx)}) {
    MlpProblem problem(random_, {3, 96}, 64, DType::kBF16);
    problem.Quantize(type);
    ASSERT_TRUE(Mlp(problem.args(), context_).ok());
    MlpArgs other = problem.args();
    other.quantization_type = mx_type;
    ExpectSame(problem, other, context_);
  }
}

TEST_P(MlpQuantizedTest, HiddenQuantizedBeforeOrInTheKernel) {
  for (const QuantizationType type : {kRow, kBlock128}) {
    MlpProblem problem(random_, {3, 300}, 40, DType::kF32);
    problem.Quantize(type);
    MlpArgs& args = problem.args();
    ASSERT_TRUE(Mlp(args, context_).ok());
    MlpArgs other = args;
    const Tensor codes = problem.Output({3, 300}, DType::kF8E4M3);
    const Tensor scales =
        problem.Output({3, type == kRow ? 1 : 3}, DType::kF32);
    ASSERT_TRUE(
        RowQuantization(
            {.hidden_state = args.hidden_tensor,
             .quantized = codes,
             .dequant_scale = scales,
             .granularity = type == kRow ? QuantizationGranularity::kRow
                                         : QuantizationGranularity::kGroup},
            context_)
            .ok());
    other.hidden_tensor = codes;
    other.hidden_scale = type == kRow ? scales.Reshape({3}) : scales;
    ExpectSame(problem, other, context_);
  }
}

TEST_P(MlpQuantizedTest, ManyTokensOfEveryTypeAreCutWithoutATrace) {
  for (const QuantizationType type : kQuantized) {
    MlpProblem problem(random_, {1100, 4}, 3, DType::kBF16);
    problem.Quantize(type);
    problem.args().residual = problem.Make({1100, 4});
    ExpectAgreement(problem);
  }
}

TEST_P(MlpQuantizedTest, NaNStaysInItsToken) {
  for (const QuantizationType type : kQuantized) {
    MlpProblem problem(random_, {3, 40}, 30, DType::kBF16);
    problem.Quantize(type);
    const Tensor hidden = problem.Make({3, 40});
    Write(hidden, {1, 7}, std::numeric_limits<double>::quiet_NaN());
    problem.args().hidden_tensor = hidden;
    ASSERT_TRUE(Mlp(problem.args(), context_).ok());
    for (int64_t h = 0; h < 40; ++h) {
      EXPECT_TRUE(std::isfinite(Read(problem.args().out, {0, h})));
      EXPECT_TRUE(std::isnan(Read(problem.args().out, {1, h})));
      EXPECT_TRUE(std::isfinite(Read(problem.args().out, {2, h})));
    }
  }
}

// ---- Between the products.

TEST_P(MlpTest, ClampsAndShiftOfUp) {
  for (const DType dtype : kFloatTypes) {
    MlpProblem problem(random_, {5, 60}, 50, dtype);
    problem.AddBiases();
    MlpArgs& args = problem.args();
    args.gate_clamp_upper_limit = 0.5f;
    args.up_clamp_upper_limit = 1;
    args.up_clamp_lower_limit = -1;
    args.hidden_act_bias = 1;
    ExpectAgreement(problem);
    args.gate_clamp_lower_limit = -0.25f;
    args.activation_fn = ActFnType::kNone;
    ExpectAgreement(problem);
    problem.SkipGate();
    args.gate_clamp_upper_limit.reset();
    args.gate_clamp_lower_limit.reset();
    ExpectAgreement(problem);
  }
}

TEST_P(MlpTest, InfiniteLimitsAndHintsChangeNothing) {
  MlpProblem problem(random_, {5, 60}, 50, DType::kBF16);
  problem.AddBiases();
  ASSERT_TRUE(Mlp(problem.args(), context_).ok());
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  MlpArgs other = problem.args();
  other.gate_clamp_upper_limit = kInfinity;
  other.up_clamp_lower_limit = -kInfinity;
  ExpectSame(problem, other, context_);
  for (const MlpMode mode : {MlpMode::kPrefill, MlpMode::kDecode}) {
    other = problem.args();
    other.mode = mode;
    ExpectSame(problem, other, context_);
  }
}

TEST_P(MlpTest, FactorInsideSigma) {
  MlpProblem problem(random_, {5, 60}, 50, DType::kBF16);
  MlpArgs& args = problem.args();
  args.activation_fn = ActFnType::kSwish;
  ASSERT_TRUE(Mlp(args, context_).ok());
  MlpArgs other = args;
  other.activation_fn = ActFnType::kSiLU;
  other.hidden_act_scale_factor = 1.702f;
  ExpectSame(problem, other, context_);
  args.hidden_act_scale_factor = 0.5f;
  ExpectAgreement(problem);
  // Functions without sigma do not care.
  args.activation_fn = ActFnType::kGELU;
  ExpectAgreement(problem);
}

TEST_P(MlpTest, ClampsKeepNaN) {
  MlpProblem problem(random_, {2, 8}, 6, DType::kF32);
  const Tensor hidden = problem.Make({2, 8});
  Write(hidden, {0, 3}, std::numeric_limits<double>::quiet_NaN());
  MlpArgs& args = problem.args();
  args.hidden_tensor = hidden;
  args.gate_clamp_upper_limit = args.up_clamp_upper_limit = 1;
  args.gate_clamp_lower_limit = args.up_clamp_lower_limit = -1;
  ASSERT_TRUE(Mlp(args, context_).ok());
  EXPECT_TRUE(std::isnan(Read(args.out, {0, 0})));
  EXPECT_TRUE(std::isfinite(Read(args.out, {1, 0})));
}

}  // namespace
}  // namespace tilework
