// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/decoder.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/model.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/examples/generate/weight_format.h"
#include "tilework/kernels/attention/attention_cte.h"
#include "tilework/kernels/attention/attention_tkg.h"
#include "tilework/kernels/matmul/matmul.h"
#include "tilework/kernels/mlp/mlp.h"
#include "tilework/kernels/normalization/rmsnorm.h"
#include "tilework/kernels/output_projection/output_projection_cte.h"
#include "tilework/kernels/output_projection/output_projection_tkg.h"
#include "tilework/kernels/qkv/qkv.h"
#include "tilework/kernels/rope/rope_tables.h"

namespace tilework {
namespace {

template <typename... Parts>
absl::Status Error(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Activations are f32; beside weights of bf16 or fewer bits, products are of
// bf16, which is faster and loses less than the weights did.
constexpr F32Mode kF32Mode = F32Mode::kBf16;

// What the matrix that makes logits is multiplied with.
DType HeadInputType(const WeightFormat& format) {
  return format == DType::kF32 || format == DType::kF16 ? DType::kF32
                                                        : DType::kBF16;
}

}  // namespace

Decoder::Decoder(const Model& model, DType heads, int64_t capacity,
                 HostContext& context, int64_t chunk)
    : model_(model),
      heads_(heads),
      capacity_(capacity),
      chunk_(std::min(chunk, capacity)),
      start_(DType::kI32, {1}) {
  ABSL_CHECK_GE(capacity, 1);
  ABSL_CHECK_GE(chunk, 1);
  const ModelConfig& config = model.config();
  x_ = Buffer(DType::kF32, {1, chunk_, config.hidden});
  next_x_ = Buffer(DType::kF32, {1, chunk_, config.hidden});
  normed_ = Buffer(HeadInputType(model.format()), {chunk_, config.hidden});
  q_ = Buffer(heads, {1, chunk_, config.q_heads * config.head_dim});
  attended_ = Buffer(heads, {1, chunk_, config.q_heads, config.head_dim});
  rope_cos_ = Buffer(DType::kF32, {capacity, config.head_dim / 2});
  rope_sin_ = Buffer(DType::kF32, {capacity, config.head_dim / 2});
  // The configuration has been checked, so there is nothing to go wrong.
  ABSL_CHECK_OK(RopeTables({.cos = rope_cos_.view(),
                            .sin = rope_sin_.view(),
                            .freq_factors = model.rope_divisors(),
                            .rope_type = RopeType::kLinear,
                            .base = config.rope_base,
                            .rotary_dim = config.head_dim,
                            .factor = config.rope_factor},
                           context));
  const Dims cache = {1, config.kv_heads, capacity, config.head_dim};
  for (int64_t i = 0; i < config.layers; ++i) {
    caches_.push_back({Buffer(heads, cache), Buffer(heads, cache)});
  }
}

int64_t Decoder::StepBytes() const {
  const ModelConfig& config = model_.config();
  return model_.WeightBytes() + 2 * config.layers * config.kv_heads *
                                    config.head_dim * length_ *
                                    static_cast<int64_t>(SizeOf(heads_));
}

absl::Status Decoder::Check(absl::Span<const int32_t> tokens,
                            const Tensor& logits) const {
  const int64_t vocabulary = model_.config().vocabulary;
  const int64_t count = static_cast<int64_t>(tokens.size());
  if (tokens.empty()) return Error("there is no token to append");
  if (count > capacity_ - length_) {
    return Error("there is room for ", capacity_ - length_,
                 " more tokens, not for ", count);
  }
  for (const int32_t token : tokens) {
    if (token < 0 || token >= vocabulary) {
      return Error("token ", token, " is not one of the model's ", vocabulary);
    }
  }
  if (logits.dtype() != DType::kF32 ||
      (logits.shape() != Dims({1, vocabulary}) &&
       logits.shape() != Dims({count, vocabulary}))) {
    return Error("logits is ", ToString(logits), ", expected f32 [1 or ", count,
                 ", ", vocabulary, "]");
  }
  return absl::OkStatus();
}

absl::Status Decoder::Append(absl::Span<const int32_t> tokens,
                             const Tensor& logits, HostContext& context) {
  absl::Status status = Check(tokens, logits);
  const int64_t count = static_cast<int64_t>(tokens.size());
  for (int64_t first = 0; status.ok() && first < count; first += chunk_) {
    const int64_t size = std::min(chunk_, count - first);
    const auto chunk =
        tokens.subspan(static_cast<size_t>(first), static_cast<size_t>(size));
    Tensor rows;  // absent: no logits wanted
    if (logits.dim(0) == count) {
      rows = logits.Slice(0, first, size);
    } else if (first + size == count) {
      rows = logits;
    }
    status = AppendChunk(chunk, rows, context);
  }
  return status;
}

absl::Status Decoder::AppendChunk(absl::Span<const int32_t> tokens,
                                  const Tensor& logits, HostContext& context) {
  const int64_t count = static_cast<int64_t>(tokens.size());
  for (int64_t i = 0; i < count; ++i) {
    model_.Embed(tokens[static_cast<size_t>(i)],
                 x_.view().Select(0, 0).Slice(0, i, 1));
  }
  *start_.data<int32_t>() = static_cast<int32_t>(length_);
  absl::Status status;
  for (size_t i = 0; status.ok() && i < caches_.size(); ++i) {
    const LayerWeights& weights = model_.layers()[i];
    status = Attend(weights, caches_[i], count, context);
    if (status.ok()) status = FeedForward(weights, count, context);
  }
  if (status.ok()) length_ += count;
  if (status.ok() && logits.present()) status = Head(count, logits, context);
  return status;
}

// x = x + W_o attention
absl::Status Decoder::Attend(const LayerWeights& weights, Cache& cache,
                             int64_t tokens, HostContext& context) {
  const ModelConfig& config = model_.config();
  const Tensor x = x_.view().Slice(1, 0, tokens);
  const Tensor q = q_.view().Slice(1, 0, tokens);
  absl::Status status =
      Qkv({.input = x,
           .fused_qkv_weights = weights.qkv,
           .gamma_norm_weights = weights.attention_norm.view(),
           .cos_cache = rope_cos_.view().Slice(0, length_, tokens),
           .sin_cache = rope_sin_.view().Slice(0, length_, tokens),
           .output = q,
           .k_cache = cache.k.view(),
           .v_cache = cache.v.view(),
           .cache_start = start_.view(),
           .num_q_heads = config.q_heads,
           .num_kv_heads = config.kv_heads,
           .d_head = config.head_dim,
           .quantization_type = model_.format().type,
           .act_quant = ActQuant::kNone,
           .f32_mode = kF32Mode,
           .fused_norm_type = NormType::kRmsNorm,
           .norm_eps = config.norm_eps,
           .fused_rope = true},
          context);
  if (!status.ok()) return status;

  const Tensor attended = attended_.view().Slice(1, 0, tokens);
  const ConstTensor heads =
      q.Reshape({1, tokens, config.q_heads, config.head_dim})
          .Permute({0, 2, 1, 3});
  const Tensor out = attended.Permute({0, 2, 1, 3});
  const float scale =
      static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_dim)));
  if (tokens == 1) {
    status = AttentionTkg({.q = heads,
                           .k_prior = cache.k.view(),
                           .v_prior = cache.v.view(),
                           .cache_lens = start_.view(),
                           .out = out,
                           .scale = scale},
                          context);
    if (!status.ok()) return status;
    return OutputProjectionTkg({.attention = attended,
                                .weight = weights.output,
                                .residual = x,
                                .out = x,
                                .quantization_type = model_.format().type,
                                .act_quant = ActQuant::kNone},
                               context);
  }
  status = AttentionCte({.q = heads,
                         .k = cache.k.view().Slice(2, length_, tokens),
                         .v = cache.v.view().Slice(2, length_, tokens),
                         .k_prior = cache.k.view(),
                         .v_prior = cache.v.view(),
                         .prior_used_len = start_.view(),
                         .out = out,
                         .scale = scale,
                         .causal_mask = true},
                        context);
  if (!status.ok()) return status;
  return OutputProjectionCte({.attention = attended,
                              .weight = weights.output,
                              .residual = x,
                              .out = x,
                              .quantization_type = model_.format().type,
                              .act_quant = ActQuant::kNone},
                             context);
}

