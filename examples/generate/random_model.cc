// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/random_model.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/random/philox.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/gguf_writer.h"
#include "tilework/examples/generate/model_config.h"

namespace tilework {
namespace {

// Adds random tensors, each from a stream of its own.
class RandomTensors {
 public:
  RandomTensors(uint64_t seed, GgufWriter& file) : seed_(seed), file_(file) {}

  // N(0, scale^2)
  void Normal(std::string_view name, const Dims& shape, double scale) {
    Add(name, shape, [scale](double a, double b) {
      const double radius = std::sqrt(-2.0 * std::log(1.0 - a));
      return scale * radius * std::cos(2.0 * std::numbers::pi * b);
    });
  }
  void Matrix(std::string_view name, int64_t rows, int64_t cols) {
    Normal(name, {rows, cols}, 1.0 / std::sqrt(static_cast<double>(cols)));
  }
  // U(0.5, 1.5)
  void NormWeight(std::string_view name, int64_t size) {
    Add(name, {size}, [](double a, double /*b*/) { return 0.5 + a; });
  }

 private:
  // Elements f(a, b) of numbers a and b in [0, 1).
  template <typename F>
  void Add(std::string_view name, const Dims& shape, const F& f) {
    std::string bytes;
    for (int64_t i = 0; i < shape.Product(); ++i) {
      const PhiloxBlock words =
          Philox(seed_, stream_, static_cast<uint64_t>(i));
      bytes += GgufBytes(
          static_cast<float>(f(static_cast<double>(words[0]) * 0x1p-32,
                               static_cast<double>(words[1]) * 0x1p-32)));
    }
    file_.AddTensor(name, GgufType::kF32, shape, bytes);
    ++stream_;
  }

  uint64_t seed_;
  uint64_t stream_ = 0;
  GgufWriter& file_;
};

// A byte-level vocabulary without merges.
void AddTokenizer(GgufWriter& file) {
  std::vector<std::string> tokens(256);
  std::vector<int32_t> kinds(257, 1);
  // Bytes that are not printable in Latin-1 are written as U+0100 onward.
  uint32_t next = 0x100;
  for (uint32_t b = 0; b < 256; ++b) {
    const bool itself = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD);
    AppendUtf8(itself ? b : next++, tokens[b]);
  }
  tokens.push_back("<|endoftext|>");
  kinds[256] = 3;  // control
  file.Add("tokenizer.ggml.model", "gpt2");
  file.Add("tokenizer.ggml.pre", "gpt-2");
  file.Add("tokenizer.ggml.tokens", absl::Span<const std::string>(tokens));
  file.Add("tokenizer.ggml.token_type", absl::Span<const int32_t>(kinds));
  file.Add("tokenizer.ggml.merges", absl::Span<const std::string>());
  file.Add("tokenizer.ggml.eos_token_id", uint32_t{256});
}

}  // namespace

ModelConfig TinyConfig() {
  return {.layers = 2,
          .hidden = 96,
          .q_heads = 6,
          .kv_heads = 2,
          .head_dim = 16,
          .intermediate = 250,
          .vocabulary = 257,
          .context = 2048,
          .norm_eps = 1e-5f,
          .rope_base = 10000};
}

void AddModelMetadata(const ModelConfig& config, GgufWriter& file) {
  const auto add = [&file](std::string_view name, int64_t value) {
    file.Add(absl::StrCat("llama.", name), static_cast<uint32_t>(value));
  };
  file.Add("general.architecture", "llama");
  add("block_count", config.layers);
  add("context_length", config.context);
  add("embedding_length", config.hidden);
  add("feed_forward_length", config.intermediate);
  add("vocab_size", config.vocabulary);
  add("attention.head_count", config.q_heads);
  add("attention.head_count_kv", config.kv_heads);
  add("attention.key_length", config.head_dim);
  add("attention.value_length", config.head_dim);
  add("rope.dimension_count", config.head_dim);
  file.Add("llama.attention.layer_norm_rms_epsilon", config.norm_eps);
  file.Add("llama.rope.freq_base", static_cast<float>(config.rope_base));
  AddTokenizer(file);
}

void AddRandomWeights(const ModelConfig& config, uint64_t seed,
                      GgufWriter& file) {
  RandomTensors tensors(seed, file);
  const int64_t q_rows = config.q_heads * config.head_dim;
  const int64_t kv_rows = config.kv_heads * config.head_dim;
  tensors.Normal("token_embd.weight", {config.vocabulary, config.hidden}, 1);
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = absl::StrCat("blk.", i, ".");
    tensors.NormWeight(layer + "attn_norm.weight", config.hidden);
    tensors.Matrix(layer + "attn_q.weight", q_rows, config.hidden);
    tensors.Matrix(layer + "attn_k.weight", kv_rows, config.hidden);
    tensors.Matrix(layer + "attn_v.weight", kv_rows, config.hidden);
    tensors.Matrix(layer + "attn_output.weight", config.hidden, q_rows);
    tensors.NormWeight(layer + "ffn_norm.weight", config.hidden);
    tensors.Matrix(layer + "ffn_gate.weight", config.intermediate,
                   config.hidden);
    tensors.Matrix(layer + "ffn_up.weight", config.intermediate, config.hidden);
    tensors.Matrix(layer + "ffn_down.weight", config.hidden,
                   config.intermediate);
  }
  tensors.NormWeight("output_norm.weight", config.hidden);
}

std::string RandomModelFile(const ModelConfig& config, uint64_t seed) {
  GgufWriter file;
  AddModelMetadata(config, file);
  AddRandomWeights(config, seed, file);
  return file.Finish();
}

}  // namespace tilework
