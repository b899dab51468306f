// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The whole path on the small random model.

#include "tilework/examples/generate/generate.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/safetensors.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/gguf_writer.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/examples/generate/random_model.h"

namespace tilework {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

GenerateOptions RandomModel(const std::string& prompt) {
  return {.prompt = prompt,
          .tokens = 8,
          .random_weights = true,
          .threads = 2,
          .seed = 1,
          .measure_bandwidth = false};
}

std::string Text(const GenerateOptions& options) {
  std::ostringstream text;
  std::ostringstream report;
  const absl::Status status = Generate(options, text, report, false);
  EXPECT_TRUE(status.ok()) << status;
  return text.str();
}

std::string Error(const GenerateOptions& options) {
  std::ostringstream text;
  std::ostringstream report;
  const absl::Status status = Generate(options, text, report, false);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message().find('\n'), std::string_view::npos);
  EXPECT_EQ(text.str(), "");
  return std::string(status.message());
}

std::string TemporaryFile(const std::string& name, const std::string& bytes) {
  std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

// Logits and tokens of a run.
struct Dump {
  SafetensorsFile file;
  ConstTensor logits, tokens;
};
Dump DumpOf(GenerateOptions options) {
  options.dump_logits = testing::TempDir() + "/dump";
  Text(options);
  absl::StatusOr<SafetensorsFile> file =
      SafetensorsFile::Open(options.dump_logits);
  EXPECT_TRUE(file.ok()) << file.status();
  Dump dump = {.file = *std::move(file), .logits = {}, .tokens = {}};
  dump.logits = *dump.file.Find("logits");
  dump.tokens = *dump.file.Find("tokens");
  return dump;
}

TEST(GenerateTest, WritesPromptAndText) {
  const std::string text = Text(RandomModel("Hello"));
  EXPECT_THAT(text, StartsWith("Hello"));
  EXPECT_EQ(text.back(), '\n');
  EXPECT_GT(text.size(), 6u);
}

TEST(GenerateTest, SameTextForAnyNumberOfThreads) {
  for (const float temperature : {0.0f, 30.0f}) {
    GenerateOptions options = RandomModel("Hello");
    options.tokens = 12;
    options.temperature = temperature;
    options.threads = 1;
    const std::string text = Text(options);
    for (const int threads : {2, 3}) {
      options.threads = threads;
      EXPECT_EQ(Text(options), text) << threads << " threads";
    }
  }
}

TEST(GenerateTest, OptionsHaveAnEffect) {
  GenerateOptions options = RandomModel("Hello");
  options.tokens = 12;
  const std::string greedy = Text(options);
  // Each token likes itself best, by far.
  options.temperature = 30;
  const std::string random = Text(options);
  EXPECT_NE(random, greedy);
  options.top_k = 1;
  EXPECT_EQ(Text(options), greedy);
  options.top_k = 0;
  options.top_p = 1e-6f;
  EXPECT_EQ(Text(options), greedy);
  options.top_p = 1;
  options.seed = 2;  // of weights and choices
  EXPECT_NE(Text(options), random);
}

TEST(GenerateTest, DumpsTheLogitsOfAllPositions) {
  GenerateOptions options = RandomModel("Hello");
  options.weights = DType::kF32;
  const Dump dump = DumpOf(options);
  ASSERT_EQ(dump.logits.shape(), Dims({13, 257}));
  ASSERT_EQ(dump.tokens.shape(), Dims({13}));
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(*dump.tokens.At<int32_t>(i), "Hello"[i]);
  }
  // Each token is the best of the logits before it.
  for (int64_t i = 5; i < 13; ++i) {
    const float* logits = dump.logits.At<float>(i - 1);
    const int32_t token = *dump.tokens.At<int32_t>(i);
    for (int64_t j = 0; j < 257; ++j) EXPECT_LE(logits[j], logits[token]);
  }
  // Only the prompt.
  options.tokens = 0;
  EXPECT_EQ(DumpOf(options).logits.shape(), Dims({5, 257}));
}

TEST(GenerateTest, TypesDifferByTheirRounding) {
  GenerateOptions options = RandomModel("Hello");
  options.tokens = 0;
  options.weights = DType::kF32;
  const Dump f32 = DumpOf(options);
  for (const DType dtype : {DType::kBF16, DType::kF16}) {
    options.kv_dtype = dtype;
    // Either differs from f32 by itself.
    options.weights = dtype == DType::kF16 ? DType::kF32 : dtype;
    const Dump other = DumpOf(options);
    double difference = 0;
    for (int64_t i = 0; i < 5 * 257; ++i) {
      difference +=
          std::abs(static_cast<double>(other.logits.data<float>()[i]) -
                   static_cast<double>(f32.logits.data<float>()[i]));
    }
    EXPECT_GT(difference, 0);
    EXPECT_LT(difference / (5 * 257), 0.2);  // the logits are about 10
  }
}

TEST(GenerateTest, ReportsItsSpeed) {
  GenerateOptions options = RandomModel("Hello");
  std::ostringstream text;
  std::ostringstream report;
  options.measure_bandwidth = true;
  ASSERT_TRUE(Generate(options, text, report, false).ok());
  EXPECT_THAT(report.str(),
              MatchesRegex("prompt: 5 tokens, [0-9.]+ tokens/s\n"
                           "decode: [0-9] tokens, [0-9.]+ tokens/s, [0-9.]+ "
                           "GB/s, [0-9]+% of the [0-9.]+ GB/s that memory "
                           "gives\n"));
}

