// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/projection/operand.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr DType kFloat8Types[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                                  DType::kF8E5M2};
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The numbers that an operand stands for, code * scale.
std::vector<double> Numbers(const Operand& operand) {
  std::vector<double> numbers = ToDoubles(operand.a);
  const int64_t size = operand.a.dim(1);
  for (size_t i = 0; i < numbers.size(); ++i) {
    const int64_t t = static_cast<int64_t>(i) / size;
    const int64_t k = static_cast<int64_t>(i) % size;
    float scale = operand.scale;
    if (operand.row_scales != nullptr) scale *= operand.row_scales[t];
    if (operand.block_scales.present()) {
      scale *= *operand.block_scales.At<float>(t, k / kScaleBlock);
    }
    numbers[i] *= static_cast<double>(scale);
  }
  return numbers;
}

class OperandTest : public SimdTargetTest {
 protected:
  // The operand has exactly the oracle's numbers, for any number of threads. Of
  // MX blocks they are bf16, which rounds the smallest.
  void ExpectExact(const OperandArgs& args) {
    OracleMatrix expected = OperandOracle(args);
    if (args.quantize.type == ActQuant::kMx ||
        args.x_scheme == QuantScheme::kMx) {
      for (double& v : expected.values) v = RoundToDType(v, DType::kBF16);
    }
    for (const int threads : {1, 3}) {
      HostContext context(threads);
      ScratchScope scratch(context.arena());
      const Operand operand = PrepareOperand(args, scratch, context);
      ASSERT_EQ(operand.a.shape(), Dims({expected.rows, expected.cols}));
      const std::vector<double> numbers = Numbers(operand);
      for (size_t i = 0; i < numbers.size(); ++i) {
        const double want = expected.values[i];
        ASSERT_TRUE(numbers[i] == want ||
                    (std::isnan(numbers[i]) && std::isnan(want)))
            << "element " << i << " is " << numbers[i] << ", expected " << want;
      }
    }
  }

  // Each number is within `share` of the largest one of the row.
  void ExpectNear(const OperandArgs& args, double share) {
    const OracleMatrix expected = OperandOracle(args);
    ScratchScope scratch(context_.arena());
    const Operand operand = PrepareOperand(args, scratch, context_);
    const std::vector<double> numbers = Numbers(operand);
    for (int64_t t = 0; t < expected.rows; ++t) {
      double largest = 0;
      for (int64_t k = 0; k < expected.cols; ++k) {
        largest = std::max(largest, std::abs(expected(t, k)));
      }
      for (int64_t k = 0; k < expected.cols; ++k) {
        ASSERT_NEAR(numbers[static_cast<size_t>(t * expected.cols + k)],
                    expected(t, k), share * largest)
            << t << ", " << k;
      }
    }
  }

  HostContext context_{2};
  Random random_{1};
};
TILEWORK_SIMD_TARGETS(OperandTest);

// All ways to quantize, f32 scales 0.37 for kStatic.
std::vector<QuantizeArgs> AllQuantizations(const ConstTensor& in_scale) {
  std::vector<QuantizeArgs> all;
  for (const DType code : kFloat8Types) {
    all.push_back(
        {.type = ActQuant::kStatic, .code = code, .in_scale = in_scale});
    all.push_back({.type = ActQuant::kRow, .code = code});
    all.push_back({.type = ActQuant::kRow, .code = code, .clip = 0.5f});
    all.push_back({.type = ActQuant::kBlock128, .code = code});
    if (code == DType::kF8E4M3_240) continue;
    for (const MxScaleMode mode : {MxScaleMode::kFloor, MxScaleMode::kCeil,
                                   MxScaleMode::kEven, MxScaleMode::kRceil}) {
      all.push_back({.type = ActQuant::kMx, .code = code, .scale_mode = mode});
    }
  }
  return all;
}

TEST_P(OperandTest, QuantizesBitForBit) {
  GuardedTensor in_scale(DType::kF32, {1});
  Write(in_scale, {0}, 0.0037);
  for (const DType dtype : kFloatTypes) {
    for (const int64_t size : {1, 31, 32, 33, 127, 129, 300, 1025}) {
      for (const Layout layout : kAllLayouts) {
        GuardedTensor x(dtype, {2, 3, size}, layout);
        FillNormal(random_, x);
        for (const QuantizeArgs& quantize : AllQuantizations(in_scale)) {
          SCOPED_TRACE(testing::Message()
                       << Name(dtype) << " " << size << " layout "
                       << static_cast<int>(layout) << " type "
                       << static_cast<int>(quantize.type) << " "
                       << Name(quantize.code));
          ExpectExact({.x = x, .quantize = quantize});
        }
      }
    }
  }
}

