// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// qkv in float64.

#ifndef TILEWORK_KERNELS_QKV_QKV_ORACLE_H_
#define TILEWORK_KERNELS_QKV_QKV_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/qkv/qkv.h"
#include "tilework/testing/tensors.h"

namespace tilework {

// One head and the error that its elements may have.
struct OracleHead {
  std::vector<double> y, e;
};

struct OracleHeadNorm {
  NormType type;
  const ConstTensor& gamma;
  const ConstTensor& beta;
  double gamma_offset;
  double eps;
};

inline void NormHeadOracle(const OracleHeadNorm& norm, OracleHead& head) {
  const bool layer_norm = norm.type == NormType::kLayerNorm;
  const double d = static_cast<double>(head.y.size());
  double mean = 0, squares = 0, error_squares = 0;
  if (layer_norm) {
    for (const double y : head.y) mean += y / d;
  }
  for (size_t i = 0; i < head.y.size(); ++i) {
    squares += (head.y[i] - mean) * (head.y[i] - mean);
    error_squares += head.e[i] * head.e[i];
  }
  const double rms = std::sqrt(squares / d + norm.eps);
  // Of the mean too.
  const double spread = (layer_norm ? 2 : 1) * std::sqrt(error_squares / d);
  for (size_t i = 0; i < head.y.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const double offset = layer_norm ? 0 : norm.gamma_offset;
    const double g = norm.gamma.present() ? BiasAt(norm.gamma, at) + offset : 1;
    const double y = head.y[i] - mean;
    const double e = head.e[i] + (layer_norm ? spread : 0) +
                     (layer_norm ? 0x1p-21 * std::abs(mean) : 0);
    head.e[i] = (e + std::abs(y) / rms * spread + 0x1p-21 * std::abs(y)) *
                std::abs(g) / rms;
    head.y[i] = y / rms * g + BiasAt(norm.beta, at);
    head.e[i] += 0x1p-23 * std::abs(head.y[i]);
  }
}

inline double TableAt(const ConstTensor& table, int64_t b, int64_t s,
                      int64_t i) {
  if (table.rank() == 2) return Read(table, {s, i});
  return Read(table, {table.dim(0) == 1 ? 0 : b, s, i});
}

inline void RotateHeadOracle(const QkvArgs& args, int64_t b, int64_t s,
                             OracleHead& head) {
  const int64_t r =
      args.rotary_dim.value_or(static_cast<int64_t>(head.y.size()));
  const bool wide = args.cos_cache.dim(-1) == r;
  for (int64_t i = 0; i < r / 2; ++i) {
    const int64_t lo = args.rope_contiguous_layout ? i : 2 * i;
    const int64_t hi = args.rope_contiguous_layout ? r / 2 + i : 2 * i + 1;
    const double cos_lo = TableAt(args.cos_cache, b, s, wide ? lo : i);
    const double sin_lo = TableAt(args.sin_cache, b, s, wide ? lo : i);
    const double cos_hi = TableAt(args.cos_cache, b, s, wide ? hi : i);
    const double sin_hi = TableAt(args.sin_cache, b, s, wide ? hi : i);
    const size_t at_lo = static_cast<size_t>(args.rotary_offset + lo);
    const size_t at_hi = static_cast<size_t>(args.rotary_offset + hi);
    const double y_lo = head.y[at_lo], y_hi = head.y[at_hi];
    const double e_lo = head.e[at_lo], e_hi = head.e[at_hi];
    head.y[at_lo] = y_lo * cos_lo - y_hi * sin_lo;
    head.y[at_hi] = y_hi * cos_hi + y_lo * sin_hi;
    head.e[at_lo] =
        e_lo * std::abs(cos_lo) + e_hi * std::abs(sin_lo) +
        0x1p-22 * (std::abs(y_lo * cos_lo) + std::abs(y_hi * sin_lo));
    head.e[at_hi] =
        e_hi * std::abs(cos_hi) + e_lo * std::abs(sin_hi) +
        0x1p-22 * (std::abs(y_hi * cos_hi) + std::abs(y_lo * sin_hi));
  }
}

// Sums of squares of the columns of Q, K and V of each token, [T] each.
struct OracleSquares {
  std::vector<double> value[3], error[3];
};

inline void AddSquares(const qkv_internal::Heads& heads, int64_t head,
                       const OracleHead& values, int64_t t,
                       OracleSquares& squares) {
  const size_t kind = head < heads.q ? 0 : head < heads.q + heads.kv ? 1 : 2;
  const auto token = static_cast<size_t>(t);
  for (int k = 0; k < 3; ++k) {
    if (squares.value[k].size() <= token) squares.value[k].push_back(0);
    if (squares.error[k].size() <= token) squares.error[k].push_back(0);
  }
  for (size_t i = 0; i < values.y.size(); ++i) {
    squares.value[kind][token] += values.y[i] * values.y[i];
    squares.error[kind][token] +=
        2 * std::abs(values.y[i]) * values.e[i] + values.e[i] * values.e[i];
  }
}

// All heads, [B, S, Hq + 2 Hkv, D], before they are rounded; the bound lacks
// the rounding. `weight` is the plain matrix, whatever the argument is.
inline OracleResult QkvOracle(const QkvArgs& args, const MatrixOperand& weight,
                              OracleSquares& squares) {
  const OperandArgs operand = qkv_internal::OperandOf(args);
  const OracleMatrix a = OperandOracle(operand);
  const qkv_internal::Heads heads = qkv_internal::ResolveHeads(args);
  const OracleMatrix w =
      WeightOracle(WithScheme(weight, args.quantization_type),
                   heads.q * heads.d, (heads.q + heads.kv) * heads.d);
  const OracleProduct product(a, w);
  const double code_error = OperandCodeError(operand);
  const double rounded = OperandRoundoff(operand);
  const double max_w = MaxAbs(w);
  OracleResult result;
  for (int64_t t = 0; t < a.rows; ++t) {
    const int64_t b = t / args.input.dim(1);
    const int64_t s = t % args.input.dim(1);
    for (int64_t n = 0; n < heads.total(); ++n) {
      OracleHead head;
      for (int64_t c = n * heads.d; c < (n + 1) * heads.d; ++c) {
        const double bias = BiasAt(args.bias, c);
        const double y = product.value(t, c) + bias;
        head.y.push_back(y);
        head.e.push_back(
            ProductBound(a.cols, y, std::hypot(product.magnitude(t, c), bias),
                         rounded, max_w, code_error * product.largest(t, c)));
      }
      AddSquares(heads, n, head, t, squares);
      const auto norm = [&](const std::optional<QkNormConfig>& config,
                            const ConstTensor& gamma, const ConstTensor& beta) {
        if (!config.has_value()) return;
        const NormType type = n < heads.q ? config->q_norm : config->k_norm;
        if (type == NormType::kNoNorm) return;
        NormHeadOracle(
            {type, gamma, beta, static_cast<double>(args.gamma_offset),
             static_cast<double>(config->eps)},
            head);
      };
      const bool q = n < heads.q;
      if (n < heads.q + heads.kv) {
        norm(args.qk_norm_pre_rope,
             q ? args.qk_norm_pre_rope_q_gamma : args.qk_norm_pre_rope_k_gamma,
             q ? args.qk_norm_pre_rope_q_beta : args.qk_norm_pre_rope_k_beta);
        if (args.fused_rope) RotateHeadOracle(args, b, s, head);
        norm(
            args.qk_norm_post_rope,
            q ? args.qk_norm_post_rope_q_gamma : args.qk_norm_post_rope_k_gamma,
            q ? args.qk_norm_post_rope_q_beta : args.qk_norm_post_rope_k_beta);
      }
      result.value.insert(result.value.end(), head.y.begin(), head.y.end());
      result.bound.insert(result.bound.end(), head.e.begin(), head.e.end());
    }
  }
  return result;
}

// The relative Frobenius error over the heads in a tensor of `dtype`.
inline double QkvFrobenius(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return 5e-3;
    case DType::kF16:
      return 7e-4;
    default:
      return 3e-6;
  }
}

