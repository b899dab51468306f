// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/amx.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/detect_targets.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/amx_model.h"
#include "tilework/common/gemm/amx_panel.h"
#include "tilework/common/gemm/amx_rate.h"
#include "tilework/common/gemm/gemm_oracle.h"
#include "tilework/common/gemm/pack.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/guard_page.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr int64_t kCols = PackedMatrix::kPanelCols;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kLeast = 0x1p-126f;

uint32_t Bits(float x) { return std::bit_cast<uint32_t>(x); }

// Equal bits, or both NaN.
testing::AssertionResult Same(float x, float y) {
  if (Bits(x) == Bits(y) || (std::isnan(x) && std::isnan(y))) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << std::hexfloat << x << " and " << y;
}

// --- One multiplication and addition, against integers.

// (-1)^negative * mantissa * 2^exponent.
struct Exact {
  bool negative;
  unsigned __int128 mantissa;
  int exponent;
};

Exact Split(float x) {
  int exponent = 0;
  const float fraction = std::frexp(std::abs(x), &exponent);
  return {std::signbit(x), static_cast<uint64_t>(std::ldexp(fraction, 24)),
          exponent - 24};
}

// Rounded to 24 bits, to nearest even.
float Round(const Exact& x) {
  unsigned __int128 m = x.mantissa;
  int exponent = x.exponent;
  bool half = false, rest = false;
  while (m >= (1u << 24)) {
    rest = rest || half;
    half = (m & 1) != 0;
    m >>= 1;
    ++exponent;
  }
  if (half && (rest || (m & 1) != 0)) ++m;
  // Exact; beyond f32's range it becomes infinite.
  const double value = std::ldexp(static_cast<double>(m), exponent);
  const double signed_value = x.negative ? -value : value;
  if (value < 0x1p-126) return x.negative ? -0.0f : 0.0f;
  return value >= 0x1p128 ? (x.negative ? -kInf : kInf)
                          : static_cast<float>(signed_value);
}

Exact Sum(Exact x, Exact y) {
  if (x.mantissa == 0) return y;
  if (y.mantissa == 0) return x;
  if (x.exponent < y.exponent) std::swap(x, y);
  // Of a number that is far below, only that it is there matters.
  constexpr int kFar = 70;
  if (x.exponent - y.exponent > kFar) {
    y.mantissa = 1;
    y.exponent = x.exponent - kFar;
  }
  x.mantissa <<= x.exponent - y.exponent;
  Exact sum = {x.negative, 0, y.exponent};
  if (x.negative == y.negative) {
    sum.mantissa = x.mantissa + y.mantissa;
  } else if (x.mantissa >= y.mantissa) {
    sum.mantissa = x.mantissa - y.mantissa;
  } else {
    sum = {y.negative, y.mantissa - x.mantissa, y.exponent};
  }
  return sum;
}

float FlushedInput(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? (std::signbit(x) ? -0.0f : 0.0f)
                                            : x;
}

// a * b + c as TDPBF16PS has it.
float MultiplyAddReference(float a, float b, float c) {
  a = FlushedInput(a);
  b = FlushedInput(b);
  c = FlushedInput(c);
  // Special values and zeros: as IEEE has it, without rounding.
  if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(c)) {
    const double product = static_cast<double>(a) * b;
    return static_cast<float>(product + c);
  }
  const Exact x = Split(a), y = Split(b);
  const Exact product = {x.negative != y.negative, x.mantissa * y.mantissa,
                         x.exponent + y.exponent};
  const Exact sum = Sum(product, Split(c));
  if (sum.mantissa == 0) {
    return product.negative && std::signbit(c) ? -0.0f : 0.0f;
  }
  return Round(sum);
}

