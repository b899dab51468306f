// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_tables.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
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
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope_scaling.h"
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
          .original_max_position = 8192,
          .low_freq_factor = 1,
          .high_freq_factor = 4};
}

RopeTablesArgs GptOss() {
  return {.rope_type = RopeType::kYarn,
          .base = 150000,
          .rotary_dim = 64,
          .factor = 32,
          .original_max_position = 4096,
          .truncate = false};
}

RopeTablesArgs DeepSeekV3() {
  return {.rope_type = RopeType::kYarn,
          .base = 10000,
          .rotary_dim = 64,
          .factor = 40,
          .original_max_position = 4096,
          .mscale = 1,
          .mscale_all_dim = 1};
}

RopeTablesArgs Qwen3() {
  return {.rope_type = RopeType::kYarn,
          .base = 1000000,
          .rotary_dim = 128,
          .factor = 4,
          .original_max_position = 32768};
}

// Builds `rows` rows by `args` and holds them against the oracle.
void ExpectMatches(RopeTablesArgs args, int64_t rows, DType dtype,
                   Layout layout) {
  HostContext context(2);
  const int64_t width = args.duplicate ? args.rotary_dim : args.rotary_dim / 2;
  const GuardedTensor cos(dtype, {rows, width}, layout);
  const GuardedTensor sin(dtype, {rows, width}, layout);
  const GuardedTensor cache(dtype, {rows, 2 * width}, layout);
  const GuardedTensor inv_freq(kF32, {args.rotary_dim / 2}, layout);
  const GuardedTensor factor(kF32, {1}, layout);
  args.cos = cos;
  args.sin = sin;
  args.rope_cache = cache;
  args.inv_freq = inv_freq;
  args.attention_factor_out = factor;
  SCOPED_TRACE(ToString(args.cos) + ", rope_type " +
               std::to_string(static_cast<int>(args.rope_type)));
  ASSERT_EQ(RopeTables(args, context), absl::OkStatus());
  EXPECT_TRUE(Agrees(RopeTablesExpected(args)));
  EXPECT_TRUE(SameBits(cache.view().Slice(1, 0, width), cos));
  EXPECT_TRUE(SameBits(cache.view().Slice(1, width, width), sin));
  EXPECT_TRUE(cos.Intact() && sin.Intact() && cache.Intact() &&
              inv_freq.Intact() && factor.Intact());
}

// `args` in both precisions at small and large positions.
void ExpectMatchesEverywhere(RopeTablesArgs args) {
  for (const RopePrecision precision :
       {RopePrecision::kF32, RopePrecision::kF64}) {
    for (const int64_t start : {0, 1000, 131000, 100000000}) {
      args.precision = precision;
      args.position_start = start;
      ExpectMatches(args, 37, kF32, Layout::kContiguous);
    }
  }
}

TEST(RopeTablesTest, EveryScheme) {
  for (const RopeTablesArgs& args :
       {RopeTablesArgs{.rotary_dim = 6},
        RopeTablesArgs{.rope_type = RopeType::kLinear,
        .base = 150000,
        .rotary_dim = 32,
        .factor = 2.5},
        RopeTablesArgs{
            .rope_type = RopeType::kNtk, .rotary_dim = 4, .factor = 8},
        Llama31(), GptOss(), DeepSeekV3(), Qwen3()}) {
    ExpectMatchesEverywhere(args);
  }
}

TEST(RopeTablesTest, DynamicNtkByLength) {
  // Up to max_position nothing is stretched.
  for (const int64_t seq_len : {0, 4096, 4097, 100000}) {
    ExpectMatchesEverywhere({.rope_type = RopeType::kDynamicNtk,
                             .rotary_dim = 64,
                             .factor = 2,
                             .max_position = 4096,
                             .seq_len = seq_len});
  }
}

