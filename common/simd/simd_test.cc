// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/simd_testing.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/guard_page.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

using simd_testing::Function;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr DType kTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
constexpr DType kHalfTypes[] = {DType::kBF16, DType::kF16};

uint32_t Bits(float value) { return std::bit_cast<uint32_t>(value); }
float FromBits(uint32_t bits) { return std::bit_cast<float>(bits); }

// The scalar conversions, which common/dtype's test holds against the formats'
// definitions.
float Decode(DType dtype, uint16_t code) {
  return dtype == DType::kBF16 ? static_cast<float>(BFloat16::FromBits(code))
                               : static_cast<float>(Float16::FromBits(code));
}
uint16_t Encode(DType dtype, float value) {
  return dtype == DType::kBF16 ? BFloat16(value).bits : Float16(value).bits;
}

class SimdTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(SimdTest);

TEST_P(SimdTest, EveryCodeDecodesLikeTheScalars) {
  std::vector<uint16_t> codes(0x10000);
  for (size_t i = 0; i < codes.size(); ++i) {
    codes[i] = static_cast<uint16_t>(i);
  }
  for (const DType dtype : kHalfTypes) {
    std::vector<float> decoded(codes.size());
    simd_testing::LoadRow(dtype, codes.data(), 1, 0x10000, decoded.data());
    for (size_t i = 0; i < codes.size(); ++i) {
      ASSERT_EQ(Bits(decoded[i]), Bits(Decode(dtype, codes[i])))
          << Name(dtype) << " code " << i;
    }
  }
}

void ExpectEncoded(DType dtype, const std::vector<float>& values) {
  std::vector<uint16_t> codes(values.size());
  const int64_t size = static_cast<int64_t>(values.size());
  simd_testing::StoreRow(values.data(), 1, size, dtype, codes.data());
  std::vector<uint16_t> in_twos = codes;
  const size_t step = 2 * simd_testing::Lanes();
  for (size_t i = 0; i + step <= values.size(); i += step) {
    simd_testing::StoreTwo(values.data() + i, dtype, in_twos.data() + i);
  }
  ASSERT_EQ(in_twos, codes) << Name(dtype);
  std::vector<float> rounded = values;
  simd_testing::RoundRow(dtype, size, rounded.data());
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t expected = Encode(dtype, values[i]);
    ASSERT_EQ(codes[i], expected)
        << Name(dtype) << " of " << std::hex << Bits(values[i]);
    ASSERT_EQ(Bits(rounded[i]), Bits(Decode(dtype, expected)))
        << Name(dtype) << " of " << std::hex << Bits(values[i]);
  }
}

// Of every finite code: itself, the midpoint to the next one (infinity
// included), and the f32 neighbours of both.
TEST_P(SimdTest, MidpointsAndNeighboursEncodeLikeTheScalars) {
  for (const DType dtype : kHalfTypes) {
    const uint16_t infinity = Encode(dtype, kInfinity);
    std::vector<float> values;
    for (uint16_t code = 0; code < infinity; ++code) {
      const double low = static_cast<double>(Decode(dtype, code));
      // Where the next one is infinity: what it would be with more exponents.
      const double below =
          static_cast<double>(Decode(dtype, static_cast<uint16_t>(code - 1)));
      const double high = code + 1 == infinity
                              ? low + (low - below)
                              : static_cast<double>(Decode(
                                    dtype, static_cast<uint16_t>(code + 1)));
      for (const double value : {low, (low + high) / 2}) {
        const float exact = static_cast<float>(value);
        ASSERT_EQ(static_cast<double>(exact), value);
        for (const float sign : {1.0f, -1.0f}) {
          values.push_back(sign * exact);
          values.push_back(sign * std::nextafter(exact, kInfinity));
          values.push_back(sign * std::nextafter(exact, -kInfinity));
        }
      }
    }
    ExpectEncoded(dtype, values);
  }
}