float RandomFloat(Random& random, int exponents, bool bf16) {
  uint32_t mantissa = static_cast<uint32_t>(random.Bits()) & 0x7FFFFFu;
  // Few or many ones: sums that end in the middle between two numbers.
  if (random.Integer(0, 2) == 0) mantissa &= 0x600000u;
  if (random.Integer(0, 4) == 0) mantissa = 0x7FFFFFu;
  if (bf16) mantissa &= 0x7F0000u;
  const auto exponent =
      static_cast<uint32_t>(127 + random.Integer(-exponents, exponents));
  const uint32_t sign = random.Integer(0, 1) == 0 ? 0 : 0x80000000u;
  return std::bit_cast<float>(sign | exponent << 23 | mantissa);
}

TEST(AmxModelTest, MultipliesAndAddsAsIntegersDo) {
  Random random(1);
  for (int i = 0; i < 300000; ++i) {
    const int exponents = i % 3 == 0 ? 126 : i % 3 == 1 ? 60 : 12;
    const float a = RandomFloat(random, exponents, true);
    const float b = RandomFloat(random, exponents, true);
    float c = RandomFloat(random, exponents, false);
    if (i % 5 == 0) {
      // Near the product's negative: much is cancelled.
      c = -a * b * (1 + static_cast<float>(random.Integer(-2, 2)) * 0x1p-23f);
    }
    ASSERT_TRUE(Same(AmxMultiplyAdd(a, b, c), MultiplyAddReference(a, b, c)))
        << std::hexfloat << a << " * " << b << " + " << c;
  }
}

TEST(AmxModelTest, FlushesWhatIsTinyAfterRounding) {
  Random random(2);
  int flushed = 0, kept = 0;
  for (int i = 0; i < 300000; ++i) {
    // Close to the least normal number, from both sides.
    const float c =
        std::bit_cast<float>(0x00800000u + static_cast<uint32_t>(i % 5));
    const float a = RandomFloat(random, 8, true);
    const float b = RandomFloat(random, 8, true) * 0x1p-60f;
    for (const float scale : {0x1p-66f, 0x1p-82f, 0x1p-90f}) {
      const float result = AmxMultiplyAdd(a * scale, b, c);
      ASSERT_TRUE(Same(result, MultiplyAddReference(a * scale, b, c)))
          << std::hexfloat << a * scale << " * " << b << " + " << c;
      ASSERT_NE(std::fpclassify(result), FP_SUBNORMAL);
      ++(result == 0 ? flushed : kept);
    }
  }
  EXPECT_GT(flushed, 1000);
  EXPECT_GT(kept, 1000);
}

TEST(AmxModelTest, SpecialValues) {
  const float values[] = {0.0f,     -0.0f,     1.0f,        -1.0f,    kInf,
                          -kInf,    kNan,      kLeast,      -kLeast,  0x1p-127f,
                          0x1p127f, -0x1p127f, 0x1.FEp127f, 0x1p-133f};
  for (const float a : values) {
    for (const float b : values) {
      for (const float c : values) {
        EXPECT_TRUE(
            Same(AmxMultiplyAdd(a, b, c), MultiplyAddReference(a, b, c)))
            << std::hexfloat << a << " * " << b << " + " << c;
      }
    }
  }
  // Said once in figures.
  EXPECT_TRUE(Same(AmxMultiplyAdd(0x1p-127f, 0x1p127f, 0), 0.0f));
  EXPECT_TRUE(Same(AmxMultiplyAdd(-0x1p-127f, 1, -0.0f), -0.0f));
  EXPECT_TRUE(Same(AmxMultiplyAdd(1, 0, 0x1p-130f), 0.0f));
  EXPECT_TRUE(Same(AmxMultiplyAdd(0x1p-100f, 0x1p-27f, 0), 0.0f));
  EXPECT_TRUE(Same(AmxMultiplyAdd(-0x1p-100f, 0x1p-27f, 0), -0.0f));
  // 2^-126 - 2^-150 has 24 bits, so it is tiny, though f32 rounds it up.
  EXPECT_EQ(std::fma(-0x1p-100f, 0x1p-50f, kLeast), kLeast);
  EXPECT_TRUE(Same(AmxMultiplyAdd(-0x1p-100f, 0x1p-50f, kLeast), 0.0f));
  // The middle goes to the even one, which is normal; a bit less does not.
  EXPECT_TRUE(Same(AmxMultiplyAdd(-0x1p-100f, 0x1p-51f, kLeast), kLeast));
  EXPECT_TRUE(Same(AmxMultiplyAdd(-0x1.02p-100f, 0x1p-51f, kLeast), 0.0f));
  EXPECT_TRUE(std::isnan(AmxMultiplyAdd(kInf, 0x1p-127f, 1)));
  EXPECT_TRUE(std::isnan(AmxMultiplyAdd(kInf, 1, -kInf)));
  EXPECT_TRUE(Same(AmxMultiplyAdd(0x1p127f, 2, 0), kInf));
}