// output as [B, S, N, D].
inline ConstTensor QkvOutputHeads(const QkvArgs& args, int64_t d) {
  const ConstTensor output = args.output;
  switch (args.output_layout) {
    case QkvOutputLayout::kBSD:
      return output.Reshape(
          {output.dim(0), output.dim(1), output.dim(2) / d, d});
    case QkvOutputLayout::kNBSd:
      return output.Permute({1, 2, 0, 3});
    case QkvOutputLayout::kNBdS:
      return output.Permute({1, 3, 0, 2});
  }
  return output;
}

// Makes what to expect of the tensors that hold heads.
class QkvExpectation {
 public:
  QkvExpectation(const QkvArgs& args, const MatrixOperand& weight)
      : args_(args),
        heads_(qkv_internal::ResolveHeads(args)),
        oracle_(QkvOracle(args, weight, squares_)),
        rounded_(OperandRoundoff(qkv_internal::OperandOf(args))),
        typical_(2 * (SumBound(weight.rows()) + 3 * rounded_ +
                      OperandCodeError(qkv_internal::OperandOf(args)))) {}

  const qkv_internal::Heads& heads() const { return heads_; }

  // Heads [first, first + count) in `actual`, [B, S, count, D].
  ExpectedTensor Heads(int64_t first, int64_t count,
                       const ConstTensor& actual) const {
    ExpectedTensor expected = {.name = "output", .actual = actual};
    std::vector<double> error;
    for (int64_t t = 0; t < args_.input.dim(0) * args_.input.dim(1); ++t) {
      for (int64_t c = 0; c < count * heads_.d; ++c) {
        Add(t, first * heads_.d + c, expected, error);
      }
    }
    SetFrobenius(error, expected);
    return expected;
  }

