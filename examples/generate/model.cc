// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/log/absl_check.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/common/tensor/utf8.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/examples/generate/weight_format.h"

namespace tilework {

// Takes one tensor after the other. After the first fault `status_` says what
// it was, and nothing more is read.
class ModelLoader {
 public:
  ModelLoader(const GgufFile& file, const WeightFormat& format,
              HostContext& context)
      : file_(file), context_(context) {
    model_.format_ = format;
  }

  absl::StatusOr<Model> Load() {
    absl::StatusOr<ModelConfig> config = ReadModelConfig(file_);
    if (!config.ok()) return config.status();
    config_ = model_.config_ = *config;
    model_.embeddings_ =
        Find("token_embd.weight", {config_.vocabulary, config_.hidden});
    LoadHead();
    for (int64_t i = 0; ok() && i < config_.layers; ++i) LoadLayer(i);
    CheckAllUsed();
    if (!ok()) return status_;
    return std::move(model_);
  }

 private:
  bool ok() const { return status_.ok(); }

  // The tensor `name`, which must have `shape`; null after a fault.
  const GgufTensor* Find(std::string_view name, const Dims& shape) {
    if (!ok()) return nullptr;
    const absl::StatusOr<const GgufTensor*> tensor = file_.Find(name);
    if (!tensor.ok()) {
      status_ = tensor.status();
      return nullptr;
    }
    if ((*tensor)->shape != shape) {
      status_ = absl::InvalidArgumentError(absl::StrCat(
          "tensor ", QuoteForMessage(name), " has shape ",
          (*tensor)->shape.ToString(), ", expected ", shape.ToString()));
      return nullptr;
    }
    used_.insert((*tensor)->name);
    return *tensor;
  }

  // Dequantizes all rows of `tensor` to `rows`, [rows, cols], with all threads.
  void Read(const GgufTensor& tensor, const Tensor& rows) {
    constexpr int64_t kRowsPerTask = 16;
    const int64_t num_rows = tensor.rows();
    context_.pool().ParallelFor(
        (num_rows + kRowsPerTask - 1) / kRowsPerTask,
        [&](int64_t task, int /*thread*/) {
          const int64_t first = task * kRowsPerTask;
          const int64_t count = std::min(kRowsPerTask, num_rows - first);
          ABSL_CHECK_OK(
              Dequantize(tensor, first, count, rows.Slice(0, first, count)));
        });
  }

  // A vector of f32.
  Buffer Vector(std::string_view name, int64_t size) {
    const GgufTensor* tensor = Find(name, {size});
    if (tensor == nullptr) return {};
    Buffer buffer(DType::kF32, {size});
    Read(*tensor, buffer.view().Reshape({1, size}));
    return buffer;
  }

  // The weight `name`, stored [out, in], as a matrix [in, out].
  PackedMatrix Matrix(std::string_view name, int64_t out, int64_t in) {
    return Matrix(name, out, in, model_.format_);
  }
  PackedMatrix Matrix(std::string_view name, int64_t out, int64_t in,
                      const WeightFormat& format) {
    const GgufTensor* tensor = Find(name, {out, in});
    if (tensor == nullptr) return {};
    Buffer buffer(SourceType(format), {out, in});
    Read(*tensor, buffer.view());
    return Pack(buffer, format);
  }

  PackedMatrix Pack(const Buffer& out_in, const WeightFormat& format) {
    absl::StatusOr<PackedMatrix> packed =
        PackWeight(out_in.view(), format, context_);
    if (!packed.ok()) {
      status_.Update(packed.status());
      return {};
    }
    return *std::move(packed);
  }

  // The three weights, one below the other. Files store the rows of Q and K for
  // interleaved RoPE: in each head row 2 i + j stands for element j D / 2 + i.
  PackedMatrix Qkv(const std::string& layer) {
    const int64_t q_rows = config_.q_heads * config_.head_dim;
    const int64_t kv_rows = config_.kv_heads * config_.head_dim;
    const GgufTensor* q =
        Find(layer + "attn_q.weight", {q_rows, config_.hidden});
    const GgufTensor* k =
        Find(layer + "attn_k.weight", {kv_rows, config_.hidden});
    const GgufTensor* v =
        Find(layer + "attn_v.weight", {kv_rows, config_.hidden});
    if (!ok()) return {};
    Buffer buffer(SourceType(model_.format_),
                  {q_rows + 2 * kv_rows, config_.hidden});
    const Tensor rows = buffer.view();
    ReadPermuted(*q, rows.Slice(0, 0, q_rows));
    ReadPermuted(*k, rows.Slice(0, q_rows, kv_rows));
    Read(*v, rows.Slice(0, q_rows + kv_rows, kv_rows));
    return Pack(buffer, model_.format_);
  }

