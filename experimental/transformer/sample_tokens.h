// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Draws the next token of each sequence from its logits: greedy, or at a
// temperature with top-k, top-p and min-p. (Beyond NKI.)
//
// For a row z of V logits, widened to f32:
//
//   temperature = 0: the index of the largest z, the lowest one on ties.
//   Otherwise, with the indices in the order pi of falling z, the lower index
//   first on ties:
//   1. top_k > 0 keeps the first min(top_k, V) of pi.
//   2. w = exp((z - max z) / temperature) in f32;  W = sum of the kept w, in
//      f64 in order pi;  p = w / W.
//   3. top_p < 1 keeps the shortest prefix of pi whose p add up to top_p or
//      more (the token that reaches it is kept).
//   4. min_p > 0 drops tokens with p < min_p * (p of the first).
//   5. u = word 0 of block `step` of Philox stream `request_id` of `seed`,
//      scaled to [0, 1). With P the sum of the p still kept, the token is the
//      first of pi whose running sum of p exceeds u P.
//
//   logprob = z_token - log(sum over all V of exp(z)), before temperature and
//   filters.
//
// A row with a NaN or +infinity, or with nothing but -infinity, gets token -1
// and logprob NaN.
//
//   tensor      shape   types           meaning
//   logits      [B, V]  f32, bf16, f16  V >= 1 (if B > 0), V < 2^31
//   step        [B]     i32             >= 0: tokens drawn before in the
//   request request_id  [B]     i64             the random stream; any bits
//   tokens      [B]     i32             output
//   logprob     [B]     f32             output, optional
//
// All may have any strides; an output must not overlap another tensor. B = 0:
// nothing happens.
//
// Numerics: the rules are exact, but exp has an error of 2 ulp; so a token may
// differ from that of exact arithmetic where top_p or u P lies within 1e-6 of a
// running sum. |logprob - exact| <= kSampleTokensLogprobError + 2^-23 |exact|.
// The same token for any number of threads and whatever the other rows are.
//
// Cost: greedy reads the logits once. Sampling passes over a row a few times
// and sorts only the tokens that the draw may depend on; in the rare case that
// rounding could decide, it sorts the whole row. Scratch: about 24 V bytes for
// each thread that has work.

#ifndef TILEWORK_EXPERIMENTAL_TRANSFORMER_SAMPLE_TOKENS_H_
#define TILEWORK_EXPERIMENTAL_TRANSFORMER_SAMPLE_TOKENS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

struct SampleTokensArgs {
  ConstTensor logits;
  ConstTensor step;
  ConstTensor request_id;
  Tensor tokens;
  Tensor logprob;
  float temperature = 0;  // >= 0, finite
  int32_t top_k = 0;      // >= 0; 0 keeps all
  float top_p = 1;        // in (0, 1]
  float min_p = 0;        // in [0, 1)
  uint64_t seed = 0;
};

// The absolute part of the error bound of logprob.
inline constexpr double kSampleTokensLogprobError = 5e-7;

// The schema: shows the arguments to `visitor`.
void Declare(const SampleTokensArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const SampleTokensArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status SampleTokens(const SampleTokensArgs& args, HostContext& context);

}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_TRANSFORMER_SAMPLE_TOKENS_H_