TEST(RopeTablesTest, YarnAtItsEdges) {
  RopeTablesArgs args = Qwen3();
  args.mscale = 0.7;  // alone it does not count
  ExpectMatchesEverywhere(args);
  args.mscale_all_dim = 1.3;
  ExpectMatchesEverywhere(args);
  args.attention_factor = 1.25;
  ExpectMatchesEverywhere(args);
  args.factor = 1;
  args.attention_factor.reset();
  ExpectMatchesEverywhere(args);
  args = Qwen3();
  // A ramp that ends where it begins, and ones that end before.
  for (const int64_t length : {int64_t{6}, int64_t{1}, int64_t{1} << 60}) {
    args.original_max_position = length;
    ExpectMatchesEverywhere(args);
  }
  args = Qwen3();
  args.beta_fast = 1.01;
  args.truncate = false;
  ExpectMatchesEverywhere(args);
}

TEST(RopeTablesTest, LongropeByLength) {
  const GuardedTensor short_factor(kF32, {16});
  const GuardedTensor long_factor(kF32, {16}, Layout::kUnaligned);
  for (int64_t i = 0; i < 16; ++i) {
    Write(short_factor, {i}, 1 + 0.25 * static_cast<double>(i));
    Write(long_factor, {i}, 2 + 3.5 * static_cast<double>(i));
  }
  RopeTablesArgs args = {.short_factor = short_factor,
                         .long_factor = long_factor,
                         .rope_type = RopeType::kLongrope,
                         .rotary_dim = 32,
                         .max_position = 131072,
                         .original_max_position = 4096};
  for (const int64_t seq_len : {0, 4096, 4097}) {
    args.seq_len = seq_len;
    ExpectMatchesEverywhere(args);  // F = 32
  }
  args.factor = 2;
  ExpectMatchesEverywhere(args);
  args.factor = 1;
  ExpectMatchesEverywhere(args);
  args.factor.reset();
  args.max_position = 1000;  // F < 1
  ExpectMatchesEverywhere(args);
  args.max_position.reset();
  args.attention_factor = 1.5;
  args.original_max_position = 1;
  ExpectMatchesEverywhere(args);
}

TEST(RopeTablesTest, Positions) {
  for (const DType dtype : {DType::kI32, DType::kI64, kF32}) {
    for (const Layout layout : kAllLayouts) {
      const GuardedTensor positions(dtype, {5}, layout);
      for (int64_t row = 0; row < 5; ++row) {
        const double p = static_cast<double>(row * row * 1000) - 300;
        Write(positions, {row}, dtype == kF32 ? p + 0.25 : p);
      }
      for (const RopePrecision precision :
           {RopePrecision::kF32, RopePrecision::kF64}) {
        ExpectMatches({.positions = positions,
                       .rotary_dim = 16,
                       .rows = 5,
                       .precision = precision},
                      5, kF32, layout);
      }
    }
  }
}

// Once, to f32, and not by way of f64.
TEST(RopeTablesTest, LargePositionsRoundOnce) {
  HostContext context(1);
  const GuardedTensor positions(DType::kI64, {1});
  const GuardedTensor cos(kF32, {1, 1});
  // In f64 it is halfway between two f32 values.
  positions.view().data<int64_t>()[0] =
      (int64_t{1} << 60) + (int64_t{1} << 36) + 1;
  ASSERT_EQ(RopeTables({.cos = cos, .positions = positions, .rotary_dim = 2},
                       context),
            absl::OkStatus());
  EXPECT_EQ(Read(cos, {0, 0}), static_cast<float>(std::cos(0x1p60 + 0x1p37)));
}

