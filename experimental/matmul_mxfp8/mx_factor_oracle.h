// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Factors of products of MX blocks, and their products, in float64.

#ifndef TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_FACTOR_ORACLE_H_
#define TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_FACTOR_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/experimental/matmul_mxfp8/mx_factor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// x of F rounded by chance: the two numbers around it are found by trying all.
template <typename F>
double RoundByChance(double x, uint32_t word) {
  if (std::isnan(x)) return x;
  const double magnitude = std::min(std::abs(x), static_cast<double>(F::kMax));
  double below = 0, above = static_cast<double>(F::kMax);
  for (int code = 0; code <= F::kMaxBits; ++code) {
    const double number = static_cast<double>(
        static_cast<float>(F::FromBits(static_cast<uint8_t>(code))));
    if (number <= magnitude) below = number;
  }
  for (int code = F::kMaxBits; code >= 0; --code) {
    const double number = static_cast<double>(
        static_cast<float>(F::FromBits(static_cast<uint8_t>(code))));
    if (number > magnitude) above = number;
  }
  const double share =
      above > below ? (magnitude - below) / (above - below) : 0;
  const bool up = static_cast<double>(word) < std::floor(share * 0x1p32);
  return std::copysign(up ? above : below, x);
}

// Row r of numbers, quantized by chance.
template <typename F>
void QuantizeByChance(const matmul_mxfp8_internal::MxFactor& factor, int64_t r,
                      std::span<double> row) {
  const matmul_mxfp8_internal::StochasticWords& words = *factor.stochastic;
  for (size_t k = 0; k < row.size(); k += kMxBlockSize) {
    const auto part =
        row.subspan(k, std::min<size_t>(kMxBlockSize, row.size() - k));
    const std::vector<float> block(part.begin(), part.end());
    const E8M0 scale = MxScale<F>(MxAmax(block), factor.mode);
    for (size_t i = 0; i < part.size(); ++i) {
      const auto index =
          static_cast<uint64_t>(r * words.row_stride +
                                static_cast<int64_t>(k + i) * words.col_stride);
      const bool bad = scale.bits == E8M0::kNaNBits;
      const float scaled = block[i] * MxReciprocal(scale);
      const double code = bad ? 0
                              : RoundByChance<F>(static_cast<double>(scaled),
                                                 words.state.Word(index));
      part[i] = MxNumber(code, static_cast<double>(static_cast<float>(scale)));
    }
  }
}

// The numbers of a factor, [R, K].
inline OracleMatrix FactorOracle(
    const matmul_mxfp8_internal::MxFactor& factor) {
  OracleMatrix values(factor.x);
  for (int64_t r = 0; r < values.rows; ++r) {
    const std::span<double> row =
        std::span<double>(values.values)
            .subspan(static_cast<size_t>(r * values.cols),
                     static_cast<size_t>(values.cols));
    if (!IsFloat(factor.x.dtype())) {
      for (int64_t k = 0; k < values.cols; ++k) {
        double& value = row[static_cast<size_t>(k)];
        value = MxNumber(value, Read(factor.scales, {r, k / kMxBlockSize}));
      }
    } else if (!factor.stochastic.has_value()) {
      QuantizeRowOracle(factor.operand().quantize, row);
    } else if (factor.code == DType::kF8E4M3) {
      QuantizeByChance<Float8E4M3>(factor, r, row);
    } else {
      QuantizeByChance<Float8E5M2>(factor, r, row);
    }
  }
  return values;
}

inline OracleMatrix Transposed(const OracleMatrix& matrix) {
  OracleMatrix result(matrix.cols, matrix.rows);
  for (int64_t r = 0; r < matrix.rows; ++r) {
    for (int64_t c = 0; c < matrix.cols; ++c) result(c, r) = matrix(r, c);
  }
  return result;
}

// left [M, K] times right [N, K], plus bias [N] and `added` [M, N], which may
// be absent, in `out`.
inline ExpectedTensor FactorProduct(
    const matmul_mxfp8_internal::MxFactor& left,
    const matmul_mxfp8_internal::MxFactor& right, const ConstTensor& bias,
    const ConstTensor& added, std::string_view name, const ConstTensor& out) {
  const OracleMatrix a = FactorOracle(left);
  const OracleMatrix b = Transposed(FactorOracle(right));
  const OracleProduct product(a, b);
  const double max_b = MaxAbs(b);
  const std::vector<double> sum =
      added.present() ? ToDoubles(added) : std::vector<double>();
  OracleResult result;
  for (size_t i = 0; i < product.value.values.size(); ++i) {
    const double offset = BiasAt(bias, static_cast<int64_t>(i) % b.cols);
    const double more = added.present() ? sum[i] : 0;
    const double y = product.value.values[i] + offset + more;
    const double magnitude =
        std::hypot(product.magnitude.values[i], offset, more);
    result.value.push_back(y);
    result.bound.push_back(RoundingBound(y, out.dtype()) +
                           ProductBound(a.cols, y, magnitude, 0, max_b));
  }
  return {.name = name,
          .actual = out,
          .reference = result.value,
          .bound = result.bound,
          .frobenius = ProductFrobenius(result, out.dtype())};
}

}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MX_FACTOR_ORACLE_H_