// --- The instructions.

AmxConfig ConfigOf(int rows, int pairs, int columns) {
  AmxConfig config;
  config.rows[0] = static_cast<uint8_t>(rows);
  config.row_bytes[0] = static_cast<uint16_t>(4 * columns);
  config.rows[1] = static_cast<uint8_t>(rows);
  config.row_bytes[1] = static_cast<uint16_t>(4 * pairs);
  config.rows[2] = static_cast<uint8_t>(pairs);
  config.row_bytes[2] = static_cast<uint16_t>(4 * columns);
  return config;
}

TEST(AmxModelTest, TilesOfAllShapesMultiplyAsTheManualSays) {
  Random random(3);
  for (int repetition = 0; repetition < 60; ++repetition) {
    const int64_t rows = random.Integer(1, 16);
    const int64_t pairs = random.Integer(1, 16);
    const int64_t cols = random.Integer(1, 16);
    // a[m][2k + i], b[k][2n + i], c[m][n], with gaps between rows.
    constexpr int64_t kStride = 40;
    std::vector<BFloat16> a(16 * kStride), b(16 * kStride);
    std::vector<float> c(16 * kStride);
    const auto fill = [&random](std::vector<BFloat16>& elements) {
      for (BFloat16& x : elements) {
        x = BFloat16(static_cast<float>(random.Normal()));
        if (random.Integer(0, 200) == 0) x = BFloat16(kInf);
        if (random.Integer(0, 200) == 0) x = BFloat16(kNan);
        if (random.Integer(0, 10) == 0) x = BFloat16(0x1p-130f);
      }
    };
    fill(a);
    fill(b);
    for (float& x : c) x = static_cast<float>(random.Normal());
    AmxModel model;
    model.Configure(ConfigOf(static_cast<int>(rows), static_cast<int>(pairs),
                             static_cast<int>(cols)));
    model.Load(0, c.data(), kStride * 4);
    model.Load(1, a.data(), kStride * 2);
    model.Load(2, b.data(), kStride * 2);
    model.MultiplyAdd(0, 1, 2);
    std::vector<float> actual = c;
    model.Store(0, actual.data(), kStride * 4);

    for (int64_t m = 0; m < 16; ++m) {
      for (int64_t n = 0; n < kStride; ++n) {
        const auto at = static_cast<size_t>(m * kStride + n);
        float expected = c[at];
        if (m < rows && n < cols) {
          float even = 0, odd = 0;
          for (int64_t k = 0; k < pairs; ++k) {
            const BFloat16* x = a.data() + m * kStride + 2 * k;
            const BFloat16* y = b.data() + k * kStride + 2 * n;
            even = MultiplyAddReference(float{x[0]}, float{y[0]}, even);
            odd = MultiplyAddReference(float{x[1]}, float{y[1]}, odd);
          }
          expected = MultiplyAddReference(1, MultiplyAddReference(1, even, odd),
                                          expected);
        }
        ASSERT_TRUE(Same(actual[at], expected)) << m << ", " << n;
      }
    }
  }
}

