// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_tables.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_tables_oracle.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using testing::HasSubstr;

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kF16 = DType::kF16;

RopeTablesArgs Llama31() {
  return {.rope_type = RopeType::kLlama3,
          .base = 500000,
          .rotary_dim = 128,
          .factor = 8,
          .low_freq_factor = 1,
          .high_freq_factor = 4,
          .original_max_position = 8192};
}

// One ulp of the type at each value.
std::vector<double> Ulps(const std::vector<double>& values, DType dtype) {
  std::vector<double> ulps;
  for (const double value : values) {
    const double ulp = std::ldexp(2 * UnitRoundoff(dtype), std::ilogb(value));
    ulps.push_back(std::max(ulp, SmallestSubnormal(dtype)));
  }
  return ulps;
}

// Builds `rows` rows by `args` and holds them against the oracle.
void ExpectMatches(RopeTablesArgs args, int64_t rows, DType dtype,
                   Layout layout) {
  HostContext context(2);
  const int64_t width = args.duplicate ? args.rotary_dim : args.rotary_dim / 2;
  const GuardedTensor cos(dtype, {rows, width}, layout);
  const GuardedTensor sin(dtype, {rows, width}, layout);
  const GuardedTensor inv_freq(kF32, {args.rotary_dim / 2}, layout);
  args.cos = cos;
  args.sin = sin;
  args.inv_freq = inv_freq;
  SCOPED_TRACE(ToString(args.cos));
  ASSERT_EQ(RopeTables(args, context), absl::OkStatus());
  const RopeTablesReference reference = RopeTablesOracle(args, rows);
  std::vector<double> cos_bound = Ulps(reference.cos, dtype);
  std::vector<double> sin_bound = Ulps(reference.sin, dtype);
  for (size_t i = 0; i < cos_bound.size(); ++i) {
    cos_bound[i] += reference.angle_error[i];
    sin_bound[i] += reference.angle_error[i];
  }
  EXPECT_TRUE(Within(cos, reference.cos, cos_bound));
  EXPECT_TRUE(Within(sin, reference.sin, sin_bound));
  EXPECT_TRUE(
      Within(inv_freq, reference.inv_freq, Ulps(reference.inv_freq, kF32)));
  EXPECT_TRUE(cos.Intact() && sin.Intact() && inv_freq.Intact());
}

TEST(RopeTablesTest, EveryScheme) {
  for (const RopePrecision precision :
       {RopePrecision::kF32, RopePrecision::kF64}) {
    for (const int64_t start : {0, 1000, 131000, 100000000}) {
      for (RopeTablesArgs args : {RopeTablesArgs{.rotary_dim = 6},
                                  RopeTablesArgs{.rope_type = RopeType::kLinear,
                                  .base = 150000,
                                  .rotary_dim = 32,
                                  .factor = 2.5},
                                  Llama31()}) {
        args.precision = precision;
        args.position_start = start;
        ExpectMatches(args, 73, kF32, Layout::kContiguous);
      }
    }
  }
}

TEST(RopeTablesTest, FrequenciesDividedByFactors) {
  for (const Layout layout : kAllLayouts) {
    const GuardedTensor factors(kF32, {16}, layout);
    for (int64_t i = 0; i < 16; ++i) {
      Write(factors, {i}, 0.75 + 3 * static_cast<double>(i));
    }
    for (const RopeType type : {RopeType::kDefault, RopeType::kLinear}) {
      ExpectMatches({.freq_factors = factors,
                     .rope_type = type,
                     .rotary_dim = 32,
                     .position_start = 1000,
                     .factor = 2},
                    9, kF32, layout);
    }
  }
}

TEST(RopeTablesTest, EveryTypeLayoutAndWidth) {
  for (const DType dtype : {kF32, kBF16, kF16}) {
    for (const Layout layout : kAllLayouts) {
      for (const bool duplicate : {false, true}) {
        for (const bool contiguous : {false, true}) {
          ExpectMatches({.rotary_dim = 10,
                         .position_start = 5,
                         .duplicate = duplicate,
                         .contiguous_layout = contiguous},
                        7, dtype, layout);
        }
      }
    }
  }
}

