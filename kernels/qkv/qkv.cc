// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/qkv/qkv.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace qkv_internal {
namespace {

// What needs to know the heads; empty if nothing does.
std::string_view HeadsNeededBy(const QkvArgs& args) {
  if (args.output_layout != QkvOutputLayout::kBSD) return "output_layout";
  if (args.fused_rope) return "fused_rope";
  if (args.qk_norm_pre_rope.has_value()) return "qk_norm_pre_rope";
  if (args.qk_norm_post_rope.has_value()) return "qk_norm_post_rope";
  if (args.k_cache.present() || args.v_cache.present()) return "k_cache";
  return "";
}

bool HeadsKnown(const QkvArgs& args) {
  return args.num_q_heads.has_value() && args.num_kv_heads.has_value();
}

void CheckHeads(ArgumentChecker& check, const QkvArgs& args) {
  const int64_t columns = check["I"];
  if (!HeadsKnown(args)) {
    const bool partly = args.num_q_heads.has_value() ||
                        args.num_kv_heads.has_value() ||
                        args.d_head.has_value();
    check.Require(!partly,
                  "num_q_heads and num_kv_heads must be given together");
    const std::string_view needed_by = HeadsNeededBy(args);
    check.Require(needed_by.empty(),
                  "num_q_heads and num_kv_heads are missing, needed by ",
                  needed_by);
    check.Require(columns >= 1, "fused_qkv_weights has no columns");
    check.Bind("N*D", columns, "I");
    return;
  }
  const int64_t q = *args.num_q_heads;
  const int64_t kv = *args.num_kv_heads;
  check.Require(
      q >= 0 && kv >= 0 && q <= columns && kv <= columns && q + kv >= 1,
      "num_q_heads is ", q, " and num_kv_heads is ", kv,
      ", expected at least one head and at most I = ", columns);
  if (!check.ok()) return;
  const Heads heads = ResolveHeads(args);
  check.Require(
      heads.d >= 1 && heads.d <= columns && heads.total() * heads.d == columns,
      "(num_q_heads + 2 * num_kv_heads) * d_head = (", q, " + 2 * ", kv, ") * ",
      heads.d, " but I = ", columns, " (from fused_qkv_weights)");
  const int64_t stored = args.k_cache.present() ? q : heads.total();
  check.Bind("D", heads.d, "d_head");
  check.Bind("Hkv", kv, "num_kv_heads");
  check.Bind("N", stored, "the heads of output");
  check.Bind("N*D", stored * heads.d, "the heads of output");
}

void CheckResidual(ArgumentChecker& check, const QkvArgs& args) {
  if (args.fused_residual_add) {
    check.Required("attention_prev", args.attention_prev, "B S H", kFloatTypes);
    check.Optional("mlp_prev", args.mlp_prev, "B S H", kFloatTypes);
    check.Optional("fused_hidden_out", args.fused_hidden_out, "B S H",
                   kFloatTypes);
    return;
  }
  constexpr std::string_view kReason = "fused_residual_add is false";
  check.Forbidden("attention_prev", args.attention_prev, kReason);
  check.Forbidden("mlp_prev", args.mlp_prev, kReason);
  check.Forbidden("fused_hidden_out", args.fused_hidden_out, kReason);
}

void CheckRope(ArgumentChecker& check, const QkvArgs& args) {
  if (!args.fused_rope) {
    check.Forbidden("cos_cache", args.cos_cache, "fused_rope is false");
    check.Forbidden("sin_cache", args.sin_cache, "fused_rope is false");
    return;
  }
  const int64_t d = check["D"];
  const int64_t r = args.rotary_dim.value_or(d);
  check.Require(r >= 2 && r <= d && r % 2 == 0, "rotary_dim is ", r,
                ", expected an even number from 2 to D = ", d);
  check.Require(args.rotary_offset >= 0 && args.rotary_offset <= d - r,
                "rotary_offset is ", args.rotary_offset,
                ", expected 0 to D - rotary_dim = ", d - r);
  constexpr std::string_view kShapes = "S W | 1 S W | B S W";
  check.Required("cos_cache", args.cos_cache, kShapes, kFloatTypes);
  check.Required("sin_cache", args.sin_cache, kShapes, kFloatTypes);
  if (!check.ok()) return;
  check.Require(args.cos_cache.shape() == args.sin_cache.shape(),
                "sin_cache is ", args.sin_cache.shape(), " but cos_cache is ",
                args.cos_cache.shape());
  check.Require(check["W"] == r || check["W"] == r / 2, "cos_cache is ",
                args.cos_cache.shape(), ", expected a width of ", r, " or ",
                r / 2);
}

void CheckHeadNorm(ArgumentChecker& check, std::string_view name,
                   const std::optional<QkNormConfig>& config,
                   std::string_view q_name, const ConstTensor& q_gamma,
                   std::string_view k_name, const ConstTensor& k_gamma) {
  const auto check_gamma = [&](std::string_view gamma_name,
                               const ConstTensor& gamma, NormType type) {
    check.Require(type == NormType::kNoNorm || type == NormType::kRmsNorm, name,
                  " has norm type ", static_cast<int>(type),
                  ", expected RMS_NORM or NO_NORM");
    if (type == NormType::kNoNorm) {
      check.Forbidden(gamma_name, gamma, "its heads are not normalized");
    } else {
      check.Optional(gamma_name, gamma, "D | 1 D", kFloatTypes);
    }
  };
  check_gamma(q_name, q_gamma,
              config.has_value() ? config->q_norm : NormType::kNoNorm);
  check_gamma(k_name, k_gamma,
              config.has_value() ? config->k_norm : NormType::kNoNorm);
  const float eps = config.has_value() ? config->eps : 0.0f;
  check.Require(std::isfinite(eps) && eps >= 0, name, " has eps ", eps,
                ", expected a finite number >= 0");
}

void CheckHeadNorms(ArgumentChecker& check, const QkvArgs& args) {
  CheckHeadNorm(check, "qk_norm_pre_rope", args.qk_norm_pre_rope,
                "qk_norm_pre_rope_q_gamma", args.qk_norm_pre_rope_q_gamma,
                "qk_norm_pre_rope_k_gamma", args.qk_norm_pre_rope_k_gamma);
  CheckHeadNorm(check, "qk_norm_post_rope", args.qk_norm_post_rope,
                "qk_norm_post_rope_q_gamma", args.qk_norm_post_rope_q_gamma,
                "qk_norm_post_rope_k_gamma", args.qk_norm_post_rope_k_gamma);
}

void CheckOutput(ArgumentChecker& check, const QkvArgs& args) {
  if (check.ok() && check["N*D"] == 0) {
    check.Forbidden("output", args.output, "there is no head for it");
    return;
  }
  switch (args.output_layout) {
    case QkvOutputLayout::kBSD:
      check.Required("output", args.output, "B S N*D", kFloatTypes);
      return;
    case QkvOutputLayout::kNBSd:
      check.Required("output", args.output, "N B S D", kFloatTypes);
      return;
    case QkvOutputLayout::kNBdS:
      check.Required("output", args.output, "N B D S", kFloatTypes);
      return;
  }
  check.Require(false, "output_layout is ",
                static_cast<int>(args.output_layout),
                ", expected BSD, NBSd or NBdS");
}

void CheckCaches(ArgumentChecker& check, const QkvArgs& args) {
  check.Require(args.k_cache.present() == args.v_cache.present(),
                args.k_cache.present() ? "k_cache" : "v_cache",
                " is given without ",
                args.k_cache.present() ? "v_cache" : "k_cache");
  if (!args.k_cache.present()) {
    check.Forbidden("cache_start", args.cache_start, "there are no caches");
    return;
  }
  check.Required("k_cache", args.k_cache, "Bc Hkv Smax D", kFloatTypes);
  check.Required("v_cache", args.v_cache, "Bc Hkv Smax D", kFloatTypes);
  check.Require(!SameView(args.k_cache, args.v_cache),
                "v_cache is the same view as k_cache");
  check.Optional("cache_start", args.cache_start, "B", kIndexTypes);
  check.Require(check["Bc"] >= check["B"], "k_cache is ", args.k_cache.shape(),
                ", expected a batch of at "
                "least B = ",
                check["B"]);
  if (!check.ok()) return;
  for (int64_t b = 0; b < check["B"]; ++b) {
    const int64_t start = CacheStart(args, b);
    check.Require(start >= 0 && start <= check["Smax"] - check["S"],
                  "cache_start[", b, "] is ", start,
                  ", expected 0 to Smax - S = ", check["Smax"] - check["S"]);
  }
}

void CheckOverlaps(ArgumentChecker& check, const QkvArgs& args) {
  struct Named {
    std::string_view name;
    ConstTensor tensor;
  };
  const Named inputs[] = {
      {"input", args.input},
      {"fused_qkv_weights", args.fused_qkv_weights.plain()},
      {"bias", args.bias},
      {"mlp_prev", args.mlp_prev},
      {"attention_prev", args.attention_prev},
      {"gamma_norm_weights", args.gamma_norm_weights},
      {"cos_cache", args.cos_cache},
      {"sin_cache", args.sin_cache},
      {"qk_norm_pre_rope_q_gamma", args.qk_norm_pre_rope_q_gamma},
      {"qk_norm_pre_rope_k_gamma", args.qk_norm_pre_rope_k_gamma},
      {"qk_norm_post_rope_q_gamma", args.qk_norm_post_rope_q_gamma},
      {"qk_norm_post_rope_k_gamma", args.qk_norm_post_rope_k_gamma},
      {"cache_start", args.cache_start},
  };
  const Named outputs[] = {
      {"fused_hidden_out", args.fused_hidden_out},
      {"output", args.output},
      {"k_cache", args.k_cache},
      {"v_cache", args.v_cache},
  };
  for (const Named& output : outputs) {
    for (const Named& input : inputs) {
      if (output.name == "fused_hidden_out" && input.name == "input") {
        check.SameOrNoOverlap(output.name, output.tensor, input.name,
                              input.tensor);
      } else {
        check.NoOverlap(output.name, output.tensor, input.name, input.tensor);
      }
    }
  }
  check.NoOverlap("output", args.output, "fused_hidden_out",
                  args.fused_hidden_out);
  // K and V may be interleaved, so they are not held against each other.
  for (const Named& cache : {outputs[2], outputs[3]}) {
    check.NoOverlap(cache.name, cache.tensor, "output", args.output);
    check.NoOverlap(cache.name, cache.tensor, "fused_hidden_out",
                    args.fused_hidden_out);
  }
}

}  // namespace

