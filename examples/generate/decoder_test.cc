// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/decoder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/decoder_oracle.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/gguf_writer.h"
#include "tilework/examples/generate/model.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/examples/generate/random_model.h"
#include "tilework/examples/generate/weight_format.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {
namespace {

constexpr DType kF32 = DType::kF32;
constexpr DType kBF16 = DType::kBF16;
constexpr DType kF16 = DType::kF16;

// The relative Frobenius error of the logits of two layers.
double Bound(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 1e-6;
    case DType::kF16:
      return 5e-4;
    default:
      return 4e-3;
  }
}

struct TestFile {
  std::string bytes;
  std::unique_ptr<GgufFile> gguf;

  explicit TestFile(std::string file) : bytes(std::move(file)) {
    absl::StatusOr<GgufFile> parsed = GgufFile::Parse(
        {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
    ABSL_CHECK_OK(parsed.status());
    gguf = std::make_unique<GgufFile>(*std::move(parsed));
  }
};

Model Load(const TestFile& file, const WeightFormat& format,
           HostContext& context) {
  absl::StatusOr<Model> model = Model::Load(*file.gguf, format, context);
  ABSL_CHECK_OK(model.status());
  return *std::move(model);
}

std::vector<int32_t> RandomTokens(int64_t count) {
  Random random(7);
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<int32_t>(random.Integer(0, 256)));
  }
  return tokens;
}

// The logits of all positions: the first `prompt` tokens at once, in chunks of
// `chunk`, the others one by one.
Buffer AllLogits(const Model& model, DType heads,
                 absl::Span<const int32_t> tokens, int64_t prompt,
                 int64_t chunk, HostContext& context) {
  const int64_t count = static_cast<int64_t>(tokens.size());
  Buffer logits(kF32, {count, model.config().vocabulary});
  Decoder decoder(model, heads, count, context, chunk);
  int64_t next = 0;
  for (int64_t size = prompt; next < count; next += size, size = 1) {
    if (size == 0) continue;
    ABSL_CHECK_OK(decoder.Append(
        tokens.subspan(static_cast<size_t>(next), static_cast<size_t>(size)),
        logits.view().Slice(0, next, size), context));
  }
  EXPECT_EQ(decoder.length(), count);
  return logits;
}

void ExpectMatches(const TestFile& file, DType dtype, DType heads,
                   int64_t count) {
  HostContext context(2);
  const Model model = Load(file, dtype, context);
  const std::vector<int32_t> tokens = RandomTokens(count);
  const std::vector<double> expected =
      DecoderOracle(*file.gguf, dtype).Logits(tokens);
  const std::vector<double> unbounded(expected.size(), 1e30);
  for (const int64_t chunk : {int64_t{512}, int64_t{16}, int64_t{7}}) {
    for (const int64_t prompt : {int64_t{0}, count / 2, count}) {
      const Buffer logits =
          AllLogits(model, heads, tokens, prompt, chunk, context);
      EXPECT_TRUE(Within(logits.view(), expected, unbounded,
                         std::max(Bound(dtype), Bound(heads))))
          << Name(dtype) << " heads " << Name(heads) << " chunk " << chunk
          << " prompt " << prompt;
    }
  }
}

TEST(DecoderTest, MatchesTheOracle) {
  const TestFile file(RandomModelFile(TinyConfig(), 1));
  ExpectMatches(file, kF32, kF32, 37);
  ExpectMatches(file, kF16, kF16, 37);
  ExpectMatches(file, kBF16, kF16, 37);
  ExpectMatches(file, kBF16, kBF16, 37);
  ExpectMatches(file, kF32, kBF16, 37);
}

// The quantized model differs from the given one by what its weights lost, and
// is the same one however the tokens come.
TEST(DecoderTest, QuantizedWeights) {
  const TestFile file(RandomModelFile(TinyConfig(), 1));
  HostContext context(2);
  const std::vector<int32_t> tokens = RandomTokens(37);
  const std::vector<double> exact =
      DecoderOracle(*file.gguf, kF32).Logits(tokens);
  const std::vector<double> unbounded(exact.size(), 1e30);
  for (const auto& [format, loss] :
       std::vector<std::pair<WeightFormat, double>>{
           {kF8Weights, 0.1}, {kMxFp8Weights, 0.1}, {kMxFp4Weights, 0.4}}) {
    SCOPED_TRACE(Name(format));
    const Model model = Load(file, format, context);
    const Buffer at_once = AllLogits(model, kF32, tokens, 37, 512, context);
    EXPECT_TRUE(Within(at_once.view(), exact, unbounded, loss));
    const Buffer one_by_one = AllLogits(model, kF32, tokens, 0, 512, context);
    EXPECT_TRUE(
        Within(one_by_one.view(), ToDoubles(at_once.view()), unbounded, 3e-3));
  }
}

TEST(DecoderTest, OtherSizes) {
  ModelConfig config = {.layers = 3,
                        .hidden = 20,
                        .q_heads = 3,
                        .kv_heads = 1,
                        .head_dim = 6,
                        .intermediate = 7,
                        .vocabulary = 257,
                        .context = 100,
                        .norm_eps = 1e-3f,
                        .rope_base = 500};
  ExpectMatches(TestFile(RandomModelFile(config, 2)), kF32, kF32, 20);
  config.kv_heads = 3;
  config.layers = 1;
  ExpectMatches(TestFile(RandomModelFile(config, 3)), kF32, kF32, 20);
}

