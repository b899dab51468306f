// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/qkv/qkv.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/quantize/scale_values.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace qkv_internal {
namespace {

constexpr Enumerator kLayouts[] = {{0, "BSD"}, {1, "NBSd"}, {2, "NBdS"}};
constexpr Enumerator kHeadNorms[] = {
    {0, "NO_NORM"}, {1, "RMS_NORM"}, {2, "LAYER_NORM"}};
constexpr DType kFloat8Types[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                                  DType::kF8E5M2};
constexpr DType kCacheTypes[] = {DType::kF32,        DType::kBF16,
                                 DType::kF16,        DType::kF8E4M3,
                                 DType::kF8E4M3_240, DType::kF8E5M2};
// Products of these fit in 64 bits.
constexpr int64_t kMaxHeads = int64_t{1} << 20;
constexpr int64_t kMaxHeadSize = int64_t{1} << 20;

bool HeadsKnown(const QkvArgs& args) {
  return args.num_q_heads.has_value() && args.num_kv_heads.has_value();
}

// 1 where the heads are unknown or none, so that one can divide by it.
int64_t TotalHeads(const QkvArgs& args) {
  if (!HeadsKnown(args)) return 1;
  return std::max<int64_t>(1, *args.num_q_heads + 2 * *args.num_kv_heads);
}

bool IsStatic(const QkvArgs& args) {
  return args.quantization_type == QuantizationType::kStatic ||
         args.quantization_type == QuantizationType::kStaticMx;
}

ActQuant ResolvedActQuant(const QkvArgs& args) {
  return ResolveActQuant(args.quantization_type, args.act_quant,
                         ActQuant::kNone);
}

// What needs to know the heads; empty if nothing does.
std::string_view HeadsNeededBy(const QkvArgs& args) {
  if (args.output_layout != QkvOutputLayout::kBSD) return "output_layout";
  if (args.fused_rope) return "fused_rope";
  if (args.qk_norm_pre_rope.has_value()) return "qk_norm_pre_rope";
  if (args.qk_norm_post_rope.has_value()) return "qk_norm_post_rope";
  if (args.q_squared_sum_out.present() || args.k_squared_sum_out.present() ||
      args.v_squared_sum_out.present()) {
    return "the squared sums";
  }
  if (IsStatic(args)) return "quantization_type STATIC";
  return "";
}

void DeclareHeads(const QkvArgs& args, SchemaVisitor& v) {
  constexpr std::string_view kNoHeads = "num_q_heads is not given";
  v.Attribute("num_q_heads", args.num_q_heads,
              {.domain = Domain::Between(0, kMaxHeads),
               .absent = "unknown",
               .symbol = "Hq",
               .help = "query heads"});
  v.Attribute(
      "num_kv_heads", args.num_kv_heads,
      {.domain = Domain::Between(0, kMaxHeads),
       .presence = RequiredUnless(!args.num_q_heads.has_value(), kNoHeads),
       .absent = "unknown",
       .symbol = "Hkv",
       .help = "key heads, and value heads"});
  v.Rule("num_q_heads + num_kv_heads >= 1", [&](ArgumentChecker& check) {
    check.Require(!HeadsKnown(args) || v["Hq"] + v["Hkv"] >= 1,
                  "num_q_heads and num_kv_heads are 0, expected at least one "
                  "head");
  });
  v.Rule(
      "num_q_heads is given with fused_rope, qk_norm_pre_rope, "
      "qk_norm_post_rope, quantization_type STATIC or STATIC_MX, or an "
      "output_layout but BSD",
      [&](ArgumentChecker& check) {
        const std::string_view needed_by = HeadsNeededBy(args);
        check.Require(HeadsKnown(args) || needed_by.empty(),
                      "num_q_heads and num_kv_heads are missing, needed by ",
                      needed_by);
      });
  v.Attribute(
      "d_head", args.d_head,
      {.domain = Domain::Between(1, kMaxHeadSize),
       .presence = OptionalUnless(!args.num_q_heads.has_value(), kNoHeads),
       .absent = "I / (Hq + 2 Hkv)",
       .symbol = "D",
       .help = "elements of a head"});
  v.Bind("heads", "Hq + 2 Hkv, or 1 if unknown",
         [&] { return TotalHeads(args); });
  v.Multiple("I", "heads");
  // So that whoever makes up arguments knows I before it is drawn.
  if (args.d_head.has_value()) {
    v.Bind("I", "heads * d_head",
           [&] { return v["heads"] * args.d_head.value_or(0); });
  }
}

// After input and its weight.
void DeclareQuantization(const QkvArgs& args, SchemaVisitor& v) {
  const bool codes = IsFloat8(args.input.dtype());
  DeclareActQuant({.act_quant = args.act_quant,
                   .type = args.quantization_type,
                   .row_default = ActQuant::kNone,
                   .x_name = "input",
                   .x = args.input},
                  v);
  DeclareStaticScale(
      "qkv_in_scale", args.qkv_in_scale,
      codes ? IsStatic(args) : ResolvedActQuant(args) == ActQuant::kStatic, v);
  DeclareCodeScales({.name = "input_scale",
                     .scale = args.input_scale,
                     .type = args.quantization_type,
                     .x = args.input,
                     .rows = "B S",
                     .mx_blocks = "B S H/32",
                     .blocks = "B S H/128",
                     .scale_of_none = true},
                    v);
  DeclareScaleMode(args.scale_mode, v);
  DeclareF32Mode(args.f32_mode, v);
  v.Rule("an input of codes has no residual and no norm",
         [&](ArgumentChecker& check) {
           check.Require(!codes || !args.fused_residual_add,
                         "fused_residual_add is true but input has dtype ",
                         Name(args.input.dtype()));
           check.Require(!codes || args.fused_norm_type == NormType::kNoNorm,
                         "fused_norm_type is given but input has dtype ",
                         Name(args.input.dtype()), ", expected NO_NORM");
         });
}

void DeclareResidual(const QkvArgs& args, SchemaVisitor& v) {
  constexpr std::string_view kReason = "fused_residual_add is false";
  v.Attribute("fused_residual_add", args.fused_residual_add,
              {.help = "adds mlp_prev and attention_prev to input"});
  v.Input("mlp_prev", args.mlp_prev,
          {.shape = "B S H",
           .dtypes = kFloatTypes,
           .presence = OptionalUnless(!args.fused_residual_add, kReason),
           .help = "added first"});
  v.Input("attention_prev", args.attention_prev,
          {.shape = "B S H",
           .dtypes = kFloatTypes,
           .presence = RequiredUnless(!args.fused_residual_add, kReason),
           .help = "added second"});
  v.Output("fused_hidden_out", args.fused_hidden_out,
           {.shape = "B S H",
            .dtypes = kFloatTypes,
            .presence = OptionalUnless(!args.fused_residual_add, kReason),
            .may_be = {"input"},
            .help = "h, the sum before the norm"});
}

void DeclareTable(std::string_view name, const ConstTensor& table,
                  bool fused_rope, std::string_view help, SchemaVisitor& v) {
  v.Input(name, table,
          {.shape = "S W | 1 S W | B S W",
           .dtypes = kFloatTypes,
           .presence = RequiredUnless(!fused_rope, "fused_rope is false"),
           .values = {.domain = Domain::Between(-1, 1)},
           .help = help});
}

void DeclareRope(const QkvArgs& args, SchemaVisitor& v) {
  v.Attribute("fused_rope", args.fused_rope,
              {.help = "rotates the query and key heads"});
  v.Attribute("rope_contiguous_layout", args.rope_contiguous_layout,
              {.help = "pairs (i, i + R / 2) instead of (2 i, 2 i + 1)"});
  v.Attribute("rotary_dim", args.rotary_dim,
              {.domain = Domain::EvenBetween(2, {v["D"], "D"}),
               .absent = "D",
               .help = "elements of a head that are rotated"});
  v.Bind("R", "rotary_dim", [&] { return args.rotary_dim.value_or(v["D"]); });
  v.Rule("R is even with fused_rope", [&](ArgumentChecker& check) {
    check.Require(!args.fused_rope || v["R"] % 2 == 0, "rotary_dim is ", v["R"],
                  ", expected an even number");
  });
  v.Attribute("rotary_offset", args.rotary_offset,
              {.domain = Domain::Between(0, {v["D"] - v["R"], "D - R"}),
               .help = "the first of them"});
  v.Symbol("W", Domain::Either({v["R"], "R"}, {v["R"] / 2, "R / 2"}));
  DeclareTable("cos_cache", args.cos_cache, args.fused_rope,
               "cosines, one an element or one a pair", v);
  DeclareTable("sin_cache", args.sin_cache, args.fused_rope,
               "sines, as wide as cos_cache", v);
}

struct HeadNormNames {
  std::string_view group, q_norm, k_norm, eps, q_gamma, k_gamma, q_beta, k_beta;
};
struct HeadNormTensors {
  const ConstTensor& q_gamma;
  const ConstTensor& k_gamma;
  const ConstTensor& q_beta;
  const ConstTensor& k_beta;
};

void DeclareHeadVector(std::string_view name, const ConstTensor& vector,
                       bool used, std::string_view unless,
                       std::string_view help, SchemaVisitor& v) {
  v.Input(name, vector,
          {.shape = "D | 1 D",
           .dtypes = kFloatTypes,
           .presence = OptionalUnless(!used, unless),
           .help = help});
}

void DeclareHeadNorm(const HeadNormNames& names,
                     const std::optional<QkNormConfig>& config,
                     const HeadNormTensors& tensors, SchemaVisitor& v) {
  v.Group<QkNormConfig>(
      names.group, config, "normalizes the query and key heads",
      [&](const QkNormConfig& norm) {
        v.Attribute(names.q_norm, norm.q_norm,
                    {.domain = Domain::OneOf(kHeadNorms),
                     .help = "of the query heads"});
        v.Attribute(
            names.k_norm, norm.k_norm,
            {.domain = Domain::OneOf(kHeadNorms), .help = "of the key heads"});
        v.Attribute(names.eps, norm.eps,
                    {.domain = Domain::FiniteAtLeast(0),
                     .help = "added to the mean of the squares"});
      });
  const QkNormConfig none = {NormType::kNoNorm, NormType::kNoNorm};
  const QkNormConfig& norm = config.has_value() ? *config : none;
  constexpr std::string_view kNotNormalized = "its heads are not normalized";
  constexpr std::string_view kNoLayerNorm = "its heads have no LAYER_NORM";
  constexpr std::string_view kGammaHelp =
      "weight of the heads; factor 1 if absent";
  constexpr std::string_view kBetaHelp = "added to the heads";
  DeclareHeadVector(names.q_gamma, tensors.q_gamma,
                    norm.q_norm != NormType::kNoNorm, kNotNormalized,
                    kGammaHelp, v);
  DeclareHeadVector(names.k_gamma, tensors.k_gamma,
                    norm.k_norm != NormType::kNoNorm, kNotNormalized,
                    kGammaHelp, v);
  DeclareHeadVector(names.q_beta, tensors.q_beta,
                    norm.q_norm == NormType::kLayerNorm, kNoLayerNorm,
                    kBetaHelp, v);
  DeclareHeadVector(names.k_beta, tensors.k_beta,
                    norm.k_norm == NormType::kLayerNorm, kNoLayerNorm,
                    kBetaHelp, v);
}

void DeclareHeadNorms(const QkvArgs& args, SchemaVisitor& v) {
  DeclareHeadNorm({.group = "qk_norm_pre_rope",
                   .q_norm = "qk_norm_pre_rope_q_norm",
                   .k_norm = "qk_norm_pre_rope_k_norm",
                   .eps = "qk_norm_pre_rope_eps",
                   .q_gamma = "qk_norm_pre_rope_q_gamma",
                   .k_gamma = "qk_norm_pre_rope_k_gamma",
                   .q_beta = "qk_norm_pre_rope_q_beta",
                   .k_beta = "qk_norm_pre_rope_k_beta"},
                  args.qk_norm_pre_rope,
                  {.q_gamma = args.qk_norm_pre_rope_q_gamma,
                   .k_gamma = args.qk_norm_pre_rope_k_gamma,
                   .q_beta = args.qk_norm_pre_rope_q_beta,
                   .k_beta = args.qk_norm_pre_rope_k_beta},
                  v);
  DeclareHeadNorm({.group = "qk_norm_post_rope",
                   .q_norm = "qk_norm_post_rope_q_norm",
                   .k_norm = "qk_norm_post_rope_k_norm",
                   .eps = "qk_norm_post_rope_eps",
                   .q_gamma = "qk_norm_post_rope_q_gamma",
                   .k_gamma = "qk_norm_post_rope_k_gamma",
                   .q_beta = "qk_norm_post_rope_q_beta",
                   .k_beta = "qk_norm_post_rope_k_beta"},
                  args.qk_norm_post_rope,
                  {.q_gamma = args.qk_norm_post_rope_q_gamma,
                   .k_gamma = args.qk_norm_post_rope_k_gamma,
                   .q_beta = args.qk_norm_post_rope_q_beta,
                   .k_beta = args.qk_norm_post_rope_k_beta},
                  v);
}

void DeclareCacheScale(std::string_view name, const ConstTensor& scale,
                       const QkvArgs& args, SchemaVisitor& v) {
  v.Input(name, scale,
          {.shape = "1* | Hkv | Hkv D",
           .dtypes = kF32Only,
           .presence = RequiredUnless(!IsFloat8(args.v_cache.dtype()),
                                      "the caches are not of 8 bits"),
           .values = kScaleValues,
           .help = "the scale of codes in the cache"});
}

void DeclareSlots(const QkvArgs& args, SchemaVisitor& v) {
  constexpr std::string_view kNoCache = "v_cache is not given";
  constexpr std::string_view kPaged = "the caches are paged";
  const bool paged = IsPaged(args);
  v.Input("cache_start", args.cache_start,
          {.shape = "B",
           .dtypes = kIndexTypes,
           .presence = OptionalUnless(!args.v_cache.present() || paged,
                                      paged ? kPaged : kNoCache),
           .values = {.domain =
                          Domain::Between(0, {v["Smax"] - v["S"], "Smax - S"}),
                      .checked = true},
           .help = "the first slot of each batch's tokens; 0 if absent"});
  constexpr int64_t kLeast = -(int64_t{1} << 31);
  v.Bind("B*S", "B * S", [&] { return v["B"] * v["S"]; });
  const bool needed = args.use_block_kv.value_or(false) || args.fp8_packed;
  const bool unwanted =
      !args.v_cache.present() || !args.use_block_kv.value_or(true);
  v.Input("slot_mapping", args.slot_mapping,
          {.shape = "B S | B*S",
           .dtypes = kIndexTypes,
           .presence =
               unwanted
                   ? OptionalUnless(true, args.v_cache.present()
                                              ? "use_block_kv is false"
                                              : kNoCache)
                   : OptionalOrIf(needed, "use_block_kv or fp8_packed is true"),
           .values = {.domain = Domain::Between(
                          kLeast, {v["NB"] * v["bs"] - 1, "NB * bs - 1"}),
                      .checked = true},
           .help = "the slot of each token in paged caches; not stored if "
                   "below 0"});
}

void DeclareCaches(const QkvArgs& args, SchemaVisitor& v) {
  constexpr std::string_view kNoCache = "v_cache is not given";
  v.Attribute("use_block_kv", args.use_block_kv,
              {.absent = "whether slot_mapping is given",
               .help = "whether the caches are paged"});
  v.Attribute("fp8_packed", args.fp8_packed,
              {.help = "k_cache has pairs of positions"});
  v.Rule("fp8_packed needs paged caches", [&](ArgumentChecker& check) {
    check.Require(!args.fp8_packed || args.use_block_kv.value_or(true),
                  "fp8_packed is true but use_block_kv is false");
  });
  const bool paged = IsPaged(args);
  v.NotLess("Bc", "B");
  v.NotLess("Smax", "S");
  constexpr int64_t kMostPositions = int64_t{1} << 30;
  if (args.fp8_packed) v.Symbol("bs", Domain::EvenBetween(2, kMostPositions));
  const DTypes types =
      args.fp8_packed
          ? DTypes(absl::MakeConstSpan(kFloat8Types), "fp8 with fp8_packed")
          : DTypes(absl::MakeConstSpan(kCacheTypes), "");
  v.InOut("v_cache", args.v_cache,
          {.shape = {{"Bc Hkv Smax D", "flat", !paged},
                     {"NB Hkv bs D", "paged", paged}},
           .dtypes = types,
           .presence =
               OptionalUnless(!HeadsKnown(args), "num_q_heads is not given"),
           .help = "takes the value heads"});
  v.Bind("bs/2", "bs / 2", [&] { return v["bs"] / 2; });
  v.InOut("k_cache", args.k_cache,
          {.shape = {{"NB Hkv bs/2 D 2", "fp8_packed", args.fp8_packed},
                     {"Bc Hkv Smax D", "flat", !paged},
                     {"NB Hkv bs D", "paged", paged}},
           .dtypes = SameAs(args.v_cache, "as v_cache"),
           .presence = RequiredUnless(!args.v_cache.present(), kNoCache),
           .help = "takes the key heads"});
  v.Attribute("block_size", args.block_size,
              {.domain = Domain::Between({v["bs"], "bs"}, {v["bs"], "bs"}),
               .presence = OptionalUnless(!paged, "the caches are not paged"),
               .absent = "bs",
               .help = "positions of a block"});
  DeclareSlots(args, v);
  DeclareCacheScale("k_scale", args.k_scale, args, v);
  DeclareCacheScale("v_scale", args.v_scale, args, v);
  v.Attribute("fp8_max", args.fp8_max,
              {.absent = "the caches' largest number",
               .help = "limit of codes of 8 bits"});
  v.Attribute("fp8_min", args.fp8_min,
              {.absent = "-fp8_max", .help = "limit of codes of 8 bits"});
  v.Rule("fp8_min <= fp8_max", [&](ArgumentChecker& check) {
    const Limits limits = CacheLimits(args);
    check.Require(limits.low <= limits.high, "fp8_min is ", limits.low,
                  ", expected at most fp8_max = ", limits.high);
  });
}

void DeclareSquaredSum(std::string_view name, const Tensor& sums,
                       const QkvArgs& args, SchemaVisitor& v) {
  v.Output(name, sums,
           {.shape = "B S | B S 1",
            .dtypes = kF32Only,
            .presence =
                OptionalUnless(!HeadsKnown(args), "num_q_heads is not given"),
            .help = "the sum of the squares of all columns"});
}

void DeclareSquaredSums(const QkvArgs& args, SchemaVisitor& v) {
  DeclareSquaredSum("q_squared_sum_out", args.q_squared_sum_out, args, v);
  DeclareSquaredSum("k_squared_sum_out", args.k_squared_sum_out, args, v);
  DeclareSquaredSum("v_squared_sum_out", args.v_squared_sum_out, args, v);
}

void DeclareOutput(const QkvArgs& args, SchemaVisitor& v) {
  v.Attribute("output_layout", args.output_layout,
              {.domain = Domain::OneOf(kLayouts), .help = "of output"});
  v.Bind("N", "Hq if there are caches, else heads",
         [&] { return args.v_cache.present() ? v["Hq"] : v["heads"]; });
  v.Bind("N*D", "N * D", [&] { return v["N"] * v["D"]; });
  const QkvOutputLayout layout = args.output_layout;
  DeclareOutputDType(args.output_dtype, v);
  v.Output("output", args.output,
           {.shape = {{"B S N*D", "output_layout = BSD",
                       layout == QkvOutputLayout::kBSD},
                      {"N B S D", "output_layout = NBSd",
                       layout == QkvOutputLayout::kNBSd},
                      {"N B D S", "output_layout = NBdS",
                       layout == QkvOutputLayout::kNBdS}},
            .dtypes = OutputTypes(args.output_dtype),
            .presence = RequiredUnless(v["N"] == 0, "there is no head for it"),
            .help = "all heads, or with caches the query heads"});
}

}  // namespace