Heads ResolveHeads(const QkvArgs& args) {
  const int64_t columns = args.fused_qkv_weights.cols();
  if (!HeadsKnown(args)) return {1, 0, columns};
  Heads heads = {*args.num_q_heads, *args.num_kv_heads, 0};
  heads.d = args.d_head.value_or(columns / heads.total());
  return heads;
}

int64_t CacheStart(const QkvArgs& args, int64_t b) {
  if (!args.cache_start.present()) return 0;
  return args.cache_start.dtype() == DType::kI32
             ? int64_t{*args.cache_start.At<int32_t>(b)}
             : *args.cache_start.At<int64_t>(b);
}

}  // namespace qkv_internal

absl::Status Validate(const QkvArgs& args) {
  ArgumentChecker check("qkv");
  check.Required("input", args.input, "B S H", kFloatTypes);
  check.Require(check["H"] >= 1, "input is ", args.input.shape(),
                ", expected H of at least 1");
  CheckMatrix(check, "fused_qkv_weights", args.fused_qkv_weights, "H I");
  check.Optional("bias", args.bias, "I | 1 I", kFloatTypes);
  CheckNorm(check,
            {.type = "fused_norm_type",
             .gamma = "gamma_norm_weights",
             .eps = "norm_eps"},
            {.type = args.fused_norm_type,
             .gamma = args.gamma_norm_weights,
             .eps = args.norm_eps,
             .gamma_offset = args.gamma_offset,
             .hidden_actual = args.hidden_actual});
  if (check.ok()) {
    qkv_internal::CheckHeads(check, args);
    qkv_internal::CheckResidual(check, args);
    qkv_internal::CheckRope(check, args);
    qkv_internal::CheckHeadNorms(check, args);
    qkv_internal::CheckOutput(check, args);
    qkv_internal::CheckCaches(check, args);
    qkv_internal::CheckOverlaps(check, args);
  }
  return check.status();
}

}  // namespace tilework