// Two sums, not one: what is lost shows which.
TEST(AmxModelTest, EvenAndOddElementsAreSummedApart) {
  AmxModel model;
  model.Configure(ConfigOf(1, 2, 1));
  const BFloat16 a[4] = {BFloat16(1.0f), BFloat16(1.0f), BFloat16(1.0f),
                         BFloat16(1.0f)};
  // In order, 1 would vanish beside 2^30. Apart, both ones survive.
  const BFloat16 b[4] = {BFloat16(0x1p30f), BFloat16(1.0f), BFloat16(-0x1p30f),
                         BFloat16(1.0f)};
  const float c = 8;
  float result = 0;
  model.Load(0, &c, 64);
  model.Load(1, a, 64);
  model.Load(2, b, 4);
  model.MultiplyAdd(0, 1, 2);
  model.Store(0, &result, 64);
  EXPECT_EQ(result, 10.0f);
}

TEST(AmxModelDeathTest, RefusesWhatTheUnitRefuses) {
  AmxModel model;
  EXPECT_DEATH(model.Zero(0), "tile 0 is not configured");
  AmxConfig config = ConfigOf(16, 16, 16);
  config.rows[2] = 15;
  model.Configure(config);
  EXPECT_DEATH(model.MultiplyAdd(0, 1, 2), "64 and 15");
  EXPECT_DEATH(model.MultiplyAdd(0, 0, 2), "all different");
  EXPECT_DEATH(model.Load(3, &config, 64), "tile 3 is not configured");
  config.rows[2] = 17;
  EXPECT_DEATH(model.Configure(config), "17 x 64");
  config.rows[2] = 0;
  EXPECT_DEATH(model.Configure(config), "0 x 64");
  config = {};
  config.palette = 2;
  EXPECT_DEATH(model.Configure(config), "palette");
  config = {};
  config.rows[8] = 1;
  config.row_bytes[8] = 64;
  EXPECT_DEATH(model.Configure(config), "tile 8");
  model.Release();
  EXPECT_DEATH(model.Zero(0), "tile 0 is not configured");
}

// --- Blocks.

// `size` elements that end, or else begin, at a guard.
template <typename T>
class GuardedArray {
 public:
  GuardedArray(int64_t size, bool at_end, T value)
      : page_(static_cast<size_t>(size) * sizeof(T)), size_(size) {
    data_ = reinterpret_cast<T*>(page_.begin());
    if (at_end) data_ = reinterpret_cast<T*>(page_.end()) - size;
    std::fill_n(reinterpret_cast<T*>(page_.begin()),
                (page_.end() - page_.begin()) / int64_t{sizeof(T)}, value);
  }
  T* data() const { return data_; }
  int64_t size() const { return size_; }
  // Of all that can be read, before and behind.
  std::vector<unsigned char> Bytes() const {
    return {page_.begin(), page_.end()};
  }

 private:
  GuardPage page_;
  int64_t size_;
  T* data_;
};

const BFloat16 kPoison = BFloat16(kNan);

struct BlockCase {
  int64_t rows;
  int64_t k;
  int64_t a_gap = 0;       // elements between rows of a
  int64_t values_gap = 0;  // floats between rows of values
  int panels = 1;
  bool first = true;
  bool at_end = true;  // where the guards touch
};

// Operands and result of one block, all of them guarded. Gaps are NaN.
struct BlockData {
  explicit BlockData(const BlockCase& block_case, uint64_t seed)
      : c(block_case),
        a_stride(c.k + c.a_gap),
        stride(kCols + c.values_gap),
        plain_a(DType::kBF16, {c.rows, c.k}),
        plain_b{{DType::kBF16, {c.k, kCols}}, {DType::kBF16, {c.k, kCols}}},
        a((c.rows - 1) * a_stride + c.k, c.at_end, kPoison),
        b{{PackedPanelSize<BFloat16>(c.k), c.at_end, kPoison},
          {PackedPanelSize<BFloat16>(c.k), c.at_end, kPoison}},
        values{{(c.rows - 1) * stride + kCols, c.at_end, kNan},
               {(c.rows - 1) * stride + kCols, c.at_end, kNan}} {
    Random random(seed);
    FillNormal(random, plain_a);
    for (int64_t r = 0; r < c.rows; ++r) {
      for (int64_t i = 0; i < c.k; ++i) {
        a.data()[r * a_stride + i] = *plain_a.view().At<BFloat16>(r, i);
      }
    }
    for (int j = 0; j < 2; ++j) {
      FillNormal(random, plain_b[j]);
      PackPanelRows<BFloat16>(plain_b[j], 0, c.k, 0, b[j].data());
      if (c.first) continue;
      for (int64_t r = 0; r < c.rows; ++r) {
        for (int64_t i = 0; i < kCols; ++i) {
          values[j].data()[r * stride + i] = static_cast<float>(r - i);
        }
      }
    }
  }

