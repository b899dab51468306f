// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rows on the device that are longer, shorter or worse aligned than those of
// the kit, and what must be exact.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/normalization/layernorm.h"
#include "tilework/kernels/normalization/layernorm_bwd.h"
#include "tilework/kernels/normalization/layernorm_bwd_oracle.h"
#include "tilework/kernels/normalization/layernorm_oracle.h"
#include "tilework/kernels/normalization/normalization_device_testing.h"
#include "tilework/kernels/normalization/rmsnorm.h"
#include "tilework/kernels/normalization/rmsnorm_bwd.h"
#include "tilework/kernels/normalization/rmsnorm_bwd_oracle.h"
#include "tilework/kernels/normalization/rmsnorm_mx_quantize.h"
#include "tilework/kernels/normalization/rmsnorm_oracle.h"
#include "tilework/kernels/normalization/rmsnorm_quant.h"
#include "tilework/testing/device_test.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kF16 = DType::kF16;

// Around what a warp, a block and registers hold; with 8 dividing them and not.
constexpr int64_t kSizes[] = {1,    8,    128,   129,   1024,  1032,
                              2881, 8200, 16384, 16392, 33000, 33001};

GuardedTensor Filled(DType dtype, const Dims& shape, uint64_t seed,
                     Layout layout = Layout::kContiguous, double mean = 0) {
  GuardedTensor tensor(dtype, shape, layout);
  Random random(seed);
  FillNormal(random, tensor, 1, mean);
  return tensor;
}

// Any NaN equals another.
testing::AssertionResult AreEqual(const ConstTensor& a, const ConstTensor& b) {
  const std::vector<double> expected = ToDoubles(b);
  return Within(a, expected, std::vector<double>(expected.size()));
}

class NormalizationDeviceTest : public DeviceTest {
 protected:
  HostContext host_{2};
};

TEST_F(NormalizationDeviceTest, RmsNormOfAnySize) {
  for (const int64_t size : kSizes) {
    SCOPED_TRACE(size);
    const GuardedTensor x = Filled(kBF16, {3, size}, 1);
    const GuardedTensor residual = Filled(kF32, {3, size}, 2);
    const GuardedTensor gate = Filled(kF16, {3, size}, 3);
    const GuardedTensor gamma = Filled(kBF16, {size}, 4);
    const GuardedTensor sum(kF32, {3, size});
    const GuardedTensor y(kF32, {3, size});
    const GuardedTensor rstd(kF32, {3});
    for (const auto mode : {RmsNormGateMode::kPre, RmsNormGateMode::kPost}) {
      const RmsNormArgs args = {.input = x,
                                .gamma = gamma,
                                .residual = residual,
                                .residual_out = sum,
                                .gate = gate,
                                .output = y,
                                .rstd = rstd,
                                .gamma_offset = 1,
                                .gate_mode = mode};
      ASSERT_EQ(RunOnDevice(RmsNorm, args, context()), absl::OkStatus());
      EXPECT_TRUE(Agrees(RmsNormExpected(args)));
    }
  }
}

TEST_F(NormalizationDeviceTest, LayerNormOfAnySize) {
  for (const int64_t size : kSizes) {
    SCOPED_TRACE(size);
    // The mean is far from 0.
    const GuardedTensor x =
        Filled(kF32, {3, size}, 1, Layout::kContiguous, 1000);
    const GuardedTensor gamma = Filled(kF32, {size}, 2);
    const GuardedTensor beta = Filled(kBF16, {size}, 3);
    const GuardedTensor y(kBF16, {3, size});
    const GuardedTensor mean(kF32, {3});
    const GuardedTensor rstd(kF32, {3});
    const LayerNormArgs args = {.input = x,
                                .gamma = gamma,
                                .beta = beta,
                                .output = y,
                                .mean = mean,
                                .rstd = rstd};
    ASSERT_EQ(RunOnDevice(LayerNorm, args, context()), absl::OkStatus());
    EXPECT_TRUE(Agrees(LayerNormExpected(args)));
  }
}

// The order of a row's sums depends on its size alone.
TEST_F(NormalizationDeviceTest, SameBitsForAnyLayout) {
  for (const int64_t size : {64, 1000, 1032, 4096, 16392}) {
    SCOPED_TRACE(size);
    std::optional<std::vector<double>> first;
    for (const Layout layout : kAllLayouts) {
      const GuardedTensor x = Filled(kBF16, {2, size}, 1, layout);
      const GuardedTensor gamma = Filled(kBF16, {size}, 2);
      const GuardedTensor y(kF32, {2, size}, layout);
      const LayerNormArgs args = {.input = x, .gamma = gamma, .output = y};
      ASSERT_EQ(RunOnDevice(LayerNorm, args, context()), absl::OkStatus());
      if (!first.has_value()) first = ToDoubles(y);
      EXPECT_EQ(ToDoubles(y), *first);
    }
  }
}

