// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/rmsnorm_mx_quantize.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/rmsnorm.h"
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
constexpr DType kE5M2 = DType::kF8E5M2;
constexpr DType kE2M1 = DType::kF4E2M1;

int64_t NumBlocks(int64_t size) { return (size + 31) / 32; }

struct Problem {
  explicit Problem(int64_t rows, int64_t size, DType input = kBF16,
                   DType code = kE4M3, Layout layout = Layout::kContiguous)
      : input(input, {rows, size}, layout),
        gamma(input, {size}),
        output(input, {rows, size}, layout),
        codes(code, {rows, size}, code == kE2M1 ? Layout::kContiguous : layout),
        scales(DType::kE8M0, {rows, NumBlocks(size)}, layout) {
    Random random(1);
    FillNormal(random, this->input);
    FillNormal(random, gamma, 0.1, 1);
  }
  RmsNormMxQuantizeArgs args() const {
    return {.input = input,
            .gamma = gamma,
            .output = output,
            .output_quant = codes,
            .output_scale = scales};
  }
  GuardedTensor input, gamma, output, codes, scales;
};

// Codes and scales are those that the scalars give for the kernel's own output.
template <typename F>
void ExpectQuantizedOutputAs(const RmsNormMxQuantizeArgs& args) {
  const int64_t size = args.output.dim(1);
  for (int64_t row = 0; row < args.output.dim(0); ++row) {
    for (int64_t begin = 0; begin < size; begin += kMxBlockSize) {
      std::vector<float> block;
      for (int64_t i = begin; i < std::min(size, begin + kMxBlockSize); ++i) {
        block.push_back(static_cast<float>(Read(args.output, {row, i})));
      }
      const E8M0 scale = MxScale<F>(MxAmax(block), args.scale_mode);
      EXPECT_EQ(Read(args.output_scale, {row, begin / kMxBlockSize}),
                static_cast<double>(static_cast<float>(scale)));
      for (size_t i = 0; i < block.size(); ++i) {
        const int64_t column = begin + static_cast<int64_t>(i);
        ASSERT_EQ(Read(args.output_quant, {row, column}),
                  static_cast<double>(
                      static_cast<float>(MxEncode<F>(block[i], scale))))
            << row << ", " << column;
      }
    }
  }
}

void ExpectQuantizedOutput(const RmsNormMxQuantizeArgs& args) {
  switch (args.output_quant.dtype()) {
    case kE4M3:
      return ExpectQuantizedOutputAs<Float8E4M3>(args);
    case kE5M2:
      return ExpectQuantizedOutputAs<Float8E5M2>(args);
    default:
      return ExpectQuantizedOutputAs<Float4E2M1>(args);
  }
}

class RmsNormMxQuantizeTest : public SimdTargetTest {
 protected:
  HostContext context_{2};
};
TILEWORK_SIMD_TARGETS(RmsNormMxQuantizeTest);

TEST_P(RmsNormMxQuantizeTest, IsQuantizeMxfp8OfItsOutput) {
  for (const DType input : {kF32, kBF16, kF16}) {
    for (const DType code : {kE4M3, kE5M2, kE2M1}) {
      for (const int64_t size : {1, 32, 64, 1000}) {
        for (int mode = 0; mode < 4; ++mode) {
          const Problem problem(3, size, input, code);
          RmsNormMxQuantizeArgs args = problem.args();
          args.scale_mode = static_cast<MxScaleMode>(mode);
          args.hidden_actual = (size + 1) / 2;
          ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
          ExpectQuantizedOutput(args);
          EXPECT_TRUE(problem.codes.Intact());
          EXPECT_TRUE(problem.scales.Intact());
        }
      }
    }
  }
}

TEST_P(RmsNormMxQuantizeTest, OutputIsRmsNorms) {
  for (const DType input : {kF32, kBF16, kF16}) {
    for (const Layout layout : kAllLayouts) {
      const Problem problem(5, 77, input, kE4M3, layout);
      const RmsNormMxQuantizeArgs args = problem.args();
      ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
      const GuardedTensor n(input, {5, 77});
      ASSERT_EQ(RmsNorm({.input = args.input, .gamma = args.gamma, .output = n},
                        context_),
                absl::OkStatus());
      EXPECT_TRUE(SameBits(problem.output, n));
      ExpectQuantizedOutput(args);
      EXPECT_TRUE(problem.output.Intact());
    }
  }
}

