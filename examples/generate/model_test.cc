// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/model.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/gguf_writer.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/examples/generate/random_model.h"

namespace tilework {
namespace {

absl::StatusOr<GgufFile> Parse(const std::string& bytes) {
  return GgufFile::Parse(
      {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
}

// Element [k, n] of an f32 matrix.
float At(const PackedMatrix& matrix, int64_t k, int64_t n) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  return matrix.Panel<float>(n / kCols)[k * kCols + n % kCols];
}

// A file in which element i of each tensor is i, but for the tensors that a
// test leaves out or adds; the latter begin with 1.
std::string CountingFile(const ModelConfig& config, std::string_view left_out,
                         std::string_view added = "", const Dims& shape = {}) {
  const auto counting = [](const Dims& dims, int64_t first = 0) {
    std::string bytes;
    for (int64_t i = 0; i < dims.Product(); ++i) {
      bytes += GgufBytes(static_cast<float>(i + first));
    }
    return bytes;
  };
  GgufWriter writer;
  AddModelMetadata(config, writer);
  const std::string random = RandomModelFile(config, 0);
  const absl::StatusOr<GgufFile> file = Parse(random);
  EXPECT_TRUE(file.ok()) << file.status();
  for (const GgufTensor& tensor : file->tensors()) {
    if (tensor.name == left_out) continue;
    writer.AddTensor(tensor.name, GgufType::kF32, tensor.shape,
                     counting(tensor.shape));
  }
  if (!added.empty()) {
    writer.AddTensor(added, GgufType::kF32, shape, counting(shape, 1));
  }
  return writer.Finish();
}

std::string LoadError(const std::string& bytes) {
  HostContext context(1);
  const absl::StatusOr<GgufFile> file = Parse(bytes);
  EXPECT_TRUE(file.ok()) << file.status();
  const absl::Status status =
      Model::Load(*file, DType::kBF16, context).status();
  EXPECT_FALSE(status.ok());
  return std::string(status.message());
}

TEST(ModelTest, PutsWeightsInTheirPlaces) {
  const ModelConfig config = TinyConfig();
  const int64_t hidden = config.hidden;
  const std::string bytes = CountingFile(config, "");
  const absl::StatusOr<GgufFile> file = Parse(bytes);
  ASSERT_TRUE(file.ok()) << file.status();
  HostContext context(2);
  const absl::StatusOr<Model> model = Model::Load(*file, DType::kF32, context);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->format(), WeightFormat(DType::kF32));
  ASSERT_EQ(model->layers().size(), 2u);
  const LayerWeights& layer = model->layers()[1];

  const int64_t q_cols = config.q_heads * config.head_dim;
  const int64_t kv_cols = config.kv_heads * config.head_dim;
  ASSERT_EQ(layer.qkv.rows(), hidden);
  ASSERT_EQ(layer.qkv.cols(), q_cols + 2 * kv_cols);
  for (int64_t n = 0; n < layer.qkv.cols(); ++n) {
    // The row of the tensor that column n comes from.
    int64_t row = n;
    if (n >= q_cols) row -= q_cols;
    if (n >= q_cols + kv_cols) {
      row -= kv_cols;  // V is stored as it is
    } else {
      const int64_t half = config.head_dim / 2;
      const int64_t d = row % config.head_dim;
      row += -d + 2 * (d % half) + d / half;
    }
    for (const int64_t k : {int64_t{0}, int64_t{1}, hidden - 1}) {
      ASSERT_EQ(At(layer.qkv, k, n), static_cast<float>(row * hidden + k))
          << "column " << n << " row " << k;
    }
  }
  // [in, out], of a tensor [out, in].
  EXPECT_EQ(layer.output.rows(), q_cols);
  EXPECT_EQ(At(layer.output, 5, 7), static_cast<float>(7 * q_cols + 5));
  EXPECT_EQ(layer.gate.cols(), config.intermediate);
  EXPECT_EQ(At(layer.gate, 5, 7), static_cast<float>(7 * hidden + 5));
  EXPECT_EQ(At(layer.up, 5, 249), static_cast<float>(249 * hidden + 5));
  EXPECT_EQ(layer.down.rows(), config.intermediate);
  EXPECT_EQ(At(layer.down, 5, 7),
            static_cast<float>(7 * config.intermediate + 5));
  EXPECT_EQ(layer.attention_norm.data<float>()[95], 95);
  EXPECT_EQ(layer.mlp_norm.data<float>()[95], 95);
  EXPECT_EQ(*model->final_norm().At<float>(95), 95);
  EXPECT_FALSE(model->rope_divisors().present());

  Buffer row(DType::kF32, {1, hidden});
  model->Embed(256, row.view());
  EXPECT_EQ(row.data<float>()[95], static_cast<float>(256 * hidden + 95));
  // The embeddings are the head.
  EXPECT_EQ(At(model->lm_head(), 95, 256),
            static_cast<float>(256 * hidden + 95));
}

TEST(ModelTest, HeadAndRopeDivisorsOfItsOwn) {
  const ModelConfig config = TinyConfig();
  HostContext context(1);
  std::string bytes = CountingFile(config, "", "output.weight",
                                   {config.vocabulary, config.hidden});
  absl::StatusOr<GgufFile> file = Parse(bytes);
  absl::StatusOr<Model> model = Model::Load(*file, DType::kBF16, context);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(model->lm_head().dtype(), DType::kBF16);

  bytes = CountingFile(config, "", "rope_freqs.weight", {config.head_dim / 2});
  file = Parse(bytes);
  model = Model::Load(*file, DType::kF16, context);
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(*model->rope_divisors().At<float>(7), 8);
}

TEST(ModelTest, CountsTheBytesOfItsMatrices) {
  const ModelConfig config = TinyConfig();
  const std::string bytes = RandomModelFile(config, 1);
  const absl::StatusOr<GgufFile> file = Parse(bytes);
  HostContext context(1);
  const absl::StatusOr<Model> model = Model::Load(*file, DType::kF32, context);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto elements = [](int64_t rows, int64_t cols) {
    constexpr int64_t kCols = PackedMatrix::kPanelCols;
    return rows * ((cols + kCols - 1) / kCols * kCols);
  };
  const int64_t layer = elements(96, 160) + elements(96, 96) +
                        2 * elements(96, 250) + elements(250, 96);
  constexpr int64_t kHeader = 64;  // of each matrix
  EXPECT_EQ(model->WeightBytes(),
            4 * (elements(96, 257) + 2 * layer) + (1 + 2 * 5) * kHeader);
}

TEST(ModelTest, WrongTensors) {
  const ModelConfig config = TinyConfig();
  for (const char* name :
       {"token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight",
        "blk.0.attn_k.weight", "blk.1.attn_v.weight",
        "blk.1.attn_output.weight", "blk.0.attn_norm.weight",
        "blk.0.ffn_norm.weight", "blk.1.ffn_gate.weight", "blk.0.ffn_up.weight",
        "blk.1.ffn_down.weight"}) {
    EXPECT_EQ(LoadError(CountingFile(config, name)),
              absl::StrCat("there is no tensor \"", name, "\""));
    EXPECT_EQ(LoadError(CountingFile(config, name, name, {3, 5})).substr(0, 40),
              absl::StrCat("tensor \"", name, "\" has shape [3, 5], expected [")
                  .substr(0, 40));
  }
  EXPECT_EQ(LoadError(CountingFile(config, "blk.0.attn_k.weight",
                                   "blk.0.attn_k.weight", {96, 32})),
            "tensor \"blk.0.attn_k.weight\" has shape [96, 32], expected [32, "
            "96]");
  EXPECT_EQ(LoadError(CountingFile(config, "", "rope_freqs.weight", {3})),
            "tensor \"rope_freqs.weight\" has shape [3], expected [8]");
  EXPECT_EQ(LoadError(CountingFile(config, "", "blk.0.attn_q.bias", {96})),
            "tensor \"blk.0.attn_q.bias\" is not part of a llama model of 2 "
            "layers");
  EXPECT_EQ(
      LoadError(CountingFile(config, "", "blk.2.attn_q.weight", {96, 96})),
      "tensor \"blk.2.attn_q.weight\" is not part of a llama model of 2 "
      "layers");
}

TEST(ModelTest, WrongRopeDivisors) {
  for (const float divisor : {0.0f, -1.0f, std::nanf("")}) {
    GgufWriter writer;
    AddModelMetadata(TinyConfig(), writer);
    AddRandomWeights(TinyConfig(), 1, writer);
    std::string bytes;
    for (int i = 0; i < 8; ++i) bytes += GgufBytes(i == 5 ? divisor : 1.0f);
    writer.AddTensor("rope_freqs.weight", GgufType::kF32, {8}, bytes);
    EXPECT_EQ(LoadError(writer.Finish()),
              absl::StrCat("tensor \"rope_freqs.weight\" has element ", divisor,
                           ", expected a number above 0"));
  }
}

TEST(ModelTest, WrongMetadata) {
  ModelConfig config = TinyConfig();
  config.layers = 2000000000;  // ends at the first layer that is missing
  GgufWriter writer;
  AddModelMetadata(config, writer);
  AddRandomWeights(TinyConfig(), 1, writer);
  EXPECT_EQ(LoadError(writer.Finish()),
            "there is no tensor \"blk.2.attn_norm.weight\"");
  GgufWriter empty;
  EXPECT_EQ(LoadError(empty.Finish()),
            "metadata \"general.architecture\" is missing");
}

TEST(RandomModelTest, DependsOnTheSeedAlone) {
  const std::string file = RandomModelFile(TinyConfig(), 1);
  EXPECT_EQ(RandomModelFile(TinyConfig(), 1), file);
  EXPECT_NE(RandomModelFile(TinyConfig(), 2), file);
}

}  // namespace
}  // namespace tilework