// x = x + MLP
absl::Status Decoder::FeedForward(const LayerWeights& weights, int64_t tokens,
                                  HostContext& context) {
  const Tensor x = x_.view().Slice(1, 0, tokens);
  const absl::Status status =
      Mlp({.hidden_tensor = x,
           .gate_proj_weights_tensor = weights.gate,
           .up_proj_weights_tensor = weights.up,
           .down_proj_weights_tensor = weights.down,
           .normalization_weights_tensor = weights.mlp_norm.view(),
           .residual = x,
           .out = next_x_.view().Slice(1, 0, tokens),
           .normalization_type = NormType::kRmsNorm,
           .eps = model_.config().norm_eps,
           .quantization_type = model_.format().type,
           .act_quant = ActQuant::kNone,
           .f32_mode = kF32Mode},
          context);
  std::swap(x_, next_x_);
  return status;
}

// Logits of the last rows of x.
absl::Status Decoder::Head(int64_t tokens, const Tensor& logits,
                           HostContext& context) {
  const int64_t rows = logits.dim(0);
  const Tensor x = x_.view().Select(0, 0).Slice(0, tokens - rows, rows);
  const Tensor normed = normed_.view().Slice(0, 0, rows);
  const absl::Status status = RmsNorm({.input = x,
                                       .gamma = model_.final_norm(),
                                       .output = normed,
                                       .eps = model_.config().norm_eps},
                                      context);
  if (!status.ok()) return status;
  return Matmul(
      {.a = normed, .b = model_.lm_head(), .out = logits, .f32_mode = kF32Mode},
      context);
}

}  // namespace tilework