TEST_P(SimdTest, SpecialValuesEncodeLikeTheScalars) {
  for (const DType dtype : kHalfTypes) {
    std::vector<float> values = {0.0f,      -0.0f,      kInfinity, -kInfinity,
                                 0x1p-149f, -0x1p-149f, 0x1p-126f, 65519.99f,
                                 65520.0f,  -65520.0f,  3e38f,     -3e38f};
    values.push_back(std::numeric_limits<float>::max());
    // NaNs, quiet and signaling ones, with each bit of the payload.
    for (int bit = 0; bit < 23; ++bit) {
      values.push_back(FromBits(0x7F800000u | (1u << bit)));
      values.push_back(FromBits(0xFFFFFFFFu ^ (1u << bit)));
    }
    // A sample of all that there is.
    for (uint64_t bits = 0; bits <= 0xFFFFFFFFu; bits += 10007) {
      values.push_back(FromBits(static_cast<uint32_t>(bits)));
    }
    ExpectEncoded(dtype, values);
  }
}

// Two vectors of usual numbers and one other number.
TEST_P(SimdTest, OneSpecialValueOfTwoVectors) {
  const size_t size = 2 * simd_testing::Lanes();
  for (const float special : {0.0f, -0.0f, kInfinity, 0x1p-149f, -0x1p-130f,
                              FromBits(0x7F800001u), FromBits(0xFFC12345u)}) {
    for (size_t i = 0; i < size; ++i) {
      std::vector<float> values(size, 1.01f);
      values[i] = special;
      for (const DType dtype : kHalfTypes) ExpectEncoded(dtype, values);
    }
  }
}

TEST_P(SimdTest, StreamsWriteWhatStoresWrite) {
  const int64_t lanes = static_cast<int64_t>(simd_testing::Lanes());
  for (const DType dtype : kTypes) {
    Random random(1);
    Buffer two(DType::kF32, {2 * lanes});
    FillNormal(random, two.view());
    const GuardedTensor stored(dtype, {2 * lanes});
    const GuardedTensor streamed(dtype, {2 * lanes});
    ASSERT_EQ(reinterpret_cast<uintptr_t>(streamed.view().data()) % 64, 0u);
    simd_testing::StoreTwo(two.data<float>(), dtype, stored.view().data());
    simd_testing::StreamTwo(two.data<float>(), dtype, streamed.view().data());
    EXPECT_TRUE(SameBits(streamed, stored));
    EXPECT_TRUE(streamed.Intact());
    for (const int64_t size : {0, 1, 31, 32, 33, 63, 64, 65, 200}) {
      for (const Layout layout : {Layout::kContiguous, Layout::kUnaligned}) {
        const GuardedTensor from(dtype, {size});
        FillNormal(random, from);
        const GuardedTensor to(dtype, {size}, layout);
        simd_testing::StreamRow(dtype, from.view().data(), size,
                                to.view().data());
        EXPECT_TRUE(SameBits(to, from));
        EXPECT_TRUE(to.Intact());
      }
    }
  }
}

TEST_P(SimdTest, PartialStoresTouchNothingBeyond) {
  const size_t lanes = simd_testing::Lanes();
  std::vector<float> values(lanes);
  for (size_t i = 0; i < lanes; ++i) values[i] = static_cast<float>(i) - 1.5f;
  for (const DType dtype : kTypes) {
    for (const Layout layout : {Layout::kContiguous, Layout::kUnaligned}) {
      for (size_t count = 0; count <= lanes; ++count) {
        GuardedTensor to(dtype, {static_cast<int64_t>(count)}, layout);
        if (count < lanes) {
          simd_testing::StoreVectorN(values.data(), count, dtype,
                                     to.view().data());
        } else {
          simd_testing::StoreVector(values.data(), dtype, to.view().data());
        }
        EXPECT_TRUE(to.Intact()) << Name(dtype) << " count " << count;
        for (size_t i = 0; i < count; ++i) {
          EXPECT_EQ(Read(to, {static_cast<int64_t>(i)}), values[i])
              << Name(dtype) << " count " << count << " lane " << i;
        }
      }
    }
  }
}