// Whole blocks that fill a thread's memory: no thread touches another's.
TEST_P(OperandTest, QuantizesWholeBlocksOnManyThreads) {
  for (const int64_t size : {32, 2048}) {
    const int64_t rows = (int64_t{1} << 20) / size;
    GuardedTensor x(DType::kF32, {rows, size});
    FillNormal(random_, x);
    const OperandArgs args = {.x = x.view(),
                              .quantize = {.type = ActQuant::kMx}};
    HostContext one(1), many(4);
    ScratchScope scratch_of_one(one.arena());
    ScratchScope scratch_of_many(many.arena());
    EXPECT_TRUE(SameBits(PrepareOperand(args, scratch_of_many, many).a,
                         PrepareOperand(args, scratch_of_one, one).a));
  }
}

TEST_P(OperandTest, QuantizesHeadsAndSumsOfTokens) {
  GuardedTensor in_scale(DType::kF32, {1});
  Write(in_scale, {0}, 0.01);
  for (const Layout layout : kAllLayouts) {
    // Blocks run through the boundaries of heads.
    GuardedTensor heads(DType::kBF16, {2, 3, 5, 30}, layout);
    GuardedTensor x(DType::kBF16, {4, 70}, layout);
    GuardedTensor add(DType::kF32, {4, 70}, layout);
    GuardedTensor more(DType::kF16, {4, 70}, layout);
    for (const Tensor& t : {heads.view(), x.view(), add.view(), more.view()}) {
      FillNormal(random_, t);
    }
    for (const QuantizeArgs& quantize : AllQuantizations(in_scale)) {
      ExpectExact({.x = heads, .quantize = quantize});
      ExpectExact({.x = x, .add = {add, more}, .quantize = quantize});
      GuardedTensor sum(DType::kF16, {4, 70}, layout);
      ExpectExact({.x = x, .add = {add}, .sum = sum, .quantize = quantize});
      EXPECT_TRUE(sum.Intact());
    }
  }
}

TEST_P(OperandTest, QuantizesSpecialNumbers) {
  GuardedTensor in_scale(DType::kF32, {1});
  Write(in_scale, {0}, 1e-30);
  GuardedTensor x(DType::kF32, {9, 200});
  FillNormal(random_, x);
  for (int64_t k = 0; k < 200; ++k) {
    Write(x, {0, k}, k % 2 == 0 ? 0.0 : -0.0);
    Write(x, {1, k}, 1e-38 * static_cast<double>(k));
    Write(x, {2, k}, 1e-42 * static_cast<double>(k));
    Write(x, {3, k}, 3e38 - 1e36 * static_cast<double>(k));
  }
  Write(x, {4, 77}, kNaN);
  Write(x, {5, 60}, kInfinity);
  Write(x, {5, 150}, -kInfinity);
  Write(x, {6, 199}, 1e30);
  Write(x, {7, 3}, std::numeric_limits<float>::max());
  for (const QuantizeArgs& quantize : AllQuantizations(in_scale)) {
    SCOPED_TRACE(testing::Message() << static_cast<int>(quantize.type) << " "
                                    << Name(quantize.code));
    ExpectExact({.x = x, .quantize = quantize});
  }
}

TEST_P(OperandTest, ScalesOfSpecialRows) {
  GuardedTensor x(DType::kBF16, {3, 40});
  FillUniform(random_, x, 0.5, 1);
  Write(x, {1, 7}, kNaN);
  Write(x, {2, 9}, kInfinity);
  ScratchScope scratch(context_.arena());
  const Operand row = PrepareOperand(
      {.x = x, .quantize = {.type = ActQuant::kRow}}, scratch, context_);
  EXPECT_EQ(row.row_scales[0],
            static_cast<float>(1 / 448.0 *
                               MaxAbs(OracleMatrix(x.view().Slice(0, 0, 1)))));
  EXPECT_TRUE(std::isnan(row.row_scales[1]));
  EXPECT_TRUE(std::isinf(row.row_scales[2]));
  EXPECT_TRUE(std::isnan(Read(row.a, {1, 0})));
  EXPECT_EQ(Read(row.a, {2, 0}), 0);
  EXPECT_TRUE(std::isnan(Read(row.a, {2, 9})));
  // A block is NaN, the next one is not.
  const Operand mx = PrepareOperand(
      {.x = x, .quantize = {.type = ActQuant::kMx}}, scratch, context_);
  for (int64_t k = 0; k < 40; ++k) {
    EXPECT_EQ(std::isnan(Read(mx.a, {1, k})), k < 32);
    EXPECT_EQ(std::isnan(Read(mx.a, {2, k})), k < 32);
  }
}

// All scales of codes [2, 3, size].
GuardedTensor ScalesFor(QuantScheme scheme, int64_t size, Layout layout,
                        Random& random) {
  const bool is_mx = scheme == QuantScheme::kMx;
  const int64_t block = is_mx ? kMxBlockSize : kScaleBlock;
  Dims shape = {2, 3, (size + block - 1) / block};
  if (scheme == QuantScheme::kPerToken) shape = {2, 3};
  if (scheme == QuantScheme::kPerTensor || scheme == QuantScheme::kNone) {
    shape = {1};
  }
  GuardedTensor scales(is_mx ? DType::kE8M0 : DType::kF32, shape, layout);
  FillUniform(random, scales, 0.01, 3);
  return scales;
}

