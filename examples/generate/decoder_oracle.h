// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The whole model in float64, straight from the tensors of a file.

#ifndef TILEWORK_EXAMPLES_GENERATE_DECODER_ORACLE_H_
#define TILEWORK_EXAMPLES_GENERATE_DECODER_ORACLE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/log/absl_check.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/testing/tensors.h"

namespace tilework {

class DecoderOracle {
 public:
  // Matrices are rounded to `dtype`, but the embeddings are not.
  DecoderOracle(const GgufFile& file, DType dtype)
      : file_(file), config_(*ReadModelConfig(file)), dtype_(dtype) {}

  // [tokens, V]
  std::vector<double> Logits(absl::Span<const int32_t> tokens) const {
    std::vector<Row> x;
    const Row embeddings = Read("token_embd.weight", DType::kF32);
    for (const int32_t token : tokens) {
      const auto row = embeddings.begin() + token * config_.hidden;
      x.emplace_back(row, row + config_.hidden);
    }
    for (int64_t i = 0; i < config_.layers; ++i) {
      const std::string layer = absl::StrCat("blk.", i, ".");
      Attention(layer, x);
      FeedForward(layer, x);
    }
    std::vector<double> logits;
    const bool tied = !file_.Find("output.weight").ok();
    for (const Row& row : Norms("output_norm.weight", x)) {
      const Row z =
          Product(tied ? "token_embd.weight" : "output.weight", {row})[0];
      logits.insert(logits.end(), z.begin(), z.end());
    }
    return logits;
  }

 private:
  using Row = std::vector<double>;

  Row Read(const std::string& name, DType dtype) const {
    const GgufTensor& tensor = **file_.Find(name);
    Buffer buffer(DType::kF32, {tensor.rows(), tensor.cols()});
    ABSL_CHECK_OK(Dequantize(tensor, 0, tensor.rows(), buffer.view()));
    Row values = ToDoubles(buffer.view());
    for (double& value : values) value = RoundToDType(value, dtype);
    return values;
  }

  std::vector<Row> Norms(const std::string& name,
                         const std::vector<Row>& x) const {
    const Row gamma = Read(name, DType::kF32);
    std::vector<Row> result = x;
    for (Row& row : result) {
      double sum = 0;
      for (const double value : row) sum += value * value;
      const double rms = std::sqrt(sum / static_cast<double>(row.size()) +
                                   static_cast<double>(config_.norm_eps));
      for (size_t i = 0; i < row.size(); ++i) row[i] *= gamma[i] / rms;
    }
    return result;
  }

  // x times the weight, which is [out, in].
  std::vector<Row> Product(const std::string& name,
                           const std::vector<Row>& x) const {
    const Row weight = Read(name, dtype_);
    const size_t in = x[0].size();
    std::vector<Row> result;
    for (const Row& row : x) {
      Row out(weight.size() / in, 0);
      for (size_t n = 0; n < out.size(); ++n) {
        for (size_t k = 0; k < in; ++k) out[n] += weight[n * in + k] * row[k];
      }
      result.push_back(out);
    }
    return result;
  }

  // Rotates neighbours: the order in which files store the rows of Q and K.
  void Rotate(std::vector<Row>& x) const {
    const int64_t dim = config_.head_dim;
    Row divisors(static_cast<size_t>(dim / 2), 1);
    if (file_.Find("rope_freqs.weight").ok()) {
      divisors = Read("rope_freqs.weight", DType::kF32);
    }
    for (size_t position = 0; position < x.size(); ++position) {
      for (size_t i = 0; i < x[position].size(); i += 2) {
        const int64_t d = static_cast<int64_t>(i) % dim;
        const double frequency =
            std::pow(config_.rope_base,
                     -static_cast<double>(d) / static_cast<double>(dim)) /
            config_.rope_factor / divisors[static_cast<size_t>(d / 2)];
        // The angle is f32 by definition.
        const float angle =
            static_cast<float>(position) * static_cast<float>(frequency);
        const double c = std::cos(static_cast<double>(angle));
        const double s = std::sin(static_cast<double>(angle));
        const double a = x[position][i];
        const double b = x[position][i + 1];
        x[position][i] = a * c - b * s;
        x[position][i + 1] = b * c + a * s;
      }
    }
  }

  void Attention(const std::string& layer, std::vector<Row>& x) const {
    const std::vector<Row> a = Norms(layer + "attn_norm.weight", x);
    std::vector<Row> q = Product(layer + "attn_q.weight", a);
    std::vector<Row> k = Product(layer + "attn_k.weight", a);
    const std::vector<Row> v = Product(layer + "attn_v.weight", a);
    Rotate(q);
    Rotate(k);
    std::vector<Row> heads;
    for (size_t i = 0; i < x.size(); ++i) {
      Row out;
      for (int64_t h = 0; h < config_.q_heads; ++h) {
        const Row head = Head(q[i], k, v, h, i + 1);
        out.insert(out.end(), head.begin(), head.end());
      }
      heads.push_back(out);
    }
    Add(Product(layer + "attn_output.weight", heads), x);
  }

  // Head h of query q over the first `count` keys.
  Row Head(const Row& q, const std::vector<Row>& k, const std::vector<Row>& v,
           int64_t h, size_t count) const {
    const size_t dim = static_cast<size_t>(config_.head_dim);
    const size_t from = static_cast<size_t>(h) * dim;
    const size_t kv_from =
        static_cast<size_t>(h / (config_.q_heads / config_.kv_heads)) * dim;
    Row scores;
    for (size_t j = 0; j < count; ++j) {
      double score = 0;
      for (size_t d = 0; d < dim; ++d) score += q[from + d] * k[j][kv_from + d];
      scores.push_back(score / std::sqrt(static_cast<double>(dim)));
    }
    const double largest = *std::max_element(scores.begin(), scores.end());
    Row out(dim, 0);
    double sum = 0;
    for (size_t j = 0; j < count; ++j) {
      const double p = std::exp(scores[j] - largest);
      sum += p;
      for (size_t d = 0; d < dim; ++d) out[d] += p * v[j][kv_from + d];
    }
    for (double& value : out) value /= sum;
    return out;
  }

  void FeedForward(const std::string& layer, std::vector<Row>& x) const {
    const std::vector<Row> a = Norms(layer + "ffn_norm.weight", x);
    std::vector<Row> gate = Product(layer + "ffn_gate.weight", a);
    const std::vector<Row> up = Product(layer + "ffn_up.weight", a);
    for (size_t i = 0; i < gate.size(); ++i) {
      for (size_t j = 0; j < gate[i].size(); ++j) {
        const double g = gate[i][j];
        gate[i][j] = g / (1 + std::exp(-g)) * up[i][j];
      }
    }
    Add(Product(layer + "ffn_down.weight", gate), x);
  }

  static void Add(const std::vector<Row>& from, std::vector<Row>& to) {
    for (size_t i = 0; i < to.size(); ++i) {
      for (size_t j = 0; j < to[i].size(); ++j) to[i][j] += from[i][j];
    }
  }

  const GgufFile& file_;
  ModelConfig config_;
  DType dtype_;
};

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_DECODER_ORACLE_H_