TEST_F(NormalizationDeviceTest, LayerNormOfEqualElementsIsBeta) {
  for (const int64_t size : {3, 1000, 4096}) {
    for (const float value : {1.0f, -0.1f, 12345.678f, 1e36f}) {
      SCOPED_TRACE(value);
      GuardedTensor x(kF32, {1, size});
      for (int64_t i = 0; i < size; ++i) x.view().data<float>()[i] = value;
      const GuardedTensor beta = Filled(kF32, {size}, 1);
      const GuardedTensor y(kF32, {1, size});
      LayerNormArgs args = {.input = x, .beta = beta, .output = y};
      ASSERT_EQ(RunOnDevice(LayerNorm, args, context()), absl::OkStatus());
      EXPECT_EQ(ToDoubles(y), ToDoubles(beta));
      args.eps = 0;
      ASSERT_EQ(RunOnDevice(LayerNorm, args, context()), absl::OkStatus());
      for (const double n : ToDoubles(y)) EXPECT_TRUE(std::isnan(n));
    }
  }
}

TEST_F(NormalizationDeviceTest, SpecialValues) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const int64_t size = 1100;
  GuardedTensor x = Filled(kF32, {4, size}, 1);
  float* rows = x.view().data<float>();
  rows[700] = kInfinity;
  rows[size + 1] = std::nanf("");
  for (int64_t i = 0; i < size; ++i) {
    rows[2 * size + i] = 0;
    rows[3 * size + i] *= 1e19f;
  }
  const GuardedTensor y(kF32, {4, size});
  const RmsNormArgs args = {.input = x, .output = y};
  ASSERT_EQ(RunOnDevice(RmsNorm, args, context()), absl::OkStatus());
  const std::vector<double> n = ToDoubles(y);
  for (size_t i = 0; i < n.size(); ++i) {
    SCOPED_TRACE(i);
    if (i == 700 || i / size_t{1100} == 1) {
      EXPECT_TRUE(std::isnan(n[i]));
    } else {
      EXPECT_EQ(n[i], 0);
    }
  }
}

// Without a norm the host has the same bits.
TEST_F(NormalizationDeviceTest, QuantizedRowsAreTheHosts) {
  for (const int64_t size : {1, 129, 1000, 1024, 4096, 4100, 16392}) {
    for (const int64_t group : {0, 1, 8, 32, 100, 128, 256, 512, 5000}) {
      for (const bool packed : {false, true}) {
        if (packed && group > 0) continue;
        SCOPED_TRACE(size);
        SCOPED_TRACE(group);
        const GuardedTensor x = Filled(kBF16, {3, size}, 1);
        // As bytes of a packed scale, NaNs differ.
        const float rare = packed ? 1e30f : std::nanf("");
        x.view().data<BFloat16>()[size / 2] = BFloat16(rare);
        for (int64_t i = 0; i < size; ++i) {
          x.view().data<BFloat16>()[size + i] = BFloat16(0.0f);
        }
        const GuardedTensor residual = Filled(kF16, {3, size}, 2);
        const GuardedTensor sums[] = {{kF16, {3, size}}, {kF16, {3, size}}};
        const Dims codes = {3, size + (packed ? 4 : 0)};
        const GuardedTensor outs[] = {{DType::kF8E4M3, codes},
                                      {DType::kF8E4M3, codes}};
        const Dims scale = {3, group == 0 ? 1 : (size - 1) / group + 1};
        const GuardedTensor scales[] = {{kF32, scale}, {kF32, scale}};
        const auto args = [&](int i) {
          RmsNormQuantArgs result = {.hidden = x,
                                     .residual = residual,
                                     .residual_out = sums[i],
                                     .out = outs[i],
                                     .lower_bound = 1.5f,
                                     .norm_type = NormType::kNoNorm,
                                     .packed_output = packed,
                                     .group_size = group};
          if (!packed) result.dequant_scale = scales[i];
          return result;
        };
        ASSERT_EQ(RmsNormQuant(args(0), host_), absl::OkStatus());
        ASSERT_EQ(RunOnDevice(RmsNormQuant, args(1), context()),
                  absl::OkStatus());
        EXPECT_TRUE(SameBits(outs[1].view(), outs[0].view()));
        EXPECT_TRUE(AreEqual(sums[1], sums[0]));
        if (packed) continue;
        EXPECT_TRUE(AreEqual(scales[1], scales[0]));
      }
    }
  }
}