TEST(RopeTablesTest, PositionsThatAreNotFinite) {
  HostContext context(1);
  const GuardedTensor positions(kF32, {3});
  Write(positions, {0}, std::numeric_limits<double>::infinity());
  Write(positions, {1}, std::numeric_limits<double>::quiet_NaN());
  Write(positions, {2}, 0);
  for (const RopePrecision precision :
       {RopePrecision::kF32, RopePrecision::kF64}) {
    const GuardedTensor cos(kBF16, {3, 2});
    const GuardedTensor sin(kF16, {3, 2});
    ASSERT_EQ(RopeTables({.cos = cos,
                          .sin = sin,
                          .positions = positions,
                          .rotary_dim = 4,
                          .precision = precision},
                         context),
              absl::OkStatus());
    for (const int64_t i : {0, 1}) {
      EXPECT_TRUE(std::isnan(Read(cos, {0, i})));
      EXPECT_TRUE(std::isnan(Read(sin, {0, i})));
      EXPECT_TRUE(std::isnan(Read(cos, {1, i})));
      EXPECT_TRUE(std::isnan(Read(sin, {1, i})));
      EXPECT_EQ(Read(cos, {2, i}), 1);
      EXPECT_EQ(Read(sin, {2, i}), 0);
    }
  }
}

// Qwen2-VL has sections in a row, Qwen3-VL interleaved ones.
TEST(RopeTablesTest, PositionsOnThreeAxes) {
  for (const DType dtype : {DType::kI32, DType::kI64, kF32}) {
    const GuardedTensor positions(dtype, {3, 7}, Layout::kReversed);
    for (int64_t axis = 0; axis < 3; ++axis) {
      for (int64_t row = 0; row < 7; ++row) {
        Write(positions, {axis, row}, static_cast<double>(10 * row + axis));
      }
    }
    for (const std::array<int64_t, 3>& section :
         {std::array<int64_t, 3>{16, 24, 24}, {24, 20, 20}, {0, 0, 64}}) {
      for (const bool interleaved : {false, true}) {
        ExpectMatches({.positions = positions,
                       .base = 1000000,
                       .rotary_dim = 128,
                       .mrope_section = section,
                       .mrope_interleaved = interleaved},
                      7, kF32, Layout::kContiguous);
      }
    }
  }
}

// The axis of each pair, by what the published models use.
TEST(RopeTablesTest, AxesOfQwenVL) {
  HostContext context(1);
  const GuardedTensor positions(kF32, {3, 1});
  for (int64_t axis = 0; axis < 3; ++axis) {
    // inv_freq is about 1 for all pairs, so that sin tells the position.
    Write(positions, {axis, 0}, 0.25 * static_cast<double>(axis));
  }
  const GuardedTensor sin(kF32, {1, 64});
  RopeTablesArgs args = {.sin = sin,
                         .positions = positions,
                         .base = 1.0000001,
                         .rotary_dim = 128,
                         .mrope_section = {{16, 24, 24}}};
  const auto axis = [&](int64_t i) {
    return std::lround(std::asin(Read(sin, {0, i})) / 0.25);
  };
  ASSERT_EQ(RopeTables(args, context), absl::OkStatus());
  for (int64_t i = 0; i < 64; ++i) {
    EXPECT_EQ(axis(i), i < 16 ? 0 : i < 40 ? 1 : 2) << i;
  }
  args.mrope_section = {{24, 20, 20}};
  args.mrope_interleaved = true;
  ASSERT_EQ(RopeTables(args, context), absl::OkStatus());
  for (int64_t i = 0; i < 64; ++i) {
    EXPECT_EQ(axis(i), i < 60 ? i % 3 : 0) << i;
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
    std::vector<double> half = UlpsOf(reference.sin, dtype);
    for (double& bound : half) bound *= 0.5 + 1e-9;
    EXPECT_TRUE(Within(sin, reference.sin, half));
  }
}

// Frequencies and factors known to 9 digits.
struct Known {
  RopeTablesArgs args;
  double attention_factor;
  std::vector<std::pair<int64_t, double>> inv_freq;
};

