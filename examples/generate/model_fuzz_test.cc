// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// No damaged model file makes the tokenizer or the model crash, and what they
// accept runs. TILEWORK_FUZZ_SECONDS=60 runs for a minute.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/file_fuzzer.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/decoder.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/gguf_writer.h"
#include "tilework/examples/generate/model.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/examples/generate/random_model.h"
#include "tilework/examples/generate/tokenizer.h"

namespace tilework {
namespace {

std::string ValidFile() {
  const ModelConfig config = {.layers = 1,
                              .hidden = 4,
                              .q_heads = 2,
                              .kv_heads = 1,
                              .head_dim = 2,
                              .intermediate = 3,
                              .vocabulary = 257,
                              .context = 10,
                              .norm_eps = 1e-5f,
                              .rope_base = 10000};
  GgufWriter writer;
  AddModelMetadata(config, writer);
  AddRandomWeights(config, 1, writer);
  writer.AddTensor("rope_freqs.weight", GgufType::kF32, {1}, GgufBytes(1.0f));
  return writer.Finish();
}

bool UseTokenizer(const GgufFile& file) {
  const absl::StatusOr<Tokenizer> tokenizer = Tokenizer::FromGguf(file);
  if (!tokenizer.ok()) {
    EXPECT_FALSE(tokenizer.status().message().empty());
    return false;
  }
  const std::vector<int32_t> tokens =
      tokenizer->Encode("A <|endoftext|>\n\xFF", {.parse_special = true});
  EXPECT_LE(tokenizer->Decode(tokens).size(), 100000u);
  for (const int32_t token : tokens) {
    EXPECT_TRUE(token >= 0 && token < tokenizer->vocab_size());
  }
  return true;
}

bool UseModel(const GgufFile& file, HostContext& context) {
  const absl::StatusOr<Model> model = Model::Load(file, DType::kBF16, context);
  if (!model.ok()) {
    EXPECT_FALSE(model.status().message().empty());
    return false;
  }
  const ModelConfig& config = model->config();
  Decoder decoder(*model, DType::kF16, std::min<int64_t>(config.context, 3),
                  context);
  Buffer logits(DType::kF32, {1, config.vocabulary});
  EXPECT_TRUE(decoder.Append({0}, logits.view(), context).ok());
  return true;
}

TEST(ModelFuzzTest, DamagedFiles) {
  HostContext context(1);
  int64_t parsed = 0;
  const FuzzCount count =
      FuzzReader({ValidFile()}, [&](absl::Span<const std::byte> bytes) {
        const absl::StatusOr<GgufFile> file = GgufFile::Parse(bytes);
        if (!file.ok()) return false;
        ++parsed;
        const bool tokenizer = UseTokenizer(*file);
        return UseModel(*file, context) && tokenizer;
      });
  RecordProperty("files", std::to_string(count.files));
  RecordProperty("accepted", std::to_string(count.accepted));
  // Damage in the weights is not an error; and the reader alone does not find
  // all damage.
  EXPECT_GT(count.accepted, 10);
  EXPECT_LT(count.accepted, parsed);
}

}  // namespace
}  // namespace tilework