// The one rounding of kF64: to within half an ulp, never by way of f32.
TEST(RopeTablesTest, F64RoundsOnce) {
  HostContext context(1);
  for (const DType dtype : {kBF16, kF16}) {
    RopeTablesArgs args = {.rotary_dim = 2, .precision = RopePrecision::kF64};
    const int64_t rows = 200000;
    const GuardedTensor sin(dtype, {rows, 1});
    args.sin = sin;
    ASSERT_EQ(RopeTables(args, context), absl::OkStatus());
    const RopeTablesReference reference = RopeTablesOracle(args, rows);
    std::vector<double> half = Ulps(reference.sin, dtype);
    for (double& bound : half) bound *= 0.5 + 1e-9;
    EXPECT_TRUE(Within(sin, reference.sin, half));
  }
}

TEST(RopeTablesTest, KnownFrequenciesOfLlama31) {
  HostContext context(1);
  const GuardedTensor inv_freq(kF32, {64});
  RopeTablesArgs args = Llama31();
  args.inv_freq = inv_freq;
  ASSERT_EQ(RopeTables(args, context), absl::OkStatus());
  const std::pair<int64_t, double> known[] = {
      {0, 1},
      {28, 0.00321144599},
      {29, 0.00216657076},
      {30, 0.00137189357},
      {32, 0.000524846161},
      {34, 0.000178507813},
      {35, 9.55621235e-5},
      {63, 3.06892599e-7},
  };
  for (const auto& [i, expected] : known) {
    EXPECT_NEAR(Read(inv_freq, {i}), expected, 1e-7 * expected) << i;
  }
}

TEST(RopeTablesTest, AnyNumberOfThreadsAndAnyRows) {
  const int64_t rows = 300;
  RopeTablesArgs args = Llama31();
  const GuardedTensor all(kF32, {rows, 64});
  args.cos = all;
  HostContext one(1);
  ASSERT_EQ(RopeTables(args, one), absl::OkStatus());
  for (const int threads : {2, 3}) {
    HostContext context(threads);
    const GuardedTensor cos(kF32, {rows, 64});
    args.cos = cos;
    ASSERT_EQ(RopeTables(args, context), absl::OkStatus());
    EXPECT_TRUE(SameBits(cos, all));
  }
  const GuardedTensor last(kF32, {1, 64});
  args.cos = last;
  args.position_start = rows - 1;
  ASSERT_EQ(RopeTables(args, one), absl::OkStatus());
  EXPECT_TRUE(SameBits(last, all.view().Slice(0, rows - 1, 1)));
}

TEST(RopeTablesTest, NoRows) {
  HostContext context(1);
  const GuardedTensor cos(kF32, {0, 4});
  EXPECT_EQ(RopeTables({.cos = cos, .rotary_dim = 8}, context),
            absl::OkStatus());
}

// Arguments without a fault, to be given one.
class RopeTablesErrorTest : public testing::Test {
 protected:
  RopeTablesErrorTest() {
    args_.cos = cos_;
    args_.sin = sin_;
  }
  void ExpectError(const std::string& message) {
    const absl::Status status = RopeTables(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(cos_)) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
  }

  GuardedTensor cos_{kF32, {3, 64}};
  GuardedTensor sin_{kF32, {3, 64}};
  RopeTablesArgs args_ = Llama31();
  HostContext context_{1};
};

TEST_F(RopeTablesErrorTest, NoFault) {
  EXPECT_EQ(RopeTables(args_, context_), absl::OkStatus());
}