TEST_P(OperandTest, ExpandsCodesOfEveryScheme) {
  for (const DType dtype : kFloat8Types) {
    for (const int64_t size : {1, 31, 64, 130, 300}) {
      for (const Layout layout : kAllLayouts) {
        GuardedTensor x(dtype, {2, 3, size}, layout);
        FillNormal(random_, x);
        // Read as f8e4m3: no NaN for the others' largest codes.
        for (const QuantScheme scheme :
             {QuantScheme::kNone, QuantScheme::kPerTensor,
              QuantScheme::kPerToken, QuantScheme::kMx,
              QuantScheme::kBlock128}) {
          SCOPED_TRACE(testing::Message()
                       << Name(dtype) << " " << size << " layout "
                       << static_cast<int>(layout) << " " << Name(scheme));
          const GuardedTensor scales = ScalesFor(scheme, size, layout, random_);
          for (const DType compute : {DType::kNone, DType::kF32, DType::kF16}) {
            ExpectExact({.x = x,
                         .x_scheme = scheme,
                         .x_scale = scales,
                         .compute = compute});
          }
        }
        ExpectExact({.x = x});
      }
    }
  }
}

TEST_P(OperandTest, ExpandsEveryCodeWithEveryScale) {
  for (const DType dtype : kFloat8Types) {
    GuardedTensor x(dtype, {256, 256});
    GuardedTensor scales(DType::kE8M0, {256, 8});
    for (int64_t i = 0; i < 256 * 256; ++i) {
      static_cast<uint8_t*>(x.view().data())[i] = static_cast<uint8_t>(i);
    }
    for (int64_t i = 0; i < 256 * 8; ++i) {
      static_cast<uint8_t*>(scales.view().data())[i] =
          static_cast<uint8_t>(i / 8);
    }
    ExpectExact({.x = x});
    if (dtype == DType::kF8E4M3_240) continue;
    ExpectExact({.x = x, .x_scheme = QuantScheme::kMx, .x_scale = scales});
  }
}

TEST_P(OperandTest, PackedCodesOfFourBits) {
  for (const int64_t size : {1, 31, 32, 77}) {
    GuardedTensor x(DType::kF4E2M1, {5, size});
    GuardedTensor scales(DType::kE8M0, {5, (size + 31) / 32});
    FillNormal(random_, x);
    FillUniform(random_, scales, 0.1, 2);
    ExpectExact({.x = x, .x_scheme = QuantScheme::kMx, .x_scale = scales});
  }
}

TEST_P(OperandTest, NormsAndComputeTypes) {
  for (const DType dtype : kFloatTypes) {
    for (const Layout layout : kAllLayouts) {
      GuardedTensor x(dtype, {3, 150}, layout);
      GuardedTensor gamma(DType::kF16, {150}, layout);
      GuardedTensor beta(DType::kBF16, {1, 150}, layout);
      FillNormal(random_, x, 1, 3);
      FillNormal(random_, gamma, 0.1, 1);
      FillNormal(random_, beta);
      for (const DType compute : {DType::kNone, DType::kF32, DType::kBF16}) {
        const DType type = compute == DType::kNone ? dtype : compute;
        const double share = 2 * UnitRoundoff(type) + 4e-6;
        SCOPED_TRACE(testing::Message() << Name(dtype) << " as " << Name(type));
        ExpectNear({.x = x,
                    .norm = {.type = NormType::kRmsNorm,
                             .gamma = gamma,
                             .gamma_offset = 1},
                    .compute = compute},
                   share);
        ExpectNear({.x = x,
                    .norm = {.type = NormType::kRmsNormSkipGamma,
                             .hidden_actual = 100},
                    .compute = compute},
                   share);
        const NormArgs layer_norm = {.type = NormType::kLayerNorm,
                                     .gamma = gamma,
                                     .beta = beta,
                                     .eps = 1e-5f};
        ExpectNear({.x = x, .norm = layer_norm, .compute = compute}, share);
        NormArgs no_beta = layer_norm;
        no_beta.beta = ConstTensor();
        ExpectNear({.x = x, .norm = no_beta, .compute = compute}, share);
        // Only rounded: exact.
        ExpectExact({.x = x, .compute = compute});
        // A code may be the next one.
        for (const ActQuant type :
             {ActQuant::kRow, ActQuant::kMx, ActQuant::kBlock128}) {
          ExpectNear({.x = x, .norm = layer_norm, .quantize = {.type = type}},
                     2 * 0x1p-3);
        }
      }
    }
  }
}

}  // namespace
}  // namespace tilework