TEST_P(SimdTest, PartialLoadsReadNothingBeyondAndGiveZeros) {
  const size_t lanes = simd_testing::Lanes();
  const GuardPage page;
  ASSERT_NE(page.end(), nullptr);
  for (const DType dtype : kTypes) {
    for (size_t count = 0; count <= lanes; ++count) {
      unsigned char* from = page.end() - count * SizeOf(dtype);
      const Dims shape = {static_cast<int64_t>(count)};
      const Tensor tensor(from, dtype, shape);
      for (int64_t i = 0; i < shape[0]; ++i) {
        Write(tensor, {i}, 0.5 - static_cast<double>(i));
      }
      std::vector<float> loaded(lanes, kNaN);
      if (count < lanes) {
        simd_testing::LoadVectorN(dtype, from, count, loaded.data());
      } else {
        simd_testing::LoadVector(dtype, from, loaded.data());
      }
      for (size_t i = 0; i < lanes; ++i) {
        EXPECT_EQ(loaded[i], i < count ? 0.5f - static_cast<float>(i) : 0.0f)
            << Name(dtype) << " count " << count << " lane " << i;
      }
    }
  }
}

TEST_P(SimdTest, RowsOfAnyStrideAndSize) {
  Random random(1);
  for (const DType dtype : kTypes) {
    for (const int64_t size : InterestingSizes(100)) {
      for (const int64_t stride : {0, 1, 2, 7}) {
        const int64_t room = std::max<int64_t>(1, (size - 1) * stride + 1);
        GuardedTensor x(dtype, {room}, Layout::kUnaligned);
        FillNormal(random, x);
        GuardedTensor wide(DType::kF32, {size}, Layout::kUnaligned);
        simd_testing::LoadRow(dtype, x.view().data(), stride, size,
                              wide.view().data<float>());
        EXPECT_TRUE(wide.Intact());
        for (int64_t i = 0; i < size; ++i) {
          ASSERT_EQ(Read(wide, {i}), Read(x, {i * stride}))
              << Name(dtype) << " size " << size << " stride " << stride;
        }
        if (stride == 0) continue;

        FillNormal(random, wide);
        GuardedTensor y(dtype, {room}, Layout::kUnaligned);
        simd_testing::StoreRow(wide.view().data<float>(), stride, size, dtype,
                               y.view().data());
        EXPECT_TRUE(y.Intact());
        for (int64_t i = 0; i < room; ++i) {
          if (i % stride == 0) {
            ASSERT_EQ(Read(y, {i}),
                      RoundToDType(Read(wide, {i / stride}), dtype))
                << Name(dtype) << " size " << size << " stride " << stride;
          } else {
            ASSERT_TRUE(std::isnan(Read(y, {i}))) << "written between";
          }
        }
      }
    }
  }
}

TEST_P(SimdTest, RowsAreRoundedInPlace) {
  Random random(2);
  for (const DType dtype : kTypes) {
    for (const int64_t size : InterestingSizes(70)) {
      GuardedTensor row(DType::kF32, {size}, Layout::kUnaligned);
      FillNormal(random, row);
      const std::vector<double> before = ToDoubles(row);
      simd_testing::RoundRow(dtype, size, row.view().data<float>());
      EXPECT_TRUE(row.Intact());
      for (int64_t i = 0; i < size; ++i) {
        ASSERT_EQ(Read(row, {i}),
                  RoundToDType(before[static_cast<size_t>(i)], dtype));
      }
    }
  }
}

// The documented order: element i to partial sum i mod 64, then halves.
float SumIn64Parts(const std::vector<float>& x) {
  float sums[64] = {};
  for (size_t i = 0; i < x.size(); ++i) sums[i % 64] += x[i];
  for (size_t half = 32; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) sums[i] += sums[half + i];
  }
  return sums[0];
}

TEST_P(SimdTest, SumsHaveAFixedShape) {
  Random random(3);
  for (const int64_t size : InterestingSizes(400)) {
    std::vector<float> x(static_cast<size_t>(size));
    std::vector<float> squares;
    for (float& value : x) {
      value = static_cast<float>(random.Normal());
      squares.push_back(value * value);
    }
    EXPECT_EQ(simd_testing::Sum(DType::kF32, x.data(), size), SumIn64Parts(x))
        << "size " << size;
    EXPECT_EQ(simd_testing::SumOfSquares(DType::kF32, x.data(), size),
              SumIn64Parts(squares))
        << "size " << size;
  }
}

