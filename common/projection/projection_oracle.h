// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Naive float64 parts of the projections' oracles.

#ifndef TILEWORK_COMMON_PROJECTION_PROJECTION_ORACLE_H_
#define TILEWORK_COMMON_PROJECTION_PROJECTION_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <span>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct OracleMatrix {
  int64_t rows = 0, cols = 0;
  std::vector<double> values;  // row-major

  OracleMatrix() = default;
  OracleMatrix(int64_t num_rows, int64_t num_cols)
      : rows(num_rows),
        cols(num_cols),
        values(static_cast<size_t>(num_rows * num_cols)) {}
  // A tensor whose last `inner` dimensions are one row.
  explicit OracleMatrix(const ConstTensor& tensor, int inner = 1)
      : rows(1), cols(1), values(ToDoubles(tensor)) {
    for (int i = 0; i < tensor.rank(); ++i) {
      (i < tensor.rank() - inner ? rows : cols) *= tensor.dim(i);
    }
  }
  double& operator()(int64_t r, int64_t c) {
    return values[static_cast<size_t>(r * cols + c)];
  }
  double operator()(int64_t r, int64_t c) const {
    return values[static_cast<size_t>(r * cols + c)];
  }
};

// What to expect, and by how much an element may be off.
struct OracleResult {
  std::vector<double> value;
  std::vector<double> bound;
};

// A product, the 2-norm of its terms, sqrt(sum_k (a_k b_k)^2), and the largest
// of them, max_k |a_k b_k|.
struct OracleProduct {
  OracleMatrix value, magnitude, largest;

  OracleProduct(const OracleMatrix& a, const OracleMatrix& b)
      : value(a.rows, b.cols),
        magnitude(a.rows, b.cols),
        largest(a.rows, b.cols) {
    for (int64_t m = 0; m < a.rows; ++m) {
      for (int64_t n = 0; n < b.cols; ++n) {
        double sum = 0, squares = 0, most = 0;
        for (int64_t k = 0; k < a.cols; ++k) {
          const double term = a(m, k) * b(k, n);
          sum += term;
          squares += term * term;
          most = std::max(most, std::abs(term));
        }
        value(m, n) = sum;
        magnitude(m, n) = std::sqrt(squares);
        largest(m, n) = most;
      }
    }
  }
};

inline double MaxAbs(const OracleMatrix& matrix) {
  double max = 0;
  for (const double v : matrix.values) max = std::max(max, std::abs(v));
  return max;
}

// The largest error of rounding `value` to `dtype`.
inline double RoundingBound(double value, DType dtype) {
  return UnitRoundoff(dtype) * std::abs(value) + SmallestSubnormal(dtype) / 2;
}

// T(K) of a sum of K products in f32.
inline double SumBound(int64_t k) {
  return 0x1p-24 * (8 + 2 * std::sqrt(static_cast<double>(k)));
}

// The bound of one product of length K without the rounding of the output:
// `rounded` is the unit roundoff to which the kernel itself rounded an operand
// (0: none), and `code_error` what may be added where it quantized one.
inline double ProductBound(int64_t k, double reference, double magnitude,
                           double rounded, double max_b,
                           double code_error = 0) {
  return (SumBound(k) + 3 * rounded) *
             std::max(std::abs(reference), magnitude) +
         code_error + static_cast<double>(k) * 0x1p-125 * max_b;
}

inline double Norm(const std::vector<double>& values) {
  double squares = 0;
  for (const double v : values) squares += v * v;
  return std::sqrt(squares);
}

// The norm of n errors scatters around its mean by a share of about 1 / sqrt n.
inline double Scatter(size_t n) {
  return 1 + 4 / std::sqrt(static_cast<double>(n));
}

// The relative Frobenius error of products that are rounded to `dtype`: that of
// the rounding averages to half of the largest one.
inline double ProductFrobenius(const OracleResult& result, DType dtype) {
  const double norm = Norm(result.value);
  if (norm == 0) return 0;
  std::vector<double> roundings;
  std::vector<double> sums;  // the bounds without the rounding
  for (size_t i = 0; i < result.value.size(); ++i) {
    roundings.push_back(RoundingBound(result.value[i], dtype));
    sums.push_back(result.bound[i] - roundings.back());
  }
  const double share = std::min(1.0, 0.5 * Scatter(sums.size()));
  return (share * Norm(roundings) + Norm(sums)) / norm;
}

