// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/model_config.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/gguf_writer.h"

namespace tilework {
namespace {

// Metadata whose keys a test may change.
class Metadata {
 public:
  Metadata() {
    Set("general.architecture", "llama");
    Set("llama.block_count", uint32_t{3});
    Set("llama.context_length", uint32_t{100});
    Set("llama.embedding_length", uint32_t{24});
    Set("llama.feed_forward_length", uint32_t{40});
    Set("llama.vocab_size", uint32_t{50});
    Set("llama.attention.head_count", uint32_t{6});
    Set("llama.attention.head_count_kv", uint32_t{2});
    Set("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    Set("llama.rope.freq_base", 5000.0f);
  }

  template <typename T>
  Metadata& Set(const std::string& key, const T& value) {
    adders_[key] = [key, value](GgufWriter& writer) { writer.Add(key, value); };
    return *this;
  }
  Metadata& Remove(const std::string& key) {
    adders_.erase(key);
    return *this;
  }

  absl::StatusOr<ModelConfig> Read() const {
    GgufWriter writer;
    for (const auto& [key, add] : adders_) add(writer);
    const std::string bytes = writer.Finish();
    const absl::StatusOr<GgufFile> file = GgufFile::Parse(
        {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
    if (!file.ok()) return file.status();
    return ReadModelConfig(*file);
  }
  std::string Error() const {
    const absl::Status status = Read().status();
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }

 private:
  std::map<std::string, std::function<void(GgufWriter&)>> adders_;
};

TEST(ModelConfigTest, ReadsEverything) {
  const absl::StatusOr<ModelConfig> config =
      Metadata().Set("llama.expert_count", uint32_t{0}).Read();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->layers, 3);
  EXPECT_EQ(config->context, 100);
  EXPECT_EQ(config->hidden, 24);
  EXPECT_EQ(config->intermediate, 40);
  EXPECT_EQ(config->vocabulary, 50);
  EXPECT_EQ(config->q_heads, 6);
  EXPECT_EQ(config->kv_heads, 2);
  EXPECT_EQ(config->head_dim, 4);
  EXPECT_EQ(config->norm_eps, 1e-5f);
  EXPECT_EQ(config->rope_base, 5000);
  EXPECT_EQ(config->rope_factor, 1);
}

TEST(ModelConfigTest, KeysThatMayBeMissing) {
  const std::vector<std::string> tokens(7, "x");
  Metadata metadata;
  metadata.Remove("llama.vocab_size")
      .Remove("llama.attention.head_count_kv")
      .Remove("llama.rope.freq_base")
      .Set("llama.attention.key_length", uint32_t{8})
      .Set("llama.attention.value_length", uint32_t{8})
      .Set("llama.rope.dimension_count", uint32_t{8})
      .Set("llama.rope.scaling.type", "linear")
      .Set("llama.rope.scaling.factor", 2.0f);
  EXPECT_EQ(metadata.Error(),
            "llama.vocab_size is 0, expected 1 to 2147483647");
  metadata.Set("tokenizer.ggml.tokens", absl::Span<const std::string>(tokens));
  const absl::StatusOr<ModelConfig> config = metadata.Read();
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->vocabulary, 7);
  EXPECT_EQ(config->kv_heads, 6);
  EXPECT_EQ(config->head_dim, 8);
  EXPECT_EQ(config->rope_base, 10000);
  EXPECT_EQ(config->rope_factor, 2);
}

TEST(ModelConfigTest, KeysThatMustBeThere) {
  for (const char* key :
       {"general.architecture", "llama.block_count", "llama.context_length",
        "llama.embedding_length", "llama.feed_forward_length",
        "llama.attention.head_count",
        "llama.attention.layer_norm_rms_epsilon"}) {
    EXPECT_EQ(Metadata().Remove(key).Error(),
              "metadata \"" + std::string(key) + "\" is missing");
  }
  EXPECT_EQ(Metadata().Set("llama.rope.scaling.type", "linear").Error(),
            "metadata \"llama.rope.scaling.factor\" is missing");
}

TEST(ModelConfigTest, OddSizes) {
  for (const char* key :
       {"llama.block_count", "llama.context_length", "llama.embedding_length",
        "llama.feed_forward_length", "llama.vocab_size",
        "llama.attention.head_count", "llama.attention.head_count_kv",
        "llama.attention.key_length", "llama.rope.dimension_count"}) {
    EXPECT_EQ(Metadata().Set(key, uint32_t{0}).Error(),
              std::string(key) + " is 0, expected 1 to 2147483647");
    EXPECT_EQ(Metadata().Set(key, uint32_t{1} << 31).Error(),
              std::string(key) + " is 2147483648, expected 1 to 2147483647");
    EXPECT_EQ(Metadata().Set(key, "1").Error(),
              "metadata \"" + std::string(key) +
                  "\" has type string, expected an integer below 2^63");
  }
  EXPECT_EQ(
      Metadata().Set("llama.attention.head_count_kv", uint32_t{4}).Error(),
      "llama.attention.head_count is 6, not a multiple of "
      "llama.attention.head_count_kv, 4");
  EXPECT_EQ(Metadata().Set("llama.embedding_length", uint32_t{5}).Error(),
            "llama.attention.key_length is 0, expected 1 to 2147483647");
  EXPECT_EQ(Metadata().Set("llama.embedding_length", uint32_t{30}).Error(),
            "the head dimension is 5, expected an even number");
  EXPECT_EQ(Metadata().Set("llama.rope.dimension_count", uint32_t{2}).Error(),
            "llama.rope.dimension_count is 2, but only the head dimension, 4, "
            "is supported");
  EXPECT_EQ(Metadata().Set("llama.attention.value_length", uint32_t{2}).Error(),
            "llama.attention.value_length is 2, but only the head dimension, "
            "4, is supported");
}

TEST(ModelConfigTest, OddNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::string eps = "llama.attention.layer_norm_rms_epsilon";
  EXPECT_EQ(Metadata().Set(eps, -1.0f).Error(),
            eps + " is -1, expected 0 or more");
  EXPECT_EQ(Metadata().Set(eps, kInfinity).Error(), eps + " is inf");
  EXPECT_EQ(Metadata().Set("llama.rope.freq_base", 1.0f).Error(),
            "llama.rope.freq_base is 1, expected more than 1");
  EXPECT_EQ(Metadata().Set("llama.rope.freq_base", kInfinity).Error(),
            "llama.rope.freq_base is inf");
  EXPECT_EQ(Metadata()
                .Set("llama.rope.scaling.type", "linear")
                .Set("llama.rope.scaling.factor", 0.5f)
                .Error(),
            "llama.rope.scaling.factor is 0.5, expected 1 or more");
}

TEST(ModelConfigTest, OtherModels) {
  EXPECT_EQ(Metadata().Set("general.architecture", "gpt2").Error(),
            "architecture \"gpt2\" is not supported (only llama is)");
  for (const uint32_t experts : {1u, 8u}) {
    EXPECT_EQ(Metadata().Set("llama.expert_count", experts).Error(),
              "mixture-of-experts models are not supported");
  }
  EXPECT_EQ(Metadata().Set("llama.expert_count", "8").Error(),
            "mixture-of-experts models are not supported");
  EXPECT_EQ(Metadata().Set("llama.rope.scaling.type", "yarn").Error(),
            "RoPE scaling \"yarn\" is not supported (only none and linear "
            "are)");
}

}  // namespace
}  // namespace tilework