  AmxBlock Block() const {
    AmxBlock block = {.a = a.data(),
                      .a_stride = a_stride,
                      .rows = c.rows,
                      .k = c.k,
                      .stride = stride,
                      .first = c.first};
    for (int j = 0; j < c.panels; ++j) {
      block.b[j] = b[j].data();
      block.values[j] = values[j].data();
    }
    return block;
  }

  // The values without gaps.
  std::vector<float> Result(int j) const {
    std::vector<float> result;
    for (int64_t r = 0; r < c.rows; ++r) {
      const float* row = values[j].data() + r * stride;
      result.insert(result.end(), row, row + kCols);
    }
    return result;
  }

  BlockCase c;
  int64_t a_stride;
  int64_t stride;
  GuardedTensor plain_a;
  GuardedTensor plain_b[2];
  GuardedArray<BFloat16> a;
  GuardedArray<BFloat16> b[2];
  GuardedArray<float> values[2];
};

std::string Name(const BlockCase& c) {
  return testing::PrintToString(std::vector<int64_t>{
      c.rows, c.k, c.a_gap, c.values_gap, c.panels, c.first, c.at_end});
}

std::vector<BlockCase> BlockCases() {
  std::vector<BlockCase> cases;
  int i = 0;
  for (const int64_t rows : {1, 2, 3, 7, 15, 16, 17, 20, 31, 32}) {
    for (const int64_t k : {0, 1, 2, 5, 31, 32, 33, 63, 64, 70, 128}) {
      cases.push_back({.rows = rows,
                       .k = k,
                       .a_gap = i % 3 * 5,
                       .values_gap = i % 4 * 7,
                       .panels = 1 + i / 2 % 2,
                       .first = i % 5 < 3,
                       .at_end = i % 7 < 4});
      ++i;
    }
  }
  return cases;
}

// Everything but the result's elements is as before, and those of the second
// panel too if there is but one.
void ExpectIntact(const BlockData& data, const BlockData& before) {
  EXPECT_EQ(data.a.Bytes(), before.a.Bytes());
  for (int j = 0; j < 2; ++j) {
    EXPECT_EQ(data.b[j].Bytes(), before.b[j].Bytes());
    if (j < data.c.panels) {
      for (int64_t r = 0; r < data.c.rows; ++r) {
        const int64_t at = r * data.stride;
        std::copy_n(data.values[j].data() + at, kCols,
                    before.values[j].data() + at);
      }
    }
    EXPECT_EQ(data.values[j].Bytes(), before.values[j].Bytes());
  }
}

void ExpectWithinBound(const BlockData& data, const BlockData& before) {
  for (int j = 0; j < data.c.panels; ++j) {
    ProductReference reference = MultiplyOracle(data.plain_a, data.plain_b[j]);
    const std::vector<float> begin = before.Result(j);
    const std::vector<float> result = data.Result(j);
    for (size_t i = 0; i < result.size(); ++i) {
      // What was there before is one more term.
      const double was = data.c.first ? 0 : begin[i];
      reference.values[i] += was;
      reference.norms[i] = std::hypot(reference.norms[i], was);
      ASSERT_LE(std::abs(result[i] - reference.values[i]), reference.Bound(i))
          << "panel " << j << " element " << i;
    }
  }
}