Heads ResolveHeads(const QkvArgs& args) {
  const int64_t columns = args.fused_qkv_weights.cols();
  if (!HeadsKnown(args)) return {1, 0, columns};
  Heads heads = {*args.num_q_heads, *args.num_kv_heads, 0};
  heads.d = args.d_head.value_or(columns / heads.total());
  return heads;
}

OperandArgs OperandOf(const QkvArgs& args) {
  OperandArgs operand = {.x = args.input,
                         .add = {args.mlp_prev, args.attention_prev},
                         .sum = args.fused_hidden_out,
                         .norm = {.type = args.fused_norm_type,
                                  .gamma = args.gamma_norm_weights,
                                  .beta = args.layer_norm_bias,
                                  .eps = args.norm_eps,
                                  .gamma_offset = args.gamma_offset,
                                  .hidden_actual = args.hidden_actual}};
  if (IsFloat(args.input.dtype())) {
    const ActQuant type = ResolvedActQuant(args);
    operand.quantize = {
        .type = type,
        .code = ActivationCode(type, args.fused_qkv_weights.dtype()),
        .in_scale = args.qkv_in_scale,
        .scale_mode = args.scale_mode};
    operand.compute =
        ComputeType(args.input, args.fused_qkv_weights, args.f32_mode);
  } else {
    operand.x_scheme = ActivationSchemeOf(args.quantization_type);
    operand.x_scale = IsStatic(args) ? args.qkv_in_scale : args.input_scale;
  }
  return operand;
}