// The same where operands are rounded too: `relative` if the errors before the
// last rounding are `typical` times the values or less, more where sums cancel
// or are subnormal.
inline double CancelingFrobenius(const std::vector<double>& value,
                                 const std::vector<double>& error,
                                 double typical, double relative, DType dtype) {
  const double norm = Norm(value);
  if (norm == 0) return 0;
  std::vector<double> terms;
  const double least = SmallestSubnormal(dtype) / UnitRoundoff(dtype);
  for (size_t i = 0; i < value.size(); ++i) {
    terms.push_back(std::max({std::abs(value[i]), error[i] / typical, least}));
  }
  return relative * Scatter(value.size()) * Norm(terms) / norm;
}

// Element n of [N] or [1, N]; 0 if absent.
inline double BiasAt(const ConstTensor& bias, int64_t n) {
  if (!bias.present()) return 0;
  return bias.rank() == 2 ? Read(bias, {0, n}) : Read(bias, {n});
}

inline double ActivationOracle(const Activation& activation, double x) {
  switch (activation.type) {
    case ActFnType::kNone:
      return x;
    case ActFnType::kSiLU:
    case ActFnType::kSwish:
      return x /
             (1 + std::exp(-static_cast<double>(activation.sigma_factor) * x));
    case ActFnType::kGELU:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case ActFnType::kGELUTanhApprox:
      return 0.5 * x *
             (1 + std::tanh(std::sqrt(2 / std::numbers::pi) *
                            (x + 0.044715 * x * x * x)));
    case ActFnType::kReLU:
      return x < 0 ? 0 : x;
    case ActFnType::kReLU2:
      return x < 0 ? 0 : x * x;
    case ActFnType::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case ActFnType::kTanh:
      return std::tanh(x);
  }
  return x;
}
// The largest factor by which an activation enlarges an error e of x, and its
// own error relative to max(|f|, 2^-5).
inline double ActivationSlope(const Activation& activation, double x,
                              double e) {
  if (activation.type == ActFnType::kReLU2) return 2 * (std::abs(x) + e);
  return 1.13;
}
inline constexpr double kActivationError = 0x1p-20;

// Step h of operand.h, with its roundings.
inline OracleMatrix SumOracle(const OperandArgs& args) {
  const int inner = args.x.rank() == 4 ? 2 : 1;
  OracleMatrix h(args.x, inner);
  bool added = false;
  for (const ConstTensor& add : args.add) {
    if (!add.present()) continue;
    added = true;
    const OracleMatrix other(add, inner);
    for (size_t i = 0; i < h.values.size(); ++i) {
      h.values[i] =
          static_cast<float>(h.values[i]) + static_cast<float>(other.values[i]);
    }
  }
  if (!added) return h;
  const DType dtype = args.sum.present() ? args.sum.dtype() : args.x.dtype();
  for (double& v : h.values) v = RoundToDType(v, dtype);
  return h;
}

// a = norm(h), not rounded.
inline void NormOracle(const NormArgs& norm, OracleMatrix& h) {
  if (norm.type == NormType::kNoNorm) return;
  const bool layer_norm = norm.type == NormType::kLayerNorm;
  const double divisor =
      static_cast<double>(norm.hidden_actual.value_or(h.cols));
  for (int64_t t = 0; t < h.rows; ++t) {
    double mean = 0;
    if (layer_norm) {
      for (int64_t i = 0; i < h.cols; ++i) mean += h(t, i) / divisor;
    }
    double squares = 0;
    for (int64_t i = 0; i < h.cols; ++i) {
      squares += (h(t, i) - mean) * (h(t, i) - mean);
    }
    const double rms =
        std::sqrt(squares / divisor + static_cast<double>(norm.eps));
    const double offset =
        layer_norm ? 0 : static_cast<double>(norm.gamma_offset);
    for (int64_t i = 0; i < h.cols; ++i) {
      const double gamma =
          norm.gamma.present() ? BiasAt(norm.gamma, i) + offset : 1;
      h(t, i) = (h(t, i) - mean) / rms * gamma + BiasAt(norm.beta, i);
    }
  }
}