// Rounding to the intermediate type comes before the quantization.
TEST_P(RmsNormMxQuantizeTest, IntermediateTypes) {
  for (const DType intermediate : {kF32, kBF16, kF16}) {
    const Problem problem(4, 96, kF32);
    const GuardedTensor output(intermediate, {4, 96});
    RmsNormMxQuantizeArgs args = problem.args();
    args.output = output;
    args.intermediate_dtype = intermediate;
    ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
    ExpectQuantizedOutput(args);
    // Without the output, or with another type of it, the same.
    for (const DType other : {DType::kNone, kBF16}) {
      const Problem second(4, 96, kF32);
      const GuardedTensor narrow(kBF16, {4, 96});
      RmsNormMxQuantizeArgs again = second.args();
      again.intermediate_dtype = intermediate;
      again.output = other == DType::kNone ? Tensor() : narrow.view();
      ASSERT_EQ(RmsNormMxQuantize(again, context_), absl::OkStatus());
      EXPECT_TRUE(SameBits(second.codes, problem.codes));
      EXPECT_TRUE(SameBits(second.scales, problem.scales));
    }
  }
}

TEST_P(RmsNormMxQuantizeTest, PackedRows) {
  for (const DType code : {kE4M3, kE5M2, kE2M1}) {
    for (const int64_t size : {2, 31, 64, 1001}) {
      const Problem problem(3, size, kBF16, code);
      RmsNormMxQuantizeArgs args = problem.args();
      ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
      const int64_t bytes = code == kE2M1 ? (size + 1) / 2 : size;
      for (const DType type : {code, DType::kU8}) {
        // f4e2m1 cannot hold scales, nor u8 tell e5m2 from e4m3.
        if (type != DType::kU8 ? code == kE2M1 : code == kE5M2) continue;
        const GuardedTensor packed(type, {3, bytes + NumBlocks(size)});
        args.output_quant = packed;
        args.output_scale = Tensor();
        args.packed_output = true;
        ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
        EXPECT_TRUE(packed.Intact());
        const auto* actual = static_cast<const uint8_t*>(packed.view().data());
        const auto* codes =
            static_cast<const uint8_t*>(problem.codes.view().data());
        const auto* scales =
            static_cast<const uint8_t*>(problem.scales.view().data());
        for (int64_t row = 0; row < 3; ++row) {
          for (int64_t i = 0; i < bytes; ++i) {
            EXPECT_EQ(*actual++, codes[row * bytes + i]);
          }
          for (int64_t b = 0; b < NumBlocks(size); ++b) {
            EXPECT_EQ(*actual++, scales[row * NumBlocks(size) + b]);
          }
        }
      }
    }
  }
}

// Whatever the strides, and with scales as bytes.
TEST_P(RmsNormMxQuantizeTest, StridedOutputs) {
  for (const DType code : {kE4M3, kE2M1}) {
    const int64_t size = 77;
    const Problem problem(3, size, kBF16, code);
    RmsNormMxQuantizeArgs args = problem.args();
    ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
    for (const Layout layout : kAllLayouts) {
      const GuardedTensor scales(DType::kU8, {3, NumBlocks(size)}, layout);
      // Two gaps: f4e2m1 has even strides.
      const GuardedTensor wide(code, {3, size + 3});
      const GuardedTensor other(kE4M3, {3, size}, layout);
      args.output_scale = scales;
      args.output_quant =
          code == kE2M1 ? wide.view().Slice(1, 0, size) : other.view();
      ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
      EXPECT_TRUE(other.Intact());
      EXPECT_TRUE(scales.Intact());
      EXPECT_TRUE(SameBits(args.output_quant, problem.codes));
      for (int64_t row = 0; row < 3; ++row) {
        for (int64_t b = 0; b < NumBlocks(size); ++b) {
          EXPECT_EQ(*scales.view().At<uint8_t>(row, b),
                    problem.scales.view().At<E8M0>(row, b)->bits);
        }
      }
    }
  }
}

