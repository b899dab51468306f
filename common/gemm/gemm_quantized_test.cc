// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Products with quantized right operands.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/gemm/gemm.h"
#include "tilework/common/gemm/gemm_oracle.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/random.h"
#include "tilework/testing/simd_targets.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

class GemmQuantizedTest : public SimdTargetTest {};
TILEWORK_SIMD_TARGETS(GemmQuantizedTest);

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Codes and scales, with the numbers that Gemm takes them for.
struct Weight {
  DType dtype;
  QuantScheme scheme;
  GuardedTensor codes;    // [N, K]
  GuardedTensor scales;   // as the scheme says
  GuardedTensor numbers;  // [K, N] f64

  QuantizedMatrix matrix() const {
    return {codes.view().Transpose(), scales.view(), scheme};
  }
};

Dims ScaleDims(QuantScheme scheme, int64_t k, int64_t n) {
  switch (scheme) {
    case QuantScheme::kPerSegment:
      return {3};
    case QuantScheme::kPerChannel:
      return {n};
    case QuantScheme::kMx:
      return {CeilDiv(k, 32), n};
    case QuantScheme::kMxCompact:
    case QuantScheme::kBlock128:
      return {CeilDiv(k, 128), CeilDiv(n, 128)};
    default:
      return {1};
  }
}

double ScaleAt(const Weight& weight, int64_t k, int64_t n) {
  switch (weight.scheme) {
    case QuantScheme::kMx:
      return Read(weight.scales, {k / 32, n});
    case QuantScheme::kMxCompact:
    case QuantScheme::kBlock128:
      return Read(weight.scales, {k / 128, n / 128});
    default:
      return 1;  // the epilogue's
  }
}

void SetNumbers(Weight& weight) {
  ForEachIndex(weight.numbers.view().shape(), [&](const Dims& index) {
    Write(weight.numbers, index,
          Read(weight.codes, {index[1], index[0]}) *
              ScaleAt(weight, index[0], index[1]));
  });
}

Weight MakeWeight(DType dtype, QuantScheme scheme, int64_t k, int64_t n,
                  Random& random) {
  const bool is_mx =
      scheme == QuantScheme::kMx || scheme == QuantScheme::kMxCompact;
  Weight weight = {dtype, scheme, GuardedTensor(dtype, {n, k}),
                   GuardedTensor(is_mx ? DType::kE8M0 : DType::kF32,
                                 ScaleDims(scheme, k, n)),
                   GuardedTensor(DType::kF64, {k, n})};
  FillNormal(random, weight.codes, dtype == DType::kF4E2M1 ? 2 : 30);
  ForEachIndex(weight.scales.view().shape(), [&](const Dims& index) {
    const auto exponent = static_cast<double>(random.Integer(-9, 3));
    Write(weight.scales, index,
          std::exp2(exponent) * (is_mx ? 1 : random.Uniform(1, 2)));
  });
  SetNumbers(weight);
  return weight;
}

// out = the product with one epilogue that stores.
void Multiply(const GemmArgs& args, const Tensor& out, HostContext& context,
              int product = 0) {
  Gemm(
      args,
      [&](const GemmTile& tile) {
        for (int64_t r = 0; r < tile.rows; ++r) {
          for (int64_t c = 0; c < tile.cols; ++c) {
            *out.At<float>(tile.row + r, tile.col + c) =
                tile.values[product][r * tile.stride + c];
          }
        }
      },
      context);
}

PackedMatrix Pack(const QuantizedMatrix& matrix, HostContext& context) {
  absl::StatusOr<PackedMatrix> packed = PackedMatrix::Pack(matrix, context);
  EXPECT_TRUE(packed.ok()) << packed.status();
  return *std::move(packed);
}

// What Gemm should give, a [M, K] times the numbers of b.
ProductReference Reference(const ConstTensor& a, const ConstTensor& a_scales,
                           const Weight& weight) {
  if (!a_scales.present()) return MultiplyOracle(a, weight.numbers);
  GuardedTensor scaled(DType::kF64, a.shape());
  ForEachIndex(a.shape(), [&](const Dims& index) {
    Write(scaled, index,
          Read(a, index) * Read(a_scales, {index[0], index[1] / 128}));
  });
  return MultiplyOracle(scaled, weight.numbers);
}

std::vector<double> Bounds(const ProductReference& reference) {
  std::vector<double> bounds;
  for (size_t i = 0; i < reference.values.size(); ++i) {
    // Two more roundings where sums have scales.
    bounds.push_back(reference.Bound(i) +
                     0x1p-23 * std::abs(reference.values[i]));
  }
  return bounds;
}