TEST_P(SimdTest, SumsAreAccurateWhereverTheRowLies) {
  Random random(4);
  for (const DType dtype : kTypes) {
    for (const int64_t size : InterestingSizes(600)) {
      GuardedTensor aligned(dtype, {size});
      GuardedTensor unaligned(dtype, {size}, Layout::kUnaligned);
      FillNormal(random, aligned);
      Copy(aligned, unaligned);
      double sum = 0;
      double absolute = 0;
      double squares = 0;
      for (const double value : ToDoubles(aligned)) {
        sum += value;
        absolute += std::fabs(value);
        squares += value * value;
      }
      // This many roundings follow each other.
      const double bound = static_cast<double>(size / 64 + 8) * 0x1p-24;
      const float actual =
          simd_testing::Sum(dtype, aligned.view().data(), size);
      EXPECT_NEAR(actual, sum, bound * absolute) << Name(dtype) << size;
      EXPECT_EQ(simd_testing::Sum(dtype, unaligned.view().data(), size),
                actual);
      const float actual_squares =
          simd_testing::SumOfSquares(dtype, aligned.view().data(), size);
      EXPECT_NEAR(actual_squares, squares, bound * squares)
          << Name(dtype) << size;
      EXPECT_EQ(
          simd_testing::SumOfSquares(dtype, unaligned.view().data(), size),
          actual_squares);
    }
  }
}

TEST_P(SimdTest, MaxIsFoundWhereverItIs) {
  EXPECT_EQ(simd_testing::MaxOf(nullptr, 0), -kInfinity);
  for (int64_t size = 1; size <= 67; ++size) {
    GuardedTensor x(DType::kF32, {size}, Layout::kUnaligned);
    float* data = x.view().data<float>();
    std::fill(data, data + size, -kInfinity);
    EXPECT_EQ(simd_testing::MaxOf(data, size), -kInfinity);
    for (int64_t i = 0; i < size; ++i) {
      data[i] = -3.0f;
      EXPECT_EQ(simd_testing::MaxOf(data, size), -3.0f) << size << " " << i;
      data[i] = -kInfinity;
    }
  }
}

struct Bound {
  Function function;
  double (*reference)(double);
  double ulps;    // relative to the ulp of the reference ...
  double lowest;  // ... or, where that is smaller, this absolute error
};

// The bounds that math-inl.h states.
constexpr Bound kBounds[] = {
    {Function::kExp, [](double x) { return std::exp(x); }, 2, 0x1p-149},
    {Function::kSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, 5,
     0x1p-126},
    {Function::kSilu, [](double x) { return x / (1 + std::exp(-x)); }, 6,
     0x1p-121},
    // 2^-20 * max(|f|, 2^-5)
    {Function::kSwish,
     [](double x) {
       return x / (1 + std::exp(-static_cast<double>(1.702f) * x));
     },
     8, 0x1p-25},
    {Function::kTanh, [](double x) { return std::tanh(x); }, 8, 0x1p-25},
    {Function::kGelu,
     [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, 8,
     0x1p-25},
    {Function::kGeluTanh,
     [](double x) {
       const double u =
           std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x);
       return 0.5 * x * (1 + std::tanh(u));
     },
     8, 0x1p-25},
};

// The distance of the f32 numbers around `value`.
double Ulp(double value) {
  const int exponent = value == 0 ? -126 : std::ilogb(value);
  return std::ldexp(1.0, std::max(exponent, -126) - 23);
}

// The error of f(x) = y over the bound.
double Ratio(const Bound& bound, float x, float y) {
  double reference = bound.reference(static_cast<double>(x));
  double actual = static_cast<double>(y);
  // The number that would come after the largest one stands for infinity.
  reference = std::min(reference, 0x1p128);
  actual = std::min(actual, 0x1p128);
  const double error = std::fabs(actual - reference);
  const double allowed = std::max(bound.ulps * Ulp(reference), bound.lowest);
  return std::isnan(actual) ? 1e9 : error / allowed;
}