MatrixOperand WeightOf(const QkvArgs& args) {
  return WithScheme(args.fused_qkv_weights, args.quantization_type);
}

bool IsPaged(const QkvArgs& args) {
  return args.fp8_packed ||
         args.use_block_kv.value_or(args.slot_mapping.present());
}

Limits CacheLimits(const QkvArgs& args) {
  const float largest =
      args.v_cache.dtype() == DType::kF8E5M2       ? Float8E5M2::kMax
      : args.v_cache.dtype() == DType::kF8E4M3_240 ? Float8E4M3_240::kMax
                                                   : Float8E4M3::kMax;
  return {.low = args.fp8_min.value_or(-args.fp8_max.value_or(largest)),
          .high = args.fp8_max.value_or(largest)};
}

int64_t SlotOf(const QkvArgs& args, int64_t b, int64_t s) {
  const auto at = [](const ConstTensor& indices, auto... index) {
    return indices.dtype() == DType::kI32
               ? int64_t{*indices.At<int32_t>(index...)}
               : *indices.At<int64_t>(index...);
  };
  const ConstTensor& slots = args.slot_mapping;
  if (slots.present()) {
    return slots.rank() == 2 ? at(slots, b, s)
                             : at(slots, b * args.input.dim(1) + s);
  }
  const int64_t start =
      args.cache_start.present() ? at(args.cache_start, b) : 0;
  return b * args.v_cache.dim(2) + start + s;
}

}  // namespace qkv_internal