  // Heads [first, first + Hkv) in their slots of `cache`, and elsewhere what is
  // there. Codes are compared as numbers without their scale.
  ExpectedTensor Cache(std::string_view name, int64_t first,
                       const ConstTensor& cache,
                       const ConstTensor& scale) const {
    ExpectedTensor expected = {.name = name, .actual = cache};
    std::vector<double> error;
    const int64_t tokens = args_.input.dim(1);
    const int64_t positions = args_.v_cache.dim(2);
    std::map<int64_t, int64_t> token_of;  // the last one of each slot
    for (int64_t t = 0; t < args_.input.dim(0) * tokens; ++t) {
      const int64_t slot = qkv_internal::SlotOf(args_, t / tokens, t % tokens);
      if (slot >= 0) token_of[slot] = t;
    }
    ForEachIndex(cache.shape(), [&](const Dims& index) {
      const bool pairs = index.size() == 5;
      const int64_t at = pairs ? 2 * index[2] + index[4] : index[2];
      const auto token = token_of.find(index[0] * positions + at);
      if (token == token_of.end()) {
        expected.reference.push_back(Read(cache, index));
        expected.bound.push_back(0);
        error.push_back(0);
        return;
      }
      const int64_t d = index[3];
      Add(token->second, (first + index[1]) * heads_.d + d, expected, error);
      if (scale.present()) {
        ToCode(scale.NumElements() == 1 ? *scale.data<float>()
               : scale.rank() == 1      ? *scale.At<float>(index[1])
                                        : *scale.At<float>(index[1], d),
               expected);
      }
    });
    if (!scale.present()) SetFrobenius(error, expected);
    return expected;
  }

  // The sums of squares of kind 0 (Q), 1 (K) or 2 (V).
  ExpectedTensor Squares(std::string_view name, int kind,
                         const ConstTensor& actual) const {
    ExpectedTensor expected = {.name = name, .actual = actual};
    const int64_t columns = (kind == 0 ? heads_.q : heads_.kv) * heads_.d;
    for (size_t t = 0; t < squares_.value[kind].size(); ++t) {
      expected.reference.push_back(squares_.value[kind][t]);
      expected.bound.push_back(SumBound(columns) * squares_.value[kind][t] +
                               squares_.error[kind][t]);
    }
    return expected;
  }