  void ReadPermuted(const GgufTensor& tensor, const Tensor& rows) {
    const int64_t head_dim = config_.head_dim;
    context_.pool().ParallelFor(
        tensor.rows() / head_dim, [&](int64_t head, int /*thread*/) {
          for (int64_t from = 0; from < head_dim; ++from) {
            const int64_t to = from % 2 * (head_dim / 2) + from / 2;
            ABSL_CHECK_OK(Dequantize(tensor, head * head_dim + from, 1,
                                     rows.Slice(0, head * head_dim + to, 1)));
          }
        });
  }

  void LoadHead() {
    model_.final_norm_ = Vector("output_norm.weight", config_.hidden);
    // Without a matrix of its own, the head is the embeddings.
    const bool tied = !file_.Find("output.weight").ok();
    model_.lm_head_ =
        Matrix(tied ? "token_embd.weight" : "output.weight", config_.vocabulary,
               config_.hidden, HeadFormat(model_.format_));
    if (file_.Find("rope_freqs.weight").ok()) {
      LoadRopeDivisors();
    }
  }

  void LoadRopeDivisors() {
    constexpr std::string_view kName = "rope_freqs.weight";
    const int64_t count = config_.head_dim / 2;
    model_.rope_divisors_ = Vector(kName, count);
    for (int64_t i = 0; ok() && i < count; ++i) {
      const float divisor = model_.rope_divisors_.data<float>()[i];
      if (divisor > 0 && std::isfinite(divisor)) continue;
      status_ = absl::InvalidArgumentError(
          absl::StrCat("tensor ", QuoteForMessage(kName), " has element ",
                       divisor, ", expected a number above 0"));
    }
  }

  void LoadLayer(int64_t index) {
    const int64_t hidden = config_.hidden;
    const std::string layer = absl::StrCat("blk.", index, ".");
    LayerWeights weights;
    weights.attention_norm = Vector(layer + "attn_norm.weight", hidden);
    weights.qkv = Qkv(layer);
    weights.output = Matrix(layer + "attn_output.weight", hidden,
                            config_.q_heads * config_.head_dim);
    weights.mlp_norm = Vector(layer + "ffn_norm.weight", hidden);
    weights.gate =
        Matrix(layer + "ffn_gate.weight", config_.intermediate, hidden);
    weights.up = Matrix(layer + "ffn_up.weight", config_.intermediate, hidden);
    weights.down =
        Matrix(layer + "ffn_down.weight", hidden, config_.intermediate);
    model_.layers_.push_back(std::move(weights));
  }

  // A tensor that nothing reads, such as a bias, would be missing in the sums.
  void CheckAllUsed() {
    for (const GgufTensor& tensor : file_.tensors()) {
      if (ok() && !used_.contains(tensor.name)) {
        status_ = absl::InvalidArgumentError(absl::StrCat(
            "tensor ", QuoteForMessage(tensor.name),
            " is not part of a llama model of ", config_.layers, " layers"));
      }
    }
  }

  const GgufFile& file_;
  HostContext& context_;
  ModelConfig config_;
  Model model_;
  absl::flat_hash_set<std::string> used_;
  absl::Status status_;
};

absl::StatusOr<Model> Model::Load(const GgufFile& file,
                                  const WeightFormat& format,
                                  HostContext& context) {
  return ModelLoader(file, format, context).Load();
}

void Model::Embed(int32_t token, const Tensor& row) const {
  ABSL_CHECK_OK(Dequantize(*embeddings_, token, 1, row));
}

int64_t Model::WeightBytes() const {
  int64_t bytes = lm_head_.NumBytes();
  for (const LayerWeights& layer : layers_) {
    bytes += layer.qkv.NumBytes() + layer.output.NumBytes() +
             layer.gate.NumBytes() + layer.up.NumBytes() +
             layer.down.NumBytes();
  }
  return bytes;
}

}  // namespace tilework
