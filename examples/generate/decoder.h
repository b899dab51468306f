// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Runs a model over a growing sequence of tokens:
//
//   x = E[token]
//   per layer:
//     q, k, v = qkv(rms(x)), rotated; k and v go to the layer's cache
//     x = x + W_o attention(q, cache)
//     x = x + W_down (silu(W_gate rms(x)) * W_up rms(x))
//   logits = W_lm rms(x)
//
// Every step is a kernel of the library. The residual stream x and all sums are
// f32; the matrices have the model's type; heads (q, k, v and what attention
// makes of them) and caches have a type of their own.
//
// Relative error of the logits of a 30-layer model (SmolLM2-135M) by what is
// rounded to bf16: matrices 6e-3, heads 7e-3, x 4e-2; heads in f16 8e-4. Hence
// x is never 16-bit, and f16 suits the heads.

#ifndef TILEWORK_EXAMPLES_GENERATE_DECODER_H_
#define TILEWORK_EXAMPLES_GENERATE_DECODER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/examples/generate/model.h"

namespace tilework {

// The state of one sequence. The same logits, bit for bit, for any number of
// threads.
class Decoder {
 public:
  // Tokens that are worked on at once, by default.
  static constexpr int64_t kChunk = 512;

  // Room for `capacity` tokens, with heads and caches of `heads`: f32, bf16 or
  // f16. `model` must outlive the decoder.
  Decoder(const Model& model, DType heads, int64_t capacity,
          HostContext& context, int64_t chunk = kChunk);

  // Tokens so far.
  int64_t length() const { return length_; }
  int64_t capacity() const { return capacity_; }

  // Appends `tokens` and writes the logits of the last of them, or of all, to
  // `logits`: f32 [1, V] or [tokens, V]. InvalidArgument, before anything is
  // changed, if there is no token or no room, or a token is not in the
  // vocabulary.
  absl::Status Append(absl::Span<const int32_t> tokens, const Tensor& logits,
                      HostContext& context);

  // Bytes that Append() reads for one more token: weights and caches.
  int64_t StepBytes() const;

 private:
  struct Cache {
    Buffer k, v;  // [1, Hkv, capacity, D]
  };

  absl::Status Check(absl::Span<const int32_t> tokens,
                     const Tensor& logits) const;
  absl::Status AppendChunk(absl::Span<const int32_t> tokens,
                           const Tensor& logits, HostContext& context);
  absl::Status Attend(const LayerWeights& weights, Cache& cache, int64_t tokens,
                      HostContext& context);
  absl::Status FeedForward(const LayerWeights& weights, int64_t tokens,
                           HostContext& context);
  absl::Status Head(int64_t tokens, const Tensor& logits, HostContext& context);

  const Model& model_;
  DType heads_;
  int64_t capacity_;
  int64_t chunk_;
  int64_t length_ = 0;
  Buffer start_;                // [1] i32: length_
  Buffer rope_cos_, rope_sin_;  // [capacity, D / 2] f32
  std::vector<Cache> caches_;
  // Of one chunk.
  Buffer x_, next_x_;  // [1, chunk, H] f32
  Buffer normed_;      // [chunk, H], of the last norm
  Buffer q_;           // [1, chunk, Hq D]
  Buffer attended_;    // [1, chunk, Hq, D]
};

}  // namespace tilework

#endif  // TILEWORK_EXAMPLES_GENERATE_DECODER_H_