// The codes and scales are those of `output`.
TEST_F(NormalizationDeviceTest, MxBlocksAreThoseOfTheNormalizedRows) {
  for (const int64_t size : {1, 31, 96, 1000, 1030, 4096, 16400}) {
    SCOPED_TRACE(size);
    const int64_t blocks = (size + 31) / 32;
    const GuardedTensor x = Filled(kBF16, {2, size}, 1);
    const GuardedTensor n(kBF16, {2, size});
    const GuardedTensor codes(DType::kF8E5M2, {2, size + blocks});
    RmsNormMxQuantizeArgs args = {.input = x,
                                  .output = n,
                                  .output_quant = codes,
                                  .scale_mode = MxScaleMode::kRceil,
                                  .packed_output = true};
    ASSERT_EQ(RunOnDevice(RmsNormMxQuantize, args, context()),
              absl::OkStatus());
    const GuardedTensor f4(DType::kF4E2M1, {2, size});
    const GuardedTensor scales(DType::kE8M0, {2, blocks});
    args.output_quant = f4;
    args.output_scale = scales;
    args.packed_output = false;
    ASSERT_EQ(RunOnDevice(RmsNormMxQuantize, args, context()),
              absl::OkStatus());
    const std::vector<double> values = ToDoubles(n);
    const auto* bytes = static_cast<const uint8_t*>(codes.view().data());
    const auto* pairs = static_cast<const uint8_t*>(f4.view().data());
    for (int64_t row = 0; row < 2; ++row) {
      const uint8_t* packed = bytes + row * (size + blocks);
      for (int64_t begin = 0; begin < size; begin += 32) {
        std::vector<float> block;
        for (int64_t i = begin; i < std::min(size, begin + 32); ++i) {
          block.push_back(
              static_cast<float>(values[static_cast<size_t>(row * size + i)]));
        }
        std::vector<Float8E5M2> expected(block.size());
        const E8M0 scale =
            MxEncodeBlock<Float8E5M2>(block, MxScaleMode::kRceil, expected);
        EXPECT_EQ(packed[size + begin / 32], scale.bits);
        std::vector<Float4E2M1> expected4(block.size());
        const E8M0 scale4 =
            MxEncodeBlock<Float4E2M1>(block, MxScaleMode::kRceil, expected4);
        EXPECT_EQ(scales.view().data<E8M0>()[row * blocks + begin / 32].bits,
                  scale4.bits);
        for (size_t i = 0; i < block.size(); ++i) {
          const int64_t at = begin + static_cast<int64_t>(i);
          EXPECT_EQ(packed[at], expected[i].bits);
          const uint8_t pair = pairs[row * ((size + 1) / 2) + at / 2];
          EXPECT_EQ(pair >> (at % 2 * 4) & 15, expected4[i].bits);
        }
      }
    }
  }
}

struct BackwardShape {
  int64_t rows;
  int64_t size;
};
// Many slices, several rows a block, rows of a block, and longer than
// registers.
constexpr BackwardShape kBackwardShapes[] = {
    {1, 1},    {700, 4},   {530, 64}, {300, 200}, {100, 1030},
    {3, 2048}, {70, 1001}, {2, 8192}, {3, 8200},  {2, 20000}};

TEST_F(NormalizationDeviceTest, RmsNormBackwardOfAnySize) {
  for (const auto& [rows, size] : kBackwardShapes) {
    SCOPED_TRACE(size);
    const GuardedTensor dy = Filled(kBF16, {rows, size}, 1);
    const GuardedTensor x = Filled(kF32, {rows, size}, 2);
    const GuardedTensor gamma = Filled(kBF16, {size}, 3);
    const GuardedTensor dres = Filled(kF16, {rows, size}, 4);
    const GuardedTensor dx(kF32, {rows, size});
    const GuardedTensor dgamma(kF32, {size});
    const RmsNormBwdArgs args = {.dy = dy,
                                 .input = x,
                                 .gamma = gamma,
                                 .dres = dres,
                                 .dx = dx,
                                 .dgamma = dgamma,
                                 .gamma_offset = 1};
    ASSERT_EQ(RunOnDevice(RmsNormBwd, args, context()), absl::OkStatus());
    EXPECT_TRUE(Agrees(RmsNormBwdExpected(args)));
  }
}

TEST_F(NormalizationDeviceTest, LayerNormBackwardOfAnySize) {
  for (const auto& [rows, size] : kBackwardShapes) {
    if (size == 1) continue;  // dx is 0, so that no error is small beside it
    SCOPED_TRACE(size);
    const GuardedTensor dy = Filled(kF32, {rows, size}, 1);
    const GuardedTensor x = Filled(kBF16, {rows, size}, 2);
    const GuardedTensor gamma = Filled(kF32, {size}, 3);
    const GuardedTensor dx(kBF16, {rows, size});
    const GuardedTensor dgamma(kF32, {size});
    const GuardedTensor dbeta(kF32, {size});
    const LayerNormBwdArgs args = {.dy = dy,
                                   .input = x,
                                   .gamma = gamma,
                                   .dx = dx,
                                   .dgamma = dgamma,
                                   .dbeta = dbeta,
                                   .eps = 1e-3f};
    ASSERT_EQ(RunOnDevice(LayerNormBwd, args, context()), absl::OkStatus());
    EXPECT_TRUE(Agrees(LayerNormBwdExpected(args)));
  }
}

}  // namespace
}  // namespace tilework