TEST_F(RopeTablesErrorTest, Tensors) {
  for (const int64_t r : {0, 7, -2}) {
    args_.rotary_dim = r;
    ExpectError("rope_tables: rotary_dim is " + std::to_string(r) +
                ", expected an even number >= 2");
  }
  args_.rotary_dim = 126;
  ExpectError("rope_tables: cos is [3, 64] but W = 63 (from rotary_dim / 2)");
  args_.rotary_dim = 128;
  args_.duplicate = true;
  ExpectError("rope_tables: cos is [3, 64] but W = 128 (from rotary_dim)");
  args_.duplicate = false;
  const GuardedTensor more(kF32, {4, 64});
  args_.sin = more;
  ExpectError("rope_tables: sin is [4, 64] but P = 3 (from cos [3, 64])");
  const GuardedTensor integers(DType::kI32, {3, 64});
  args_.sin = integers;
  ExpectError("rope_tables: sin has dtype i32, expected f32 or bf16 or f16");
  args_.sin = sin_;
  const GuardedTensor frequencies(kF32, {63});
  args_.inv_freq = frequencies;
  ExpectError("rope_tables: inv_freq is [63] but h = 64 (from rotary_dim / 2)");
  const GuardedTensor half(kF16, {64});
  args_.inv_freq = half;
  ExpectError("rope_tables: inv_freq has dtype f16, expected f32");
}

TEST_F(RopeTablesErrorTest, Factors) {
  const GuardedTensor few(kF32, {63});
  args_.freq_factors = few;
  ExpectError(
      "rope_tables: freq_factors is [63] but h = 64 (from rotary_dim / 2)");
  const GuardedTensor half(kF16, {64});
  args_.freq_factors = half;
  ExpectError("rope_tables: freq_factors has dtype f16, expected f32");
  const GuardedTensor factors(kF32, {64});
  args_.freq_factors = factors;
  for (int64_t i = 0; i < 64; ++i) Write(factors, {i}, 1);
  Write(factors, {63}, 0);
  ExpectError("rope_tables: freq_factors[63] is 0, expected > 0 and finite");
  Write(factors, {63}, std::numeric_limits<double>::infinity());
  ExpectError("rope_tables: freq_factors[63] is inf, expected");
}

TEST_F(RopeTablesErrorTest, Attributes) {
  const auto expect = [&](auto RopeTablesArgs::*attribute, auto value,
                          const std::string& message) {
    RopeTablesArgs good = args_;
    args_.*attribute = value;
    ExpectError("rope_tables: " + message);
    args_ = good;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  expect(&RopeTablesArgs::base, 1.0, "base is 1, expected > 1 and finite");
  expect(&RopeTablesArgs::base, nan, "base is nan, expected > 1 and finite");
  expect(&RopeTablesArgs::base, infinity,
         "base is inf, expected > 1 and finite");
  expect(&RopeTablesArgs::factor, 0.5,
         "factor is 0.5, expected >= 1 and finite");
  expect(&RopeTablesArgs::high_freq_factor, 1.0,
         "low_freq_factor is 1 and high_freq_factor 1, expected low < high, "
         "both finite");
  expect(&RopeTablesArgs::low_freq_factor, -infinity,
         "low_freq_factor is -inf and high_freq_factor 4, expected low < high, "
         "both finite");
  expect(&RopeTablesArgs::original_max_position, 0,
         "original_max_position is 0, expected >= 1");
  expect(&RopeTablesArgs::position_start, -1,
         "position_start is -1, expected 0..4503599627370496");
  expect(&RopeTablesArgs::rope_type, static_cast<RopeType>(3),
         "rope_type is 3, expected 0..2");
  expect(&RopeTablesArgs::precision, static_cast<RopePrecision>(2),
         "precision is 2, expected 0..1");
}

TEST_F(RopeTablesErrorTest, Aliasing) {
  args_.sin = cos_;
  ExpectError("rope_tables: cos overlaps sin");
  args_.sin = sin_;
  args_.inv_freq = cos_.view().Select(0, 0);
  ExpectError("rope_tables: cos overlaps inv_freq");
  args_.inv_freq = sin_.view().Select(0, 0);
  ExpectError("rope_tables: sin overlaps inv_freq");
  args_.inv_freq = {};
  args_.freq_factors = cos_.view().Select(0, 0);
  ExpectError("rope_tables: cos overlaps freq_factors");
}

}  // namespace
}  // namespace tilework