TEST_P(RmsNormMxQuantizeTest, StridedPackedRows) {
  const int64_t size = 77;
  const Problem problem(3, size);
  RmsNormMxQuantizeArgs args = problem.args();
  ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
  args.output_scale = Tensor();
  args.packed_output = true;
  for (const Layout layout : kAllLayouts) {
    const GuardedTensor packed(kE4M3, {3, size + NumBlocks(size)}, layout);
    args.output_quant = packed;
    ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
    EXPECT_TRUE(packed.Intact());
    EXPECT_TRUE(SameBits(packed.view().Slice(1, 0, size), problem.codes));
    for (int64_t row = 0; row < 3; ++row) {
      for (int64_t b = 0; b < NumBlocks(size); ++b) {
        EXPECT_EQ(packed.view().At<Float8E4M3>(row, size + b)->bits,
                  problem.scales.view().At<E8M0>(row, b)->bits);
      }
    }
  }
}

TEST_P(RmsNormMxQuantizeTest, RowsAndGivenScales) {
  const float ds = 0.02f;
  for (const DType code : {kE4M3, kE5M2}) {
    const Problem problem(6, 133, kBF16, code);
    const GuardedTensor row_scale(kF32, {6, 1});
    const GuardedTensor codes(code, {6, 133});
    const GuardedTensor expected_scale(kF32, {6, 1});
    RmsNormMxQuantizeArgs args = problem.args();
    args.quantization_type = QuantizationType::kRowMx;
    args.output_row_dequant_scale = row_scale;
    ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
    ASSERT_EQ(RowQuantization({.hidden_state = args.output,
                               .quantized = codes,
                               .dequant_scale = expected_scale},
                              context_),
              absl::OkStatus());
    EXPECT_TRUE(SameBits(problem.codes, codes));
    EXPECT_TRUE(SameBits(row_scale, expected_scale));
    ForEachIndex({6, NumBlocks(133)}, [&](const Dims& index) {
      EXPECT_EQ(Read(problem.scales, index), 1);
    });
    args.quantization_type = QuantizationType::kStaticMx;
    args.output_row_dequant_scale = Tensor();
    args.output_scale = Tensor();
    args.input_dequant_scale = ConstTensor(&ds, kF32, {});
    ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
    ASSERT_EQ(
        StaticQuantization({.hidden_state = args.output,
                            .input_dequant_scale = args.input_dequant_scale,
                            .quantized = codes},
                           context_),
        absl::OkStatus());
    EXPECT_TRUE(SameBits(problem.codes, codes));
    const GuardedTensor filled(DType::kE8M0, {6, NumBlocks(133)});
    args.output_scale = filled;
    ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
    ForEachIndex({6, NumBlocks(133)},
                 [&](const Dims& index) { EXPECT_EQ(Read(filled, index), 1); });
  }
}

TEST_P(RmsNormMxQuantizeTest, Residual) {
  for (const Layout layout : kAllLayouts) {
    const Problem problem(5, 77, kBF16, kE4M3, layout);
    const GuardedTensor residual(kF16, {5, 77}, layout);
    const GuardedTensor sum(kF16, {5, 77}, layout);
    Random random(2);
    FillNormal(random, residual);
    RmsNormMxQuantizeArgs args = problem.args();
    args.residual = residual;
    args.output_residual = sum;
    ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
    ForEachIndex({5, 77}, [&](const Dims& index) {
      const double exact = Read(problem.input, index) + Read(residual, index);
      EXPECT_EQ(Read(sum, index),
                RoundToDType(RoundToDType(exact, kF32), kF16));
    });
    ExpectQuantizedOutput(args);
    EXPECT_TRUE(sum.Intact());
  }
}