struct Kind {
  DType dtype;
  QuantScheme scheme;
};

const std::vector<Kind>& Kinds() {
  static const auto& kinds =
      *new std::vector<Kind>{{DType::kF8E4M3, QuantScheme::kPerTensor},
                             {DType::kF8E4M3_240, QuantScheme::kPerSegment},
                             {DType::kF8E5M2, QuantScheme::kPerChannel},
                             {DType::kF8E4M3, QuantScheme::kMx},
                             {DType::kF8E5M2, QuantScheme::kMx},
                             {DType::kF4E2M1, QuantScheme::kMx},
                             {DType::kF8E4M3, QuantScheme::kMxCompact},
                             {DType::kF8E4M3, QuantScheme::kBlock128}};
  return kinds;
}

std::string Describe(const Kind& kind) {
  return std::string(Name(kind.dtype)) + " " + std::string(Name(kind.scheme));
}

TEST_P(GemmQuantizedTest, MatchesTheOraclePackedAndPlain) {
  HostContext context(2);
  Random random(1);
  for (const Kind& kind : Kinds()) {
    for (const auto& [m, n, k] :
         std::vector<std::array<int64_t, 3>>{{1, 1, 1},
                                             {1, 33, 5},
                                             {2, 97, 66},
                                             {3, 31, 33},
                                             {5, 161, 131},
                                             {17, 65, 259},
                                             {30, 40, 545}}) {
      Weight weight = MakeWeight(kind.dtype, kind.scheme, k, n, random);
      const PackedMatrix packed = Pack(weight.matrix(), context);
      for (const DType a_type : {DType::kBF16, DType::kF32, DType::kF16}) {
        SCOPED_TRACE(::testing::Message()
                     << Describe(kind) << ", " << Name(a_type) << ", " << m
                     << " x " << n << " x " << k);
        GuardedTensor a(a_type, {m, k});
        GuardedTensor a_scales(DType::kF32, {m, CeilDiv(k, 128)});
        FillNormal(random, a);
        FillUniform(random, a_scales, 0.1, 2);
        const bool scales_a =
            kind.scheme == QuantScheme::kBlock128 && a_type == DType::kBF16;
        GemmArgs args = {.a = a, .b = {packed}};
        if (scales_a) args.a_block_scales = a_scales;
        GuardedTensor out(DType::kF32, {m, n});
        Multiply(args, out, context);
        const ProductReference reference =
            Reference(a, args.a_block_scales, weight);
        EXPECT_TRUE(Within(out, reference.values, Bounds(reference)));

        args.b[0] = weight.matrix();
        GuardedTensor again(DType::kF32, {m, n});
        Multiply(args, again, context);
        EXPECT_TRUE(SameBits(again, out)) << "plain";
      }
    }
  }
}

TEST_P(GemmQuantizedTest, ARowHasTheSameBitsInAnyCompany) {
  Random random(2);
  constexpr int64_t kK = 1059;
  constexpr int64_t kRows = 61;
  for (const Kind& kind : Kinds()) {
    for (const DType a_type : {DType::kBF16, DType::kF32}) {
      HostContext context(1);
      Weight weight = MakeWeight(kind.dtype, kind.scheme, kK, 70, random);
      const PackedMatrix packed = Pack(weight.matrix(), context);
      GuardedTensor a(a_type, {kRows, kK});
      FillNormal(random, a);
      GuardedTensor all(DType::kF32, {kRows, 70});
      Multiply({.a = a, .b = {packed}}, all, context);
      for (const int64_t rows : {1, 2, 3, 4, 5, 16, 60}) {
        SCOPED_TRACE(::testing::Message()
                     << Describe(kind) << ", " << Name(a_type) << ", " << rows);
        const int64_t first = kRows - rows;
        GuardedTensor some(DType::kF32, {rows, 70});
        HostContext other(static_cast<int>(rows % 3) + 1);
        Multiply({.a = a.view().Slice(0, first, rows), .b = {packed}}, some,
                 other);
        EXPECT_TRUE(SameBits(some, all.view().Slice(0, first, rows)));
      }
    }
  }
}