TEST(AmxBlockTest, IsWithinTheBoundAndTouchesNothingElse) {
  const WithAmxModel model;
  uint64_t seed = 0;
  for (const BlockCase& c : BlockCases()) {
    SCOPED_TRACE(Name(c));
    const BlockData before(c, ++seed);
    const BlockData data(c, seed);
    AmxTiles tiles;
    tiles.Multiply(data.Block());
    ExpectWithinBound(data, before);
    ExpectIntact(data, before);
  }
}

// The result of `data`'s block in groups of rows, by blocks of k, in panels one
// by one or two at a time, of rows in place or packed by tiles.
std::vector<float> InParts(const BlockData& data, int64_t rows, int64_t k_block,
                           int panels, bool packed) {
  std::vector<float> result;
  std::vector<float> values[2];
  const AmxBlock all = data.Block();
  for (auto& v : values) {
    v.resize(static_cast<size_t>(all.rows * kCols));
  }
  AmxTiles tiles;
  for (int64_t row = 0; row < all.rows; row += rows) {
    for (int64_t k = 0; k < all.k; k += k_block) {
      for (int j = 0; j < 2; j += panels) {
        AmxBlock block = all;
        block.a += row * all.a_stride + k;
        block.rows = std::min(rows, all.rows - row);
        block.k = std::min(k_block, all.k - k);
        std::vector<BFloat16> tiled(
            static_cast<size_t>(block.rows * (block.k + kAmxStep)), kPoison);
        if (packed) {
          for (int64_t r = 0; r < block.rows; ++r) {
            for (int64_t i = 0; i < block.k; ++i) {
              tiled[static_cast<size_t>((i / 32 * block.rows + r) * 32 +
                                        i % 32)] =
                  block.a[r * all.a_stride + i];
            }
          }
          block.a = tiled.data();
          block.a_stride = kAmxStep;
          block.a_step = kAmxStep * block.rows;
        }
        block.first = k == 0;
        block.stride = kCols;
        block.b[1] = nullptr;
        for (int p = 0; p < panels; ++p) {
          block.b[p] = all.b[j + p] + k * kCols;
          block.values[p] = values[j + p].data() + row * kCols;
        }
        tiles.Multiply(block);
      }
    }
  }
  for (const auto& v : values) result.insert(result.end(), v.begin(), v.end());
  return result;
}

