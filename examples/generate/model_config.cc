// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/model_config.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/gguf.h"

namespace tilework {
namespace {

constexpr std::string_view kArchitecture = "llama";

// Reads keys "llama.<name>". After the first fault `status` says what it was,
// and all functions return fallbacks.
class ConfigReader {
 public:
  explicit ConfigReader(const GgufFile& file) : file_(file) {}

  const absl::Status& status() const { return status_; }

  template <typename... Parts>
  void Require(bool condition, const Parts&... parts) {
    if (!condition && status_.ok()) {
      status_ = absl::InvalidArgumentError(absl::StrCat(parts...));
    }
  }

  // A size from 1 to 2^31 - 1, so that products of two are exact.
  int64_t Size(std::string_view name, std::optional<int64_t> fallback = {}) {
    const int64_t value = Get<int64_t>(name, fallback);
    Require(value >= 1 && value <= std::numeric_limits<int32_t>::max(),
            Key(name), " is ", value, ", expected 1 to 2147483647");
    return status_.ok() ? value : 1;
  }
  double Number(std::string_view name, std::optional<double> fallback = {}) {
    const double value = Get<double>(name, fallback);
    Require(std::isfinite(value), Key(name), " is ", value);
    return value;
  }
  std::string_view Text(std::string_view name, std::string_view fallback) {
    return Get<std::string_view>(name, fallback);
  }

  static std::string Key(std::string_view name) {
    return absl::StrCat(kArchitecture, ".", name);
  }

 private:
  template <typename T>
  T Get(std::string_view name, std::optional<T> fallback) {
    const absl::StatusOr<T> value = fallback.has_value()
                                        ? file_.GetOr<T>(Key(name), *fallback)
                                        : file_.Get<T>(Key(name));
    status_.Update(value.status());
    return value.value_or(T{});
  }

  const GgufFile& file_;
  absl::Status status_;
};

absl::Status CheckArchitecture(const GgufFile& file) {
  const absl::StatusOr<std::string_view> architecture =
      file.Get<std::string_view>("general.architecture");
  if (!architecture.ok()) return architecture.status();
  if (*architecture == kArchitecture) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("architecture ", QuoteForMessage(*architecture),
                   " is not supported (only llama is)"));
}

// Some files have only the number of tokens, some only the size.
int64_t Vocabulary(const GgufFile& file) {
  const auto tokens =
      file.Get<std::vector<std::string_view>>("tokenizer.ggml.tokens");
  return tokens.ok() ? static_cast<int64_t>(tokens->size()) : 0;
}

void ReadHeads(ConfigReader& reader, ModelConfig& config) {
  config.q_heads = reader.Size("attention.head_count");
  config.kv_heads = reader.Size("attention.head_count_kv", config.q_heads);
  reader.Require(config.q_heads % config.kv_heads == 0,
                 "llama.attention.head_count is ", config.q_heads,
                 ", not a multiple of llama.attention.head_count_kv, ",
                 config.kv_heads);
  config.head_dim =
      reader.Size("attention.key_length", config.hidden / config.q_heads);
  reader.Require(config.head_dim % 2 == 0, "the head dimension is ",
                 config.head_dim, ", expected an even number");
  for (const std::string_view name :
       {"attention.value_length", "rope.dimension_count"}) {
    const int64_t size = reader.Size(name, config.head_dim);
    reader.Require(size == config.head_dim, ConfigReader::Key(name), " is ",
                   size, ", but only the head dimension, ", config.head_dim,
                   ", is supported");
  }
}

void ReadRope(ConfigReader& reader, ModelConfig& config) {
  config.rope_base = reader.Number("rope.freq_base", 10000.0);
  reader.Require(config.rope_base > 1, "llama.rope.freq_base is ",
                 config.rope_base, ", expected more than 1");
  const std::string_view scaling = reader.Text("rope.scaling.type", "none");
  reader.Require(scaling == "none" || scaling == "linear", "RoPE scaling ",
                 QuoteForMessage(scaling),
                 " is not supported (only none and linear are)");
  if (scaling == "linear") {
    config.rope_factor = reader.Number("rope.scaling.factor");
    reader.Require(config.rope_factor >= 1, "llama.rope.scaling.factor is ",
                   config.rope_factor, ", expected 1 or more");
  }
}

}  // namespace

absl::StatusOr<ModelConfig> ReadModelConfig(const GgufFile& file) {
  const absl::Status known = CheckArchitecture(file);
  if (!known.ok()) return known;
  ConfigReader reader(file);
  reader.Require(file.GetOr<int64_t>("llama.expert_count", 0).value_or(1) == 0,
                 "mixture-of-experts models are not supported");
  ModelConfig config;
  config.layers = reader.Size("block_count");
  config.hidden = reader.Size("embedding_length");
  config.intermediate = reader.Size("feed_forward_length");
  config.context = reader.Size("context_length");
  config.vocabulary = reader.Size("vocab_size", Vocabulary(file));
  config.norm_eps =
      static_cast<float>(reader.Number("attention.layer_norm_rms_epsilon"));
  reader.Require(config.norm_eps >= 0,
                 "llama.attention.layer_norm_rms_epsilon is ", config.norm_eps,
                 ", expected 0 or more");
  ReadHeads(reader, config);
  ReadRope(reader, config);
  if (!reader.status().ok()) return reader.status();
  return config;
}

}  // namespace tilework