// Gate and up of different types, in one call.
TEST_P(GemmQuantizedTest, TwoProductsHaveTheBitsOfEachAlone) {
  HostContext context(2);
  Random random(3);
  constexpr int64_t kK = 300;
  for (const Kind& first : Kinds()) {
    for (const Kind& second : {first, Kind{DType::kF4E2M1, QuantScheme::kMx}}) {
      Weight gate = MakeWeight(first.dtype, first.scheme, kK, 70, random);
      Weight up = MakeWeight(second.dtype, second.scheme, kK, 70, random);
      const PackedMatrix packed[2] = {Pack(gate.matrix(), context),
                                      Pack(up.matrix(), context)};
      GuardedTensor a(DType::kBF16, {13, kK});
      FillNormal(random, a);
      for (const int64_t rows : {1, 2, 3, 13}) {
        const ConstTensor some = a.view().Slice(0, 0, rows);
        for (const int product : {0, 1}) {
          GuardedTensor alone(DType::kF32, {rows, 70});
          Multiply({.a = some, .b = {packed[product]}}, alone, context);
          GuardedTensor both(DType::kF32, {rows, 70});
          Multiply({.a = some, .b = {packed[0], packed[1]}}, both, context,
                   product);
          EXPECT_TRUE(SameBits(both, alone))
              << Describe(first) << ", " << Describe(second) << ", " << rows;
        }
      }
    }
  }
}

// One packed beside one that is not, in tiles of one panel.
TEST_P(GemmQuantizedTest, PackedCodesBesideAPlainMatrix) {
  HostContext context(2);
  Random random(6);
  for (const int64_t n : {20, 70}) {
    Weight gate = MakeWeight(DType::kF8E4M3, QuantScheme::kMx, 300, n, random);
    Weight up = MakeWeight(DType::kF4E2M1, QuantScheme::kMx, 300, n, random);
    const PackedMatrix packed = Pack(gate.matrix(), context);
    for (const int64_t rows : {1, 5, 13, 30}) {
      GuardedTensor a(DType::kBF16, {rows, 300});
      FillNormal(random, a);
      for (const int product : {0, 1}) {
        GuardedTensor out(DType::kF32, {rows, n});
        Multiply({.a = a, .b = {packed, up.matrix()}, .column_multiple = n},
                 out, context, product);
        const ProductReference reference =
            Reference(a, ConstTensor(), product == 0 ? gate : up);
        EXPECT_TRUE(Within(out, reference.values, Bounds(reference)))
            << rows << " x " << n << ", product " << product;
      }
    }
  }
}

// Every code times scales across their range, those included that make the
// packed matrix bf16.
TEST_P(GemmQuantizedTest, EveryMxCodeAndScale) {
  HostContext context(1);
  for (const DType dtype : {DType::kF8E4M3, DType::kF8E5M2, DType::kF4E2M1}) {
    const int64_t codes = dtype == DType::kF4E2M1 ? 16 : 256;
    for (const int scale :
         {0, 1, 20, 31, 32, 60, 127, 128, 200, 224, 225, 240, 254, 255}) {
      // Column n has code n in row 0, zeros below.
      Weight weight = {dtype, QuantScheme::kMx,
                       GuardedTensor(dtype, {codes, 32}),
                       GuardedTensor(DType::kE8M0, {1, codes}),
                       GuardedTensor(DType::kF64, {32, codes})};
      auto* bytes = static_cast<uint8_t*>(weight.codes.view().data());
      std::fill_n(bytes, weight.codes.view().NumBytes(), uint8_t{0});
      for (int64_t n = 0; n < codes; ++n) {
        bytes[n * (dtype == DType::kF4E2M1 ? 16 : 32)] =
            static_cast<uint8_t>(n);
        *weight.scales.view().At<E8M0>(0, n) =
            E8M0::FromBits(static_cast<uint8_t>(scale));
      }
      SetNumbers(weight);
      const PackedMatrix packed = Pack(weight.matrix(), context);
      GuardedTensor a(DType::kBF16, {1, 32});
      ForEachIndex(a.view().shape(), [&](const Dims& index) {
        Write(a, index, index[1] == 0 ? 1 : 0);
      });
      for (const MatrixOperand& b :
           {MatrixOperand(packed), MatrixOperand(weight.matrix())}) {
        GuardedTensor out(DType::kF32, {1, codes});
        Multiply({.a = a, .b = {b}}, out, context);
        for (int64_t n = 0; n < codes; ++n) {
          SCOPED_TRACE(::testing::Message()
                       << Name(dtype) << " code " << n << ", scale " << scale);
          const double expected = Read(weight.numbers, {0, n});
          const double got = Read(out, {0, n});
          if (scale == 255 || std::isnan(expected)) {
            EXPECT_TRUE(std::isnan(got));
          } else if (std::abs(expected) < 0x1p-126) {
            // May be flushed, and as bf16 has fewer bits.
            EXPECT_LE(std::abs(got), std::abs(expected) + 0x1p-133);
          } else if (std::abs(expected) >= 0x1p128) {
            EXPECT_TRUE(std::isnan(got) || std::isinf(got));
          } else {
            EXPECT_EQ(got, expected);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace tilework
