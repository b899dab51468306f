// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The weights of a Llama-architecture model, as the kernels want them.

#ifndef TILEWORK_EXAMPLES_GENERATE_MODEL_H_
#define TILEWORK_EXAMPLES_GENERATE_MODEL_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/gguf.h"
#include "tilework/examples/generate/model_config.h"
#include "tilework/examples/generate/weight_format.h"

namespace tilework {

// H hidden size, Hq and Hkv heads of D, I intermediate size. Norm weights are
// f32.
struct LayerWeights {
  Buffer attention_norm;  // [H]
  PackedMatrix qkv;       // [H, (Hq + 2 Hkv) D], heads for half-split RoPE
  PackedMatrix output;    // [Hq D, H]
  Buffer mlp_norm;        // [H]
  PackedMatrix gate;      // [H, I]
  PackedMatrix up;        // [H, I]
  PackedMatrix down;      // [I, H]
};

// Immutable. Move-only.
class Model {
 public:
  // Reads all weights of `file` (which must outlive the model: it keeps the
  // embeddings), quantizes them if `format` says so, and packs them. A tensor
  // that is missing, superfluous or of a wrong shape is an error of one line.
  static absl::StatusOr<Model> Load(const GgufFile& file,
                                    const WeightFormat& format,
                                    HostContext& context);

  const ModelConfig& config() const { return config_; }
  const WeightFormat& format() const { return format_; }
  absl::Span<const LayerWeights> layers() const { return layers_; }
  ConstTensor final_norm() const { return final_norm_.view(); }  // [H]
  const PackedMatrix& lm_head() const { return lm_head_; }       // [H, V]
  // Factors by which RoPE's angles are divided, [D / 2] f32; may be absent.
  ConstTensor rope_divisors() const { return rope_divisors_.view(); }

  // Writes the embedding of `token`, which must be in the vocabulary, to `row`,
  // f32 [1, H].
  void Embed(int32_t token, const Tensor& row) const;

  // Of all matrices: what one decoding step reads.
  int64_t WeightBytes() const;

 private:
  friend class ModelLoader;
  Model() = default;

  ModelConfig config_;
  WeightFormat format_ = DType::kNone;
  const GgufTensor* embeddings_ = nullptr;
  std::vector<LayerWeights> layers_;
  Buffer final_norm_;
  Buffer rope_divisors_;
  PackedMatrix lm_head_;
};

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_MODEL_H_