TEST(RopeTablesTest, KnownFrequencies) {
  const Known all[] = {
      {Llama31(),
       1,
       {{0, 1},
        {28, 0.00321144599},
        {29, 0.00216657076},
        {30, 0.00137189357},
        {32, 0.000524846161},
        {34, 0.000178507813},
        {35, 9.55621235e-5},
        {63, 3.06892599e-7}}},
      {GptOss(),
       1.34657359,
       {{8, 0.0508132748},
        {9, 0.0317056962},
        {12, 0.00679495949},
        {16, 0.000456483919},
        {18, 3.83088124e-5},
        {31, 3.02351143e-7}}},
      {DeepSeekV3(),
       1,
       {{11, 0.0390069266}, {16, 0.0055}, {24, 2.5e-5}, {31, 3.33380358e-6}}},
      {Qwen3(), 1.13862944, {{24, 0.00537532149}, {32, 0.000602941176}}},
      {{.rope_type = RopeType::kNtk, .rotary_dim = 128, .factor = 8},
       1,
       {{1, std::pow(82684.6226, -1.0 / 64)},
        {63, std::pow(82684.6226, -63.0 / 64)}}},
      {{.rope_type = RopeType::kDynamicNtk,
        .rotary_dim = 128,
        .factor = 2,
        .max_position = 4096,
        .seq_len = 8192},
       1,
       {{1, std::pow(30527.7367, -1.0 / 64)},
        {63, std::pow(30527.7367, -63.0 / 64)}}},
  };
  HostContext context(1);
  for (const Known& known : all) {
    SCOPED_TRACE(static_cast<int>(known.args.rope_type));
    const RopeScaling scaling(known.args);
    EXPECT_NEAR(scaling.AttentionFactor(), known.attention_factor, 5e-9);
    const GuardedTensor inv_freq(kF32, {known.args.rotary_dim / 2});
    RopeTablesArgs args = known.args;
    args.inv_freq = inv_freq;
    ASSERT_EQ(RopeTables(args, context), absl::OkStatus());
    for (const auto& [i, expected] : known.inv_freq) {
      EXPECT_NEAR(scaling.InverseFrequency(i), expected, 5e-9 * expected) << i;
      EXPECT_EQ(Read(inv_freq, {i}),
                RoundToDType(scaling.InverseFrequency(i), kF32));
    }
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
    for (int64_t i = 0; i < 64; ++i) Write(factors_, {i}, 1);
  }
  void ExpectError(const std::string& message) {
    const absl::Status status = RopeTables(args_, context_);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr("rope_tables: " + message));
    EXPECT_EQ(Validate(args_), status);
    for (const double value : ToDoubles(cos_)) {
      EXPECT_TRUE(std::isnan(value)) << "written before the error";
    }
  }
  // With one attribute changed.
  template <typename Value, typename Member>
  void ExpectError(Member RopeTablesArgs::*attribute, const Value& value,
                   const std::string& message) {
    const RopeTablesArgs good = args_;
    args_.*attribute = value;
    ExpectError(message);
    args_ = good;
  }
  // Another scheme for the same tables.
  void Use(RopeTablesArgs args) {
    args.cos = cos_;
    args.sin = sin_;
    args.rotary_dim = 128;
    args_ = args;
    ASSERT_EQ(Validate(args_), absl::OkStatus());
  }

  static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();

  GuardedTensor cos_{kF32, {3, 64}};
  GuardedTensor sin_{kF32, {3, 64}};
  GuardedTensor factors_{kF32, {64}};
  RopeTablesArgs args_ = Llama31();
  HostContext context_{1};
};

TEST_F(RopeTablesErrorTest, NoFault) {
  EXPECT_EQ(RopeTables(args_, context_), absl::OkStatus());
}