// Largest error over the bound, of a sample of all finite f32.
double WorstRatio(const Bound& bound) {
  constexpr int64_t kBlock = 4096;
  constexpr uint32_t kStep = 4093;
  std::vector<float> x(kBlock);
  std::vector<float> y(kBlock);
  double worst = 0;
  uint32_t bits = 0;
  for (uint64_t done = 0; done < (uint64_t{1} << 32);
       done += uint64_t{kBlock} * kStep) {
    for (float& value : x) value = FromBits(bits += kStep);
    simd_testing::Map(bound.function, x.data(), kBlock, y.data());
    for (size_t i = 0; i < x.size(); ++i) {
      if (!std::isfinite(x[i])) continue;
      worst = std::max(worst, Ratio(bound, x[i], y[i]));
    }
  }
  return worst;
}

// All finite numbers of a 16-bit type.
template <typename T>
double WorstRatioOfAll(const Bound& bound) {
  std::vector<float> x;
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto value =
        static_cast<float>(T::FromBits(static_cast<uint16_t>(bits)));
    if (std::isfinite(value)) x.push_back(value);
  }
  std::vector<float> y(x.size());
  simd_testing::Map(bound.function, x.data(), std::ssize(x), y.data());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, Ratio(bound, x[i], y[i]));
  }
  return worst;
}

TEST_P(SimdTest, FunctionsOfAll16BitNumbersKeepTheirBounds) {
  for (const Bound& bound : kBounds) {
    SCOPED_TRACE(static_cast<int>(bound.function));
    EXPECT_LE(WorstRatioOfAll<BFloat16>(bound), 1);
    EXPECT_LE(WorstRatioOfAll<Float16>(bound), 1);
  }
}

TEST_P(SimdTest, FunctionsKeepTheirBounds) {
  for (const Bound& bound : kBounds) {
    const double worst = WorstRatio(bound);
    EXPECT_LE(worst, 1) << "function " << static_cast<int>(bound.function);
    // A bound far from the truth should be tightened.
    EXPECT_GE(worst, 0.2) << "function " << static_cast<int>(bound.function);
  }
}

float MapOne(Function function, float x) {
  float result = 0;
  simd_testing::Map(function, &x, 1, &result);
  return result;
}

TEST_P(SimdTest, FunctionsOfSpecialValues) {
  EXPECT_EQ(MapOne(Function::kExp, 0.0f), 1.0f);
  EXPECT_EQ(MapOne(Function::kExp, -0.0f), 1.0f);
  EXPECT_EQ(MapOne(Function::kExp, -kInfinity), 0.0f);
  EXPECT_EQ(MapOne(Function::kExp, -104.0f), 0.0f);
  EXPECT_EQ(MapOne(Function::kExp, kInfinity), kInfinity);
  EXPECT_EQ(MapOne(Function::kExp, 88.73f), kInfinity);
  EXPECT_EQ(MapOne(Function::kExp, 3e38f), kInfinity);
  EXPECT_EQ(MapOne(Function::kSigmoid, 0.0f), 0.5f);
  EXPECT_EQ(MapOne(Function::kSigmoid, -kInfinity), 0.0f);
  EXPECT_EQ(MapOne(Function::kSigmoid, kInfinity), 1.0f);
  for (const Function f : {Function::kSwish, Function::kTanh, Function::kGelu,
                           Function::kGeluTanh}) {
    SCOPED_TRACE(static_cast<int>(f));
    EXPECT_EQ(MapOne(f, 0.0f), 0.0f);
    EXPECT_EQ(MapOne(f, kInfinity), f == Function::kTanh ? 1.0f : kInfinity);
    EXPECT_EQ(MapOne(f, -kInfinity), f == Function::kTanh ? -1.0f : 0.0f);
  }
  EXPECT_EQ(MapOne(Function::kSilu, 0.0f), 0.0f);
  EXPECT_EQ(MapOne(Function::kSilu, kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(MapOne(Function::kSilu, -kInfinity)));
  for (const Bound& bound : kBounds) {
    EXPECT_TRUE(std::isnan(MapOne(bound.function, kNaN)));
    EXPECT_TRUE(std::isnan(MapOne(bound.function, -kNaN)));
  }
}

}  // namespace
}  // namespace tilework