void Declare(const QkvArgs& args, SchemaVisitor& v) {
  v.Kernel({.name = "qkv",
            .summary = "Opens an attention layer: residual sum, norm, the "
                       "fused projection to heads, their norms and rotation, "
                       "and the KV cache",
            .rows = "B"});
  v.Symbol("H", Domain::AtLeast(1));
  v.Symbol("I", Domain::AtLeast(1));
  DeclareQuantizationType(args.quantization_type, v);
  v.Input("input", args.input,
          {.shape = "B S H",
           .dtypes = ActivationTypes(args.quantization_type,
                                     /*codes_of_none=*/true),
           .help = "the tokens"});
  qkv_internal::DeclareHeads(args, v);
  DeclareWeight({.name = "fused_qkv_weights",
                 .weight = args.fused_qkv_weights,
                 .scale_name = "qkv_w_scale",
                 .symbols = kWeightSymbols<"H", "I">,
                 .type = args.quantization_type,
                 .segments = true,
                 .help = "the query heads, the key heads, the value heads; may "
                         "be packed"},
                v);
  qkv_internal::DeclareQuantization(args, v);
  v.Bind("D", "I / heads", [&] { return v["I"] / v["heads"]; });
  v.Input("bias", args.bias,
          {.shape = "I | 1 I",
           .dtypes = kFloatTypes,
           .presence = Optional(),
           .help = "added to the product"});
  DeclareNorm({.type_name = "fused_norm_type",
               .type = args.fused_norm_type,
               .gamma_name = "gamma_norm_weights",
               .gamma = args.gamma_norm_weights,
               .no_gamma = "fused_norm_type is neither RMS_NORM nor LAYER_NORM",
               .beta_name = "layer_norm_bias",
               .beta = &args.layer_norm_bias,
               .no_beta = "fused_norm_type is not LAYER_NORM",
               .eps_name = "norm_eps",
               .eps = args.norm_eps,
               .gamma_offset = args.gamma_offset,
               .hidden_actual = args.hidden_actual},
              v);
  qkv_internal::DeclareResidual(args, v);
  qkv_internal::DeclareRope(args, v);
  qkv_internal::DeclareHeadNorms(args, v);
  qkv_internal::DeclareCaches(args, v);
  qkv_internal::DeclareSquaredSums(args, v);
  qkv_internal::DeclareOutput(args, v);
}

absl::Status Validate(const QkvArgs& args) { return CheckArguments(args); }

}  // namespace tilework