testing::AssertionResult SameBits(const std::vector<float>& x,
                                  const std::vector<float>& y) {
  if (x.size() == y.size() &&
      std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << "bits differ";
}

TEST(AmxBlockTest, BitsDoNotDependOnHowABlockIsCut) {
  const WithAmxModel model;
  const BlockData data({.rows = 32, .k = 165, .panels = 2}, 7);
  AmxTiles tiles;
  tiles.Multiply(data.Block());
  std::vector<float> expected = data.Result(0);
  const std::vector<float> second = data.Result(1);
  expected.insert(expected.end(), second.begin(), second.end());
  for (const int64_t rows : {1, 5, 16, 19, 32}) {
    for (const int64_t k_block : {32, 64, 128, 160, 1024}) {
      for (const int panels : {1, 2}) {
        EXPECT_TRUE(SameBits(
            InParts(data, rows, k_block, panels, k_block == 64), expected))
            << rows << " rows, k " << k_block << ", " << panels << " panels";
      }
    }
  }
}

TEST(AmxBlockTest, FetchesWithoutReading) {
  const WithAmxModel model;
  for (const int64_t rows : {4, 32}) {
    const BlockData data({.rows = rows, .k = 100, .panels = 2}, 3);
    const BlockData fetched({.rows = rows, .k = 100, .panels = 2}, 3);
    AmxTiles tiles;
    tiles.Multiply(data.Block());
    AmxBlock block = fetched.Block();
    // Into the guard behind, and what is nowhere.
    block.next[0] = fetched.b[0].data() + fetched.b[0].size();
    block.next_bytes = 6400;
    tiles.Multiply(block);
    for (int j = 0; j < 2; ++j) {
      EXPECT_TRUE(SameBits(data.Result(j), fetched.Result(j)));
    }
  }
}

// --- The unit of this machine.

std::string CpuFlags() {
  std::ifstream file("/proc/cpuinfo");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(AmxTest, IsUsableOnlyWhereTheKernelSaysSo) {
  const bool usable = AmxUsable();
  EXPECT_EQ(usable, AmxUsable());
  if (usable) {
    EXPECT_NE(CpuFlags().find(" amx_tile"), std::string::npos);
    EXPECT_NE(CpuFlags().find(" amx_bf16"), std::string::npos);
  } else {
    EXPECT_FALSE(UseAmx(HWY_AVX3_SPR));
  }
}

TEST(AmxTest, IsUsedOnlyForTheTargetOfSuchProcessors) {
  EXPECT_EQ(UseAmx(HWY_AVX3_SPR), AmxUsable());
  EXPECT_FALSE(UseAmx(HWY_AVX3_ZEN4));
  EXPECT_FALSE(UseAmx(HWY_AVX2));
  {
    const WithAmxModel model;
    EXPECT_TRUE(UseAmx(HWY_AVX3_ZEN4));
  }
  {
    const WithoutAmx none;
    EXPECT_FALSE(UseAmx(HWY_AVX3_SPR));
  }
  EXPECT_EQ(UseAmx(HWY_AVX3_SPR), AmxUsable());
}

TEST(AmxTest, TheUnitHasTheBitsOfTheModel) {
  if (!AmxUsable()) GTEST_SKIP() << "no AMX, or the kernel does not permit it";
  uint64_t seed = 100;
  for (const BlockCase& c : BlockCases()) {
    SCOPED_TRACE(Name(c));
    const BlockData before(c, ++seed);
    const BlockData expected(c, seed);
    const BlockData data(c, seed);
    MultiplyByAmxModel(expected.Block());
    AmxTiles tiles;
    tiles.Multiply(data.Block());
    for (int j = 0; j < c.panels; ++j) {
      EXPECT_TRUE(SameBits(data.Result(j), expected.Result(j)));
    }
    ExpectIntact(data, before);
  }
}

TEST(AmxTest, TheRateIsThatOfAUnit) {
  HostContext context(1);
  const double rate = MeasureAmxRate(context.pool());
  // A slow machine does 10^11, none does 10^14 on a core.
  EXPECT_TRUE(AmxUsable() ? rate > 1e11 && rate < 1e14 : rate == 0) << rate;
}

// Numbers of all sizes, and those near the least normal one.
TEST(AmxTest, TheUnitRoundsAndFlushesAsTheModel) {
  if (!AmxUsable()) GTEST_SKIP() << "no AMX, or the kernel does not permit it";
  Random random(9);
  for (int repetition = 0; repetition < 200; ++repetition) {
    const BlockCase c = {.rows = 32, .k = 64, .panels = 2};
    const BlockData expected(c, 1);
    const BlockData data(c, 1);
    const int exponents = repetition % 2 == 0 ? 126 : 63;
    const auto fill = [&](const GuardedArray<BFloat16>& x,
                          const GuardedArray<BFloat16>& y) {
      for (int64_t i = 0; i < x.size(); ++i) {
        x.data()[i] = BFloat16(RandomFloat(random, exponents, true));
        y.data()[i] = x.data()[i];
      }
    };
    fill(expected.a, data.a);
    for (int j = 0; j < 2; ++j) fill(expected.b[j], data.b[j]);
    MultiplyByAmxModel(expected.Block());
    AmxTiles tiles;
    tiles.Multiply(data.Block());
    for (int j = 0; j < 2; ++j) {
      const std::vector<float> x = data.Result(j), y = expected.Result(j);
      for (size_t i = 0; i < x.size(); ++i) ASSERT_TRUE(Same(x[i], y[i])) << i;
    }
  }
}

}  // namespace
}  // namespace tilework