TEST_F(RopeTablesErrorTest, Tensors) {
  for (const int64_t r : {int64_t{0}, int64_t{7}, int64_t{-2},
                          std::numeric_limits<int64_t>::max() - 1}) {
    ExpectError(&RopeTablesArgs::rotary_dim, r,
                "rotary_dim is " + std::to_string(r) +
                    ", expected an even number in 2..1073741824");
  }
  ExpectError(&RopeTablesArgs::rotary_dim, 126,
              "cos is [3, 64] but W = 63 (from rotary_dim / 2)");
  ExpectError(&RopeTablesArgs::duplicate, true,
              "cos is [3, 64] but W = 128 (from rotary_dim)");
  ExpectError(&RopeTablesArgs::rows, 4, "cos is [3, 64] but P = 4 (from rows)");
  ExpectError(&RopeTablesArgs::rows, -1, "rows is -1, expected >= 0");
  ExpectError(&RopeTablesArgs::sin, GuardedTensor(kF32, {4, 64}),
              "sin is [4, 64] but P = 3 (from cos [3, 64])");
  ExpectError(&RopeTablesArgs::sin, GuardedTensor(DType::kI32, {3, 64}),
              "sin has dtype i32, expected f32 or bf16 or f16");
  ExpectError(&RopeTablesArgs::rope_cache, GuardedTensor(kF32, {3, 64}),
              "rope_cache is [3, 64] but 2W = 128 (from rotary_dim)");
  ExpectError(&RopeTablesArgs::inv_freq, GuardedTensor(kF32, {63}),
              "inv_freq is [63] but h = 64 (from rotary_dim / 2)");
  ExpectError(&RopeTablesArgs::inv_freq, GuardedTensor(kF16, {64}),
              "inv_freq has dtype f16, expected f32");
  ExpectError(&RopeTablesArgs::attention_factor_out, GuardedTensor(kF32, {2}),
              "attention_factor is [2] but dimension 0 must be 1");
}

TEST_F(RopeTablesErrorTest, Positions) {
  ExpectError(&RopeTablesArgs::position_start, -1,
              "position_start is -1, expected 0..4503599627370496");
  const GuardedTensor positions(DType::kI32, {3});
  args_.positions = positions;
  ExpectError(&RopeTablesArgs::position_start, 1,
              "position_start is 1 but positions is given");
  ExpectError(&RopeTablesArgs::positions, GuardedTensor(DType::kI32, {4}),
              "cos is [3, 64] but P = 4 (from positions [4])");
  ExpectError(&RopeTablesArgs::positions, GuardedTensor(kBF16, {3}),
              "positions has dtype bf16, expected i32 or i64 or f32");
  ExpectError(&RopeTablesArgs::positions, GuardedTensor(kF32, {3, 3}),
              "positions is [3, 3], expected [P]");
}

TEST_F(RopeTablesErrorTest, Sections) {
  using Section = std::array<int64_t, 3>;
  ExpectError(&RopeTablesArgs::mrope_interleaved, true,
              "mrope_interleaved is set but mrope_section is not given");
  for (const Section& section :
       {Section{16, 24, 23}, Section{65, -1, 0}, Section{-1, 0, 65}}) {
    ExpectError(&RopeTablesArgs::mrope_section, section,
                "mrope_section is " +
                    Dims({section[0], section[1], section[2]}).ToString() +
                    (section[0] == 16
                         ? ", expected counts that sum to 64 (from rotary_dim "
                           "/ 2)"
                         : ", expected 0..64"));
  }
  const int64_t huge = std::numeric_limits<int64_t>::max();
  ExpectError(&RopeTablesArgs::mrope_section, Section{huge, huge, 66},
              "mrope_section is [9223372036854775807");
  args_.mrope_section = Section{16, 24, 24};
  ExpectError(&RopeTablesArgs::positions, GuardedTensor(DType::kI32, {3}),
              "positions is [3], expected [3, P]");
  ExpectError(&RopeTablesArgs::positions, GuardedTensor(DType::kI32, {2, 3}),
              "positions is [2, 3] but dimension 0 must be 3");
}