// A head that is not the embeddings, and both ways to scale RoPE.
TEST(DecoderTest, HeadAndRopeScaling) {
  const ModelConfig config = TinyConfig();
  GgufWriter writer;
  AddModelMetadata(config, writer);
  writer.Add("llama.rope.scaling.type", "linear");
  writer.Add("llama.rope.scaling.factor", 2.5f);
  AddRandomWeights(config, 4, writer);
  std::string head;
  std::string divisors;
  Random random(5);
  for (int64_t i = 0; i < config.vocabulary * config.hidden; ++i) {
    head += GgufBytes(static_cast<float>(random.Normal()));
  }
  for (int i = 0; i < 8; ++i) {
    divisors += GgufBytes(static_cast<float>(random.Uniform(1, 8)));
  }
  writer.AddTensor("output.weight", GgufType::kF32,
                   {config.vocabulary, config.hidden}, head);
  writer.AddTensor("rope_freqs.weight", GgufType::kF32, {8}, divisors);
  ExpectMatches(TestFile(writer.Finish()), kF32, kF32, 20);
}

TEST(DecoderTest, SameBitsForAnyNumberOfThreads) {
  const TestFile file(RandomModelFile(TinyConfig(), 1));
  const std::vector<int32_t> tokens = RandomTokens(40);
  for (const DType dtype : {kF32, kBF16}) {
    HostContext one(1);
    const Model model = Load(file, dtype, one);
    const Buffer expected = AllLogits(model, dtype, tokens, 30, 20, one);
    for (const int threads : {2, 3}) {
      HostContext context(threads);
      const Model other = Load(file, dtype, context);
      EXPECT_TRUE(
          SameBits(AllLogits(other, dtype, tokens, 30, 20, context).view(),
                   expected.view()))
          << threads << " threads";
    }
  }
}

TEST(DecoderTest, LogitsOfTheLastTokenAlone) {
  const TestFile file(RandomModelFile(TinyConfig(), 1));
  HostContext context(2);
  const Model model = Load(file, kBF16, context);
  const std::vector<int32_t> tokens = RandomTokens(20);
  for (const int64_t chunk : {20, 8}) {
    const Buffer all = AllLogits(model, kF16, tokens, 20, chunk, context);
    Buffer last(kF32, {1, 257});
    // More room than is used changes nothing.
    Decoder decoder(model, kF16, 33, context, chunk);
    ASSERT_TRUE(decoder.Append(tokens, last.view(), context).ok());
    EXPECT_TRUE(SameBits(last.view(), all.view().Slice(0, 19, 1)));
  }
}

TEST(DecoderTest, NoMoreMemoryOnceWarm) {
  const TestFile file(RandomModelFile(TinyConfig(), 1));
  HostContext context(2);
  const Model model = Load(file, kBF16, context);
  Decoder decoder(model, kF16, 40, context);
  Buffer logits(kF32, {1, 257});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(decoder.Append({i}, logits.view(), context).ok());
  }
  const size_t capacity = context.arena().capacity();
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(decoder.Append({i}, logits.view(), context).ok());
  }
  EXPECT_EQ(context.arena().capacity(), capacity);
}

TEST(DecoderTest, CountsTheBytesOfAStep) {
  const TestFile file(RandomModelFile(TinyConfig(), 1));
  HostContext context(1);
  const Model model = Load(file, kBF16, context);
  Decoder decoder(model, kBF16, 10, context);
  EXPECT_EQ(decoder.StepBytes(), model.WeightBytes());
  Buffer logits(kF32, {1, 257});
  ASSERT_TRUE(decoder.Append({1, 2, 3}, logits.view(), context).ok());
  // 2 layers, K and V, 2 heads of 16, 3 tokens, 2 bytes.
  EXPECT_EQ(decoder.StepBytes() - model.WeightBytes(), 2 * 2 * 2 * 16 * 3 * 2);
}

TEST(DecoderTest, WrongCalls) {
  const TestFile file(RandomModelFile(TinyConfig(), 1));
  HostContext context(1);
  const Model model = Load(file, kF32, context);
  Decoder decoder(model, kF32, 5, context);
  Buffer logits(kF32, {2, 257});
  const Tensor one = logits.view().Slice(0, 0, 1);
  ASSERT_TRUE(decoder.Append({1, 2}, logits.view(), context).ok());
  const auto message = [&](absl::Span<const int32_t> tokens, const Tensor& z) {
    const absl::Status status = decoder.Append(tokens, z, context);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(decoder.length(), 2);
    return std::string(status.message());
  };
  EXPECT_EQ(message({}, one), "there is no token to append");
  EXPECT_EQ(message({1, 2, 3, 4}, one),
            "there is room for 3 more tokens, not for 4");
  EXPECT_EQ(message({1, -1}, one), "token -1 is not one of the model's 257");
  EXPECT_EQ(message({257}, one), "token 257 is not one of the model's 257");
  EXPECT_EQ(message({1, 2, 3}, logits.view()),
            "logits is f32 [2, 257], expected f32 [1 or 3, 257]");
  Buffer wrong(DType::kBF16, {1, 257});
  EXPECT_EQ(message({1}, wrong.view()),
            "logits is bf16 [1, 257], expected f32 [1 or 1, 257]");
  EXPECT_EQ(message({1}, Tensor()),
            "logits is absent, expected f32 [1 or 1, 257]");
  EXPECT_TRUE(decoder.Append({1, 2, 3}, one, context).ok());
}

}  // namespace
}  // namespace tilework