// The numbers of codes in row-major order; f8e4m3_240 is read as f8e4m3.
inline std::vector<double> CodesToDoubles(const ConstTensor& codes) {
  return ToDoubles(codes.dtype() == DType::kF8E4M3_240
                       ? ConstTensor(codes.data(), DType::kF8E4M3,
                                     codes.shape(), codes.strides())
                       : codes);
}

// The number of an element of an MX block: beyond f32 it is infinite.
inline double MxNumber(double element, double scale) {
  const double number = element * scale;
  if (!(std::abs(number) >= 0x1p128)) return number;  // NaN too
  return std::copysign(std::numeric_limits<double>::infinity(), number);
}

// f32 numbers quantized to F with one scale, as codes * scale: every step is
// rounded to f32. Without a given scale it is that of the largest magnitude.
template <typename F>
void QuantizeUnit(std::optional<float> given_scale, float clip,
                  std::span<double> x) {
  constexpr float kLeast = 1e-6f;  // of clips and scales
  std::vector<float> c;
  float amax = 0;
  for (const double value : x) {
    float v = static_cast<float>(value);
    if (clip > kLeast && !std::isnan(v)) v = std::clamp(v, -clip, clip);
    c.push_back(v);
    if (!std::isnan(amax) && !(std::abs(v) <= amax)) amax = std::abs(v);
  }
  float scale = amax / F::kMax;
  if (scale < kLeast) scale = kLeast;
  scale = given_scale.value_or(scale);
  const float reciprocal = 1.0f / scale;
  for (size_t i = 0; i < x.size(); ++i) {
    const float code = static_cast<float>(F(c[i] * reciprocal));
    x[i] = static_cast<double>(code) * static_cast<double>(scale);
  }
}

// The same for one MX block.
template <typename F>
void QuantizeMxBlock(MxScaleMode mode, std::span<double> x) {
  const std::vector<float> block(x.begin(), x.end());
  std::vector<F> codes(block.size());
  const E8M0 scale = MxEncodeBlock<F>(block, mode, std::span<F>(codes));
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = MxNumber(static_cast<double>(static_cast<float>(codes[i])),
                    static_cast<double>(static_cast<float>(scale)));
  }
}

// A row of f32 numbers quantized as `args` says, as codes * scale.
inline void QuantizeRowOracle(const QuantizeArgs& args, std::span<double> row) {
  const auto by_units = [&](int64_t unit, const auto& quantize) {
    const size_t size = static_cast<size_t>(unit);
    for (size_t i = 0; i < row.size(); i += size) {
      quantize(row.subspan(i, std::min(size, row.size() - i)));
    }
  };
  if (args.type == ActQuant::kMx) {
    return by_units(kMxBlockSize, [&](std::span<double> block) {
      if (args.code == DType::kF8E5M2) {
        QuantizeMxBlock<Float8E5M2>(args.scale_mode, block);
      } else {
        QuantizeMxBlock<Float8E4M3>(args.scale_mode, block);
      }
    });
  }
  VisitFloat8(args.code, [&](auto code) {
    using F = decltype(code);
    if (args.type == ActQuant::kStatic) {
      QuantizeUnit<F>(*args.in_scale.data<float>(), 0, row);
    } else if (args.type == ActQuant::kRow) {
      QuantizeUnit<F>(std::nullopt, args.clip, row);
    } else if (args.type == ActQuant::kBlock128) {
      by_units(kScaleBlock, [&](std::span<double> block) {
        QuantizeUnit<F>(std::nullopt, 0, block);
      });
    }
  });
}

// An x of codes, as codes * scale.
inline OracleMatrix CodesOracle(const OperandArgs& args) {
  OracleMatrix a(args.x, args.x.rank() == 4 ? 2 : 1);
  a.values = CodesToDoubles(args.x);
  if (!args.x_scale.present()) return a;
  const std::vector<double> scales = ToDoubles(args.x_scale);
  for (int64_t t = 0; t < a.rows; ++t) {
    for (int64_t k = 0; k < a.cols; ++k) {
      const auto of_block = [&](int64_t size) {
        const int64_t blocks = (a.cols + size - 1) / size;
        return scales[static_cast<size_t>(t * blocks + k / size)];
      };
      switch (args.x_scheme) {
        case QuantScheme::kPerToken:
          a(t, k) *= scales[static_cast<size_t>(t)];
          break;
        case QuantScheme::kMx:
          a(t, k) = MxNumber(a(t, k), of_block(kMxBlockSize));
          break;
        case QuantScheme::kBlock128:
          a(t, k) *= of_block(kScaleBlock);
          break;
        default:
          a(t, k) *= scales[0];
      }
    }
  }
  return a;
}