 private:
  // Element `i` of the heads of token `t`.
  void Add(int64_t t, int64_t i, ExpectedTensor& expected,
           std::vector<double>& error) const {
    const size_t at = static_cast<size_t>(t * heads_.total() * heads_.d + i);
    const double y = oracle_.value[at];
    expected.reference.push_back(y);
    error.push_back(oracle_.bound[at]);
    expected.bound.push_back(oracle_.bound[at] +
                             RoundingBound(y, expected.actual.dtype()));
  }

  // The last element, as a code of the caches' type.
  void ToCode(float scale, ExpectedTensor& expected) const {
    const DType dtype = expected.actual.dtype();
    const qkv_internal::Limits limits = qkv_internal::CacheLimits(args_);
    const double e = (expected.bound.back() -
                      RoundingBound(expected.reference.back(), dtype)) /
                     static_cast<double>(scale);
    double& y = expected.reference.back();
    y /= static_cast<double>(scale);
    if (!std::isnan(y)) {
      y = std::clamp(y, static_cast<double>(limits.low),
                     static_cast<double>(limits.high));
      const double largest = dtype == DType::kF8E5M2       ? 57344
                             : dtype == DType::kF8E4M3_240 ? 240
                                                           : 448;
      y = std::clamp(y, -largest, largest);
    }
    expected.bound.back() = 1.01 * e + UnitRoundoff(dtype) * (std::abs(y) + e) +
                            SmallestSubnormal(dtype) / 2;
  }

  void SetFrobenius(const std::vector<double>& error,
                    ExpectedTensor& expected) const {
    double relative = QkvFrobenius(expected.actual.dtype());
    const OperandArgs operand = qkv_internal::OperandOf(args_);
    if (rounded_ > 0) {
      relative = std::max(relative, QkvFrobenius(OperandType(operand)));
    }
    if (OperandCodeError(operand) > 0) relative = 1e-2;
    expected.frobenius = CancelingFrobenius(expected.reference, error, typical_,
                                            relative, expected.actual.dtype());
  }

  const QkvArgs& args_;
  qkv_internal::Heads heads_;
  OracleSquares squares_;
  OracleResult oracle_;
  double rounded_;
  double typical_;  // relative error of elements before the last rounding
};

// QkvOracle() with the bounds of qkv.h; Q, K and V each for itself.
inline std::vector<ExpectedTensor> QkvExpected(const QkvArgs& args,
                                               const MatrixOperand& weight) {
  const QkvExpectation expect(args, weight);
  const qkv_internal::Heads& heads = expect.heads();
  std::vector<ExpectedTensor> expected;
  if (args.fused_hidden_out.present()) {
    const std::vector<double> sum =
        SumOracle(qkv_internal::OperandOf(args)).values;
    expected.push_back({"fused_hidden_out", args.fused_hidden_out, sum,
                        std::vector<double>(sum.size())});
  }
  if (args.output.present()) {
    const ConstTensor output = QkvOutputHeads(args, heads.d);
    expected.push_back(expect.Heads(0, heads.q, output.Slice(2, 0, heads.q)));
    if (!args.v_cache.present()) {
      for (const int64_t first : {heads.q, heads.q + heads.kv}) {
        expected.push_back(
            expect.Heads(first, heads.kv, output.Slice(2, first, heads.kv)));
      }
    }
  }
  if (args.v_cache.present()) {
    expected.push_back(
        expect.Cache("k_cache", heads.q, args.k_cache, args.k_scale));
    expected.push_back(expect.Cache("v_cache", heads.q + heads.kv, args.v_cache,
                                    args.v_scale));
  }
  const Tensor* const sums[] = {&args.q_squared_sum_out,
                                &args.k_squared_sum_out,
                                &args.v_squared_sum_out};
  constexpr std::string_view kNames[] = {
      "q_squared_sum_out", "k_squared_sum_out", "v_squared_sum_out"};
  for (int kind = 0; kind < 3; ++kind) {
    if (sums[kind]->present()) {
      expected.push_back(expect.Squares(kNames[kind], kind, *sums[kind]));
    }
  }
  return expected;
}
inline std::vector<ExpectedTensor> QkvExpected(const QkvArgs& args) {
  return QkvExpected(args, args.fused_qkv_weights);
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QKV_QKV_ORACLE_H_