TEST_F(RopeTablesErrorTest, Factors) {
  ExpectError(&RopeTablesArgs::freq_factors, GuardedTensor(kF32, {63}),
              "freq_factors is [63] but h = 64 (from rotary_dim / 2)");
  ExpectError(&RopeTablesArgs::freq_factors, GuardedTensor(kF16, {64}),
              "freq_factors has dtype f16, expected f32");
  for (const auto& [name, tensor] :
       {std::pair("freq_factors", &RopeTablesArgs::freq_factors),
        std::pair("short_factor", &RopeTablesArgs::short_factor),
        std::pair("long_factor", &RopeTablesArgs::long_factor)}) {
    Use({.short_factor = factors_,
         .long_factor = factors_,
         .rope_type = RopeType::kLongrope,
         .factor = 8,
         .original_max_position = 4096});
    const GuardedTensor bad(kF32, {64});
    for (int64_t i = 0; i < 64; ++i) Write(bad, {i}, 1);
    for (const double value : {0.0, -1.0, kInfinity, kNaN}) {
      Write(bad, {63}, value);
      ExpectError(tensor, bad, std::string(name) + "[63] is ");
    }
  }
}

TEST_F(RopeTablesErrorTest, CommonAttributes) {
  ExpectError(&RopeTablesArgs::base, 1.0, "base is 1, expected > 1 and finite");
  ExpectError(&RopeTablesArgs::base, kNaN,
              "base is nan, expected > 1 and finite");
  ExpectError(&RopeTablesArgs::base, kInfinity,
              "base is inf, expected > 1 and finite");
  ExpectError(&RopeTablesArgs::seq_len, -1, "seq_len is -1, expected >= 0");
  ExpectError(&RopeTablesArgs::rope_type, static_cast<RopeType>(7),
              "rope_type is 7, expected 0 (DEFAULT), 1 (LINEAR), 2 (NTK), "
              "3 (DYNAMIC_NTK), 4 (LLAMA3), 5 (YARN) or 6 (LONGROPE)");
  ExpectError(&RopeTablesArgs::precision, static_cast<RopePrecision>(2),
              "precision is 2, expected 0 (F32) or 1 (F64)");
  ExpectError(&RopeTablesArgs::attention_factor, 1.0,
              "attention_factor is given but rope_type is neither YARN nor "
              "LONGROPE");
  ExpectError(&RopeTablesArgs::short_factor, factors_,
              "short_factor is given but rope_type is not LONGROPE");
  ExpectError(&RopeTablesArgs::long_factor, factors_,
              "long_factor is given but rope_type is not LONGROPE");
}

TEST_F(RopeTablesErrorTest, FactorOfEveryScheme) {
  for (const RopeType type :
       {RopeType::kLinear, RopeType::kNtk, RopeType::kDynamicNtk,
        RopeType::kLlama3, RopeType::kYarn}) {
    Use({.rope_type = type,
         .factor = 2,
         .max_position = 4096,
         .original_max_position = 4096});
    ExpectError(&RopeTablesArgs::factor, 0.5,
                "factor is 0.5, expected >= 1 and finite");
    ExpectError(&RopeTablesArgs::factor, kNaN,
                "factor is nan, expected >= 1 and finite");
    ExpectError(&RopeTablesArgs::factor, std::nullopt,
                "factor is missing but rope_type is neither DEFAULT nor "
                "LONGROPE");
  }
}

TEST_F(RopeTablesErrorTest, Ntk) {
  Use({.rope_type = RopeType::kDynamicNtk, .factor = 2, .max_position = 4096});
  ExpectError(&RopeTablesArgs::max_position, std::nullopt,
              "max_position is missing but rope_type is DYNAMIC_NTK");
  ExpectError(&RopeTablesArgs::max_position, 0,
              "max_position is 0, expected >= 1");
  args_.cos = {};
  args_.sin = {};
  args_.rotary_dim = 2;
  ExpectError("rotary_dim is 2, expected > 2 for this rope_type");
  args_.rope_type = RopeType::kNtk;
  ExpectError("rotary_dim is 2, expected > 2 for this rope_type");
}