TEST(GenerateTest, StopsWhereTheContextIsFull) {
  ModelConfig config = TinyConfig();
  config.context = 10;
  GenerateOptions options = RandomModel("Hello");
  options.random_weights = false;
  options.model = TemporaryFile("short_context", RandomModelFile(config, 1));
  EXPECT_EQ(DumpOf(options).tokens.shape(), Dims({10}));
  options.prompt = "0123456789";
  EXPECT_EQ(Text(options), "0123456789\n");
  options.prompt = "0123456789a";
  EXPECT_EQ(Error(options),
            "the prompt has 11 tokens, but the model's context 10");
}

TEST(GenerateTest, StopsAtTheEndOfTheText) {
  // A head of zeros always chooses token 0, which is made an end.
  GgufWriter writer;
  AddModelMetadata(TinyConfig(), writer);
  writer.Add("tokenizer.ggml.eot_token_id", uint32_t{0});
  AddRandomWeights(TinyConfig(), 1, writer);
  writer.AddTensor("output.weight", GgufType::kF32, {257, 96},
                   std::string(257 * 96 * sizeof(float), '\0'));
  GenerateOptions options = RandomModel("Hi");
  options.random_weights = false;
  options.model = TemporaryFile("zero_head", writer.Finish());
  EXPECT_EQ(Text(options), "Hi\n");
  const Dump dump = DumpOf(options);
  ASSERT_EQ(dump.tokens.shape(), Dims({3}));
  EXPECT_EQ(*dump.tokens.At<int32_t>(2), 0);
}

TEST(GenerateTest, Chat) {
  GgufWriter writer;
  AddModelMetadata(TinyConfig(), writer);
  writer.Add("tokenizer.chat_template", "{{ '[INST] ' + content }}");
  AddRandomWeights(TinyConfig(), 1, writer);
  GenerateOptions options = RandomModel("Hi");
  options.random_weights = false;
  options.model = TemporaryFile("chat", writer.Finish());
  options.chat = true;
  const std::string rendered = "[INST] Hi [/INST]";
  const Dump dump = DumpOf(options);
  for (size_t i = 0; i < rendered.size(); ++i) {
    EXPECT_EQ(*dump.tokens.At<int32_t>(static_cast<int64_t>(i)), rendered[i]);
  }
  // Only the answer is written.
  const std::string answer = Text(options);
  options.chat = false;
  options.prompt = rendered;
  EXPECT_EQ(Text(options), rendered + answer);
}

TEST(GenerateTest, WrongOptions) {
  EXPECT_EQ(Error(RandomModel("")), "the prompt is empty: see --prompt");
  GenerateOptions options = RandomModel("x");
  options.tokens = -1;
  EXPECT_EQ(Error(options), "--tokens is -1, expected 0 or more");
  options = RandomModel("x");
  options.model = "file";
  EXPECT_EQ(Error(options), "--model and --random-weights exclude each other");
  for (const int threads : {-1, 1025}) {
    options = RandomModel("x");
    options.threads = threads;
    EXPECT_THAT(Error(options), HasSubstr(", expected 0 to 1024"));
  }
  for (const float temperature : {-1.0f, std::numeric_limits<float>::infinity(),
                                  std::numeric_limits<float>::quiet_NaN()}) {
    options = RandomModel("x");
    options.temperature = temperature;
    EXPECT_THAT(Error(options), HasSubstr(", expected 0 or more"));
  }
  options = RandomModel("x");
  options.top_k = -1;
  EXPECT_EQ(Error(options), "--top-k is -1, expected 0 or more");
  for (const float top_p :
       {0.0f, 1.5f, std::numeric_limits<float>::quiet_NaN()}) {
    options = RandomModel("x");
    options.top_p = top_p;
    EXPECT_THAT(Error(options),
                HasSubstr("expected more than 0 and at most 1"));
  }
  options = RandomModel("x");
  options.chat = true;
  EXPECT_EQ(Error(options),
            "--chat: metadata \"tokenizer.chat_template\" is missing");
}

TEST(GenerateTest, WrongFiles) {
  GenerateOptions options = RandomModel("x");
  options.random_weights = false;
  options.model = testing::TempDir() + "/no_such_file";
  EXPECT_THAT(Error(options), HasSubstr("no_such_file"));
  options.model = testing::TempDir();
  EXPECT_THAT(Error(options), HasSubstr(options.model));
  const std::string good = RandomModelFile(TinyConfig(), 1);
  for (const size_t size :
       {size_t{0}, size_t{3}, size_t{100}, good.size() / 2, good.size() - 1}) {
    options.model = TemporaryFile("cut_off", good.substr(0, size));
    EXPECT_THAT(Error(options), HasSubstr("cut_off"));
  }
  GgufWriter other;
  other.Add("general.architecture", "gpt2");
  options.model = TemporaryFile("other", other.Finish());
  EXPECT_EQ(Error(options),
            options.model +
                ": architecture \"gpt2\" is not supported (only llama is)");
}

TEST(GenerateTest, LogitsThatAreNotFinite) {
  std::string bytes = RandomModelFile(TinyConfig(), 1);
  // The last tensor is the final norm.
  const std::string nan = GgufBytes(std::numeric_limits<float>::quiet_NaN());
  bytes.replace(bytes.size() - nan.size(), nan.size(), nan);
  GenerateOptions options = RandomModel("x");
  options.random_weights = false;
  options.model = TemporaryFile("nan", bytes);
  std::ostringstream text;
  std::ostringstream report;
  EXPECT_EQ(Generate(options, text, report, false).message(),
            "the model's logits are not finite");
}

TEST(GenerateTest, DumpThatCannotBeWritten) {
  GenerateOptions options = RandomModel("x");
  options.dump_logits = testing::TempDir() + "/no_such_folder/dump";
  std::ostringstream text;
  std::ostringstream report;
  const absl::Status status = Generate(options, text, report, false);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no_such_folder"));
}

}  // namespace
}  // namespace tilework