TEST_P(RmsNormMxQuantizeTest, SpecialRows) {
  const Problem problem(4, 64);
  for (int64_t i = 0; i < 64; ++i) Write(problem.input, {0, i}, 0);
  Write(problem.input, {1, 40}, std::nan(""));
  Write(problem.input, {3, 40}, std::numeric_limits<double>::infinity());
  ASSERT_EQ(RmsNormMxQuantize(problem.args(), context_), absl::OkStatus());
  for (int64_t i = 0; i < 64; ++i) {
    EXPECT_EQ(Read(problem.codes, {0, i}), 0);
    EXPECT_EQ(Read(problem.codes, {1, i}), 0);
  }
  for (int64_t b = 0; b < 2; ++b) {
    EXPECT_EQ(Read(problem.scales, {0, b}), 0x1p-127);
    EXPECT_TRUE(std::isnan(Read(problem.scales, {1, b})));
    EXPECT_TRUE(std::isfinite(Read(problem.scales, {2, b})));
  }
  // An infinity is a NaN of its block and makes the others zeros.
  EXPECT_EQ(Read(problem.scales, {3, 0}), 0x1p-127);
  EXPECT_TRUE(std::isnan(Read(problem.scales, {3, 1})));
  for (int64_t i = 0; i < 64; ++i) EXPECT_EQ(Read(problem.codes, {3, i}), 0);
}

// Past the caches come the bits of smaller calls.
TEST_P(RmsNormMxQuantizeTest, OutputsBeyondTheCaches) {
  const int64_t rows = 9000, size = 4000;
  const Buffer input = TypicalNumbers(kBF16, {rows, size});
  Buffer codes(kE4M3, {rows, size});
  Buffer scales(DType::kE8M0, {rows, NumBlocks(size)});
  RmsNormMxQuantizeArgs args = {.input = input.view(),
                                .output_quant = codes.view(),
                                .output_scale = scales.view()};
  ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
  for (const int64_t row : {int64_t{0}, int64_t{17}, rows - 1}) {
    const GuardedTensor alone(kE4M3, {1, size});
    const GuardedTensor scale(DType::kE8M0, {1, NumBlocks(size)});
    args.input = input.view().Slice(0, row, 1);
    args.output_quant = alone;
    args.output_scale = scale;
    ASSERT_EQ(RmsNormMxQuantize(args, context_), absl::OkStatus());
    EXPECT_TRUE(SameBits(codes.view().Slice(0, row, 1), alone));
    EXPECT_TRUE(SameBits(scales.view().Slice(0, row, 1), scale));
  }
}

TEST(RmsNormMxQuantizeTargetsTest, AllGiveTheSameBits) {
  std::optional<Problem> first;
  ForEachSimdTarget([&](int64_t target) {
    SCOPED_TRACE(SimdTargetName(target));
    HostContext context(1);
    Problem problem(5, 777, kF32);
    ASSERT_EQ(RmsNormMxQuantize(problem.args(), context), absl::OkStatus());
    if (!first.has_value()) {
      first.emplace(std::move(problem));
      return;
    }
    EXPECT_TRUE(SameBits(problem.codes, first->codes));
    EXPECT_TRUE(SameBits(problem.scales, first->scales));
    EXPECT_TRUE(SameBits(problem.output, first->output));
  });
}