TEST_F(RopeTablesErrorTest, Llama3) {
  ExpectError(&RopeTablesArgs::high_freq_factor, 1.0,
              "low_freq_factor is 1 and high_freq_factor 1, expected low < "
              "high, both finite");
  ExpectError(&RopeTablesArgs::low_freq_factor, -kInfinity,
              "low_freq_factor is -inf and high_freq_factor 4, expected low < "
              "high, both finite");
  ExpectError(&RopeTablesArgs::original_max_position, 0,
              "original_max_position is 0, expected >= 1");
  ExpectError(&RopeTablesArgs::original_max_position, std::nullopt,
              "original_max_position is missing");
}

TEST_F(RopeTablesErrorTest, Yarn) {
  Use(Qwen3());
  ExpectError(&RopeTablesArgs::beta_fast, 1.0,
              "beta_fast is 1 and beta_slow 1, expected fast > slow");
  ExpectError(&RopeTablesArgs::beta_fast, kInfinity, "beta_fast is inf");
  ExpectError(&RopeTablesArgs::beta_slow, 0.0,
              "beta_slow is 0, expected > 0 and finite");
  ExpectError(&RopeTablesArgs::original_max_position, 0,
              "original_max_position is 0, expected >= 1");
  ExpectError(&RopeTablesArgs::original_max_position, std::nullopt,
              "original_max_position is missing");
  ExpectError(&RopeTablesArgs::mscale, -1.0,
              "mscale is -1, expected >= 0 and finite");
  ExpectError(&RopeTablesArgs::mscale_all_dim, kNaN,
              "mscale_all_dim is nan, expected >= 0 and finite");
  ExpectError(&RopeTablesArgs::attention_factor, 0.0,
              "attention_factor is 0, expected > 0 and finite");
}

TEST_F(RopeTablesErrorTest, Longrope) {
  Use({.short_factor = factors_,
       .long_factor = factors_,
       .rope_type = RopeType::kLongrope,
       .max_position = 131072,
       .original_max_position = 4096});
  ExpectError(&RopeTablesArgs::short_factor, ConstTensor(),
              "short_factor is missing, expected [h]");
  ExpectError(&RopeTablesArgs::long_factor, GuardedTensor(kF32, {32}),
              "long_factor is [32] but h = 64 (from rotary_dim / 2)");
  ExpectError(&RopeTablesArgs::max_position, std::nullopt,
              "factor, max_position and attention_factor are missing, expected "
              "one of them");
  ExpectError(&RopeTablesArgs::max_position, 0,
              "max_position is 0, expected >= 1");
  ExpectError(&RopeTablesArgs::factor, 0.5,
              "factor is 0.5, expected >= 1 and finite");
  ExpectError(&RopeTablesArgs::original_max_position, 0,
              "original_max_position is 0, expected >= 1");
  ExpectError(&RopeTablesArgs::original_max_position, 1,
              "original_max_position is 1, expected >= 2 where "
              "attention_factor is not given");
  ExpectError(&RopeTablesArgs::attention_factor, kInfinity,
              "attention_factor is inf, expected > 0 and finite");
}

TEST_F(RopeTablesErrorTest, Aliasing) {
  ExpectError(&RopeTablesArgs::sin, cos_, "sin overlaps cos");
  ExpectError(&RopeTablesArgs::rope_cache,
              Tensor(sin_.view().data(), kF32, {3, 128}, {0, 1}),
              "rope_cache overlaps sin");
  ExpectError(&RopeTablesArgs::inv_freq, cos_.view().Select(0, 0),
              "inv_freq overlaps cos");
  ExpectError(&RopeTablesArgs::inv_freq, sin_.view().Select(0, 0),
              "inv_freq overlaps sin");
  ExpectError(&RopeTablesArgs::attention_factor_out,
              sin_.view().Select(0, 0).Slice(0, 0, 1),
              "attention_factor overlaps sin");
  ExpectError(&RopeTablesArgs::freq_factors, cos_.view().Select(0, 0),
              "cos overlaps freq_factors");
  ExpectError(&RopeTablesArgs::positions, cos_.view().Select(1, 0),
              "cos overlaps positions");
}

}  // namespace
}  // namespace tilework
