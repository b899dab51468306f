// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// qkv in float64.

#ifndef TILEWORK_KERNELS_QKV_QKV_ORACLE_H_
#define TILEWORK_KERNELS_QKV_QKV_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/projection_oracle.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/qkv/qkv.h"
#include "tilework/testing/tensors.h"

namespace tilework {

inline OperandArgs QkvOperand(const QkvArgs& args) {
  return {.x = args.input,
          .add = {args.mlp_prev, args.attention_prev},
          .sum = args.fused_hidden_out,
          .norm = {.type = args.fused_norm_type,
                   .gamma = args.gamma_norm_weights,
                   .eps = args.norm_eps,
                   .gamma_offset = args.gamma_offset,
                   .hidden_actual = args.hidden_actual}};
}

// One head and the error that its elements may have.
struct OracleHead {
  std::vector<double> y, e;
};

inline void NormHeadOracle(const ConstTensor& gamma, double gamma_offset,
                           double eps, OracleHead& head) {
  const double d = static_cast<double>(head.y.size());
  double squares = 0, error_squares = 0;
  for (size_t i = 0; i < head.y.size(); ++i) {
    squares += head.y[i] * head.y[i];
    error_squares += head.e[i] * head.e[i];
  }
  const double rms = std::sqrt(squares / d + eps);
  const double spread = std::sqrt(error_squares / d);
  for (size_t i = 0; i < head.y.size(); ++i) {
    const double g = gamma.present()
                         ? BiasAt(gamma, static_cast<int64_t>(i)) + gamma_offset
                         : 1;
    const double y = head.y[i];
    head.e[i] =
        (head.e[i] + std::abs(y) / rms * spread + 0x1p-21 * std::abs(y)) *
        std::abs(g) / rms;
    head.y[i] = y / rms * g;
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

// All heads, [B, S, Hq + 2 Hkv, D], before they are rounded; the bound lacks
// the rounding. `weight` is the plain matrix, whatever the argument is.
inline OracleResult QkvOracle(const QkvArgs& args, const ConstTensor& weight) {
  const OperandArgs operand = QkvOperand(args);
  const OracleMatrix a = OperandOracle(operand);
  const OracleMatrix w(weight);
  const OracleProduct product(a, w);
  const double rounded = OperandRoundoff(operand);
  const double max_w = MaxAbs(w);
  const qkv_internal::Heads heads = qkv_internal::ResolveHeads(args);
  OracleResult result;
  for (int64_t t = 0; t < a.rows; ++t) {
    const int64_t b = t / args.input.dim(1);
    const int64_t s = t % args.input.dim(1);
    for (int64_t n = 0; n < heads.total(); ++n) {
      OracleHead head;
      for (int64_t c = n * heads.d; c < (n + 1) * heads.d; ++c) {
        const double y = product.value(t, c) + BiasAt(args.bias, c);
        head.y.push_back(y);
        head.e.push_back(
            ProductBound(a.cols, y, product.magnitude(t, c), rounded, max_w));
      }
      const auto norm = [&](const std::optional<QkNormConfig>& config,
                            const ConstTensor& q_gamma,
                            const ConstTensor& k_gamma) {
        if (!config.has_value()) return;
        const bool q = n < heads.q;
        if ((q ? config->q_norm : config->k_norm) == NormType::kNoNorm) return;
        NormHeadOracle(q ? q_gamma : k_gamma,
                       static_cast<double>(args.gamma_offset),
                       static_cast<double>(config->eps), head);
      };
      if (n < heads.q + heads.kv) {
        norm(args.qk_norm_pre_rope, args.qk_norm_pre_rope_q_gamma,
             args.qk_norm_pre_rope_k_gamma);
        if (args.fused_rope) RotateHeadOracle(args, b, s, head);
        norm(args.qk_norm_post_rope, args.qk_norm_post_rope_q_gamma,
             args.qk_norm_post_rope_k_gamma);
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

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QKV_QKV_ORACLE_H_