// The type that an unquantized operand is rounded to.
inline DType OperandType(const OperandArgs& args) {
  if (args.compute != DType::kNone) return args.compute;
  return IsFloat(args.x.dtype()) ? args.x.dtype() : DType::kBF16;
}

// Steps h and a of operand.h, dequantized.
inline OracleMatrix OperandOracle(const OperandArgs& args) {
  if (!IsFloat(args.x.dtype())) return CodesOracle(args);
  OracleMatrix h = SumOracle(args);
  NormOracle(args.norm, h);
  if (args.quantize.type == ActQuant::kNone) {
    for (double& v : h.values) v = RoundToDType(v, OperandType(args));
    return h;
  }
  for (double& v : h.values) v = RoundToDType(v, DType::kF32);
  for (int64_t t = 0; t < h.rows; ++t) {
    QuantizeRowOracle(args.quantize, std::span<double>(h.values).subspan(
                                         static_cast<size_t>(t * h.cols),
                                         static_cast<size_t>(h.cols)));
  }
  return h;
}

// The unit roundoff to which the kernel rounded the operand; 0 if it is x
// itself, or quantized.
inline double OperandRoundoff(const OperandArgs& args) {
  if (!IsFloat(args.x.dtype()) || args.quantize.type != ActQuant::kNone) {
    return 0;
  }
  const bool computed = args.norm.type != NormType::kNoNorm ||
                        args.add[0].present() || args.add[1].present();
  const DType type = OperandType(args);
  const bool narrowed = UnitRoundoff(type) > UnitRoundoff(args.x.dtype());
  return computed || narrowed ? UnitRoundoff(type) : 0;
}

// f of a product by its largest term, max_k |a_k b_k|: where the kernel
// quantizes what it computed, two codes may be the next ones.
inline double OperandCodeError(const OperandArgs& args) {
  const bool quantizes = args.quantize.type != ActQuant::kNone &&
                         args.norm.type != NormType::kNoNorm;
  return quantizes ? 4 * UnitRoundoff(args.quantize.code) : 0;
}

// A weight that is not packed, its scheme known, as codes * scale. Columns
// [0, k_column) of three segments are those of Q, from v_column on those of V.
inline OracleMatrix WeightOracle(const MatrixOperand& weight,
                                 int64_t k_column = 0, int64_t v_column = 0) {
  OracleMatrix w(weight.plain());
  if (!weight.scales().present()) return w;
  w.values = CodesToDoubles(weight.plain());
  const std::vector<double> scales = ToDoubles(weight.scales());
  const QuantScheme scheme = weight.scheme();
  const int64_t blocks = (w.cols + kScaleBlock - 1) / kScaleBlock;
  for (int64_t k = 0; k < w.rows; ++k) {
    for (int64_t n = 0; n < w.cols; ++n) {
      const int64_t segment = n < k_column ? 0 : n < v_column ? 1 : 2;
      const int64_t tile = k / kScaleBlock * blocks + n / kScaleBlock;
      const int64_t at = scheme == QuantScheme::kPerTensor    ? 0
                         : scheme == QuantScheme::kPerSegment ? segment
                         : scheme == QuantScheme::kPerChannel ? n
                         : scheme == QuantScheme::kMx
                             ? k / kMxBlockSize * w.cols + n
                             : tile;
      const double scale = scales[static_cast<size_t>(at)];
      const bool is_mx =
          scheme == QuantScheme::kMx || scheme == QuantScheme::kMxCompact;
      w(k, n) = is_mx ? MxNumber(w(k, n), scale) : w(k, n) * scale;
    }
  }
  return w;
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_PROJECTION_ORACLE_H_