class RmsNormMxQuantizeErrorTest : public testing::Test {
 protected:
  void ExpectError(const std::string& message) {
    const absl::Status status = RmsNormMxQuantize(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    args_ = problem_.args();
  }

  Problem problem_{6, 48};
  RmsNormMxQuantizeArgs args_ = problem_.args();
  HostContext context_{1};
};

TEST_F(RmsNormMxQuantizeErrorTest, Tensors) {
  args_.input = ConstTensor();
  ExpectError("rmsnorm_mx_quantize: input is missing, expected [..., H]");
  args_.gamma = problem_.gamma.view().Slice(0, 0, 47);
  ExpectError("rmsnorm_mx_quantize: gamma is [47] but H = 48");
  const GuardedTensor two(kBF16, {2, 48});
  args_.gamma = two;
  ExpectError("rmsnorm_mx_quantize: gamma is [2, 48]");
  const GuardedTensor scalar(kBF16, {});
  args_.input = scalar;
  ExpectError("rmsnorm_mx_quantize: input is []");
  args_.input = problem_.input.view().Slice(1, 0, 0);
  ExpectError("rmsnorm_mx_quantize: input is [6, 0]: H = 0, expected >= 1");
  args_.output = problem_.output.view().Slice(0, 0, 5);
  ExpectError("rmsnorm_mx_quantize: output is [5, 48] but");
  args_.residual = problem_.input.view().Slice(1, 0, 47);
  ExpectError("rmsnorm_mx_quantize: residual is [6, 47] but H = 48");
  args_.output_scale = problem_.scales.view().Slice(1, 0, 1);
  ExpectError("rmsnorm_mx_quantize: output_scale is [6, 1] but H/32 = 2");
  const GuardedTensor four(kE2M1, {48, 6});
  args_.output_quant = four.view().Permute({1, 0});
  ExpectError(
      "rmsnorm_mx_quantize: output_quant of f4e2m1 has strides [1, 6], "
      "expected 1 in the last dimension");
  args_.residual = problem_.input;
  ExpectError("rmsnorm_mx_quantize: output_residual is missing");
  args_.output_quant = problem_.codes.view().Slice(1, 0, 47);
  ExpectError("rmsnorm_mx_quantize: output_quant is [6, 47] but H = 48");
  args_.output_quant =
      Tensor(problem_.codes.view().data(), DType::kF8E4M3_240, {6, 48});
  ExpectError("rmsnorm_mx_quantize: output_quant has dtype f8e4m3_240");
}

TEST_F(RmsNormMxQuantizeErrorTest, Scales) {
  args_.output_scale = Tensor();
  ExpectError("rmsnorm_mx_quantize: output_scale is missing");
  const GuardedTensor packed(kE4M3, {6, 50});
  args_.output_quant = packed;
  args_.packed_output = true;
  ExpectError(
      "rmsnorm_mx_quantize: output_scale is given but the output is packed");
  args_.quantization_type = QuantizationType::kRowMx;
  ExpectError("rmsnorm_mx_quantize: output_row_dequant_scale is missing");
  args_.quantization_type = QuantizationType::kStaticMx;
  ExpectError("rmsnorm_mx_quantize: input_dequant_scale is missing");
  const float zero = 0;
  args_.quantization_type = QuantizationType::kStaticMx;
  args_.input_dequant_scale = ConstTensor(&zero, kF32, {1});
  ExpectError("rmsnorm_mx_quantize: input_dequant_scale[0] is 0, expected");
  args_.quantization_type = QuantizationType::kRowMx;
  args_.packed_output = true;
  ExpectError(
      "rmsnorm_mx_quantize: packed_output is true but quantization_type is "
      "not MX");
  const GuardedTensor four(kE2M1, {6, 48});
  const GuardedTensor scale(kF32, {6});
  args_.quantization_type = QuantizationType::kRowMx;
  args_.output_row_dequant_scale = scale;
  args_.output_quant = four;
  ExpectError(
      "rmsnorm_mx_quantize: output_quant has dtype f4e2m1, expected f8e4m3 or "
      "f8e5m2");
}

TEST_F(RmsNormMxQuantizeErrorTest, Attributes) {
  args_.quantization_type = QuantizationType::kRow;
  ExpectError(
      "rmsnorm_mx_quantize: quantization_type is 2, expected 3 (MX), 4 "
      "(STATIC_MX) or 5 (ROW_MX)");
  args_.scale_mode = static_cast<MxScaleMode>(4);
  ExpectError("rmsnorm_mx_quantize: scale_mode is 4, expected 0 (FLOOR)");
  args_.eps = -1;
  ExpectError("rmsnorm_mx_quantize: eps is -1, expected >= 0 and finite");
  args_.hidden_actual = 49;
  ExpectError("rmsnorm_mx_quantize: hidden_actual is 49, expected 1..48");
  args_.intermediate_dtype = kE4M3;
  ExpectError("rmsnorm_mx_quantize: intermediate_dtype is f8e4m3, expected");
}

TEST_F(RmsNormMxQuantizeErrorTest, Overlaps) {
  args_.output = Tensor(problem_.input.view().data(), kBF16, {6, 48});
  ExpectError("rmsnorm_mx_quantize: output overlaps input");
  args_.output_scale = Tensor(problem_.codes.view().data(), DType::kU8, {6, 2});
  ExpectError("rmsnorm_mx_quantize: output_scale overlaps output_quant");
}

}  // namespace
}  // namespace tilework
