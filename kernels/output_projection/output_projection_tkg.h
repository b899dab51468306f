// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The projection that closes an attention layer, for decode and speculative
// decode: few tokens. (NKI: output_projection_tkg.)
//
//   out[b, s, h] = sum_(n,d) attention[b, s, n, d] * weight[n * D + d, h]
//                  + bias[h] + residual[b, s, h]
//
// Symbols: B batch, S tokens, N heads, D head dimension, H hidden size. The cte
// and tkg kernels compute the same for any B and S; they differ in the shapes
// that they take.
//
// Numerics: products and sums in f32, one rounding into out's type. The same
// bits for any number of threads, for a token alone or among others, and for
// the weight packed or plain. Max error per element, with K = N D,
// m the 2-norm of all terms that are added, sqrt(sum (attention * weight)^2 +
// bias^2 + residual^2), and u the unit roundoff of out's type:
//   u * |out| + 2^-24 * (8 + 2 sqrt(K)) * max(|out|, m)
//     + K * 2^-125 * max |weight| + half the smallest subnormal of out's type
// for zero-mean and for one-signed data.
//
// Cost: reads the weight once: bound by memory for few tokens. Scratch
// memory comes from the context and does not grow in steady state.

#ifndef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_H_
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_H_

#include "absl/status/status.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// f32, bf16 or f16 each, any strides: attention stored [B, N, D, S] is a
// Permute() of it, a weight stored [H, N * D] is its Transpose().
struct OutputProjectionTkgArgs {
  ConstTensor attention;      // [B, S, N, D]
  MatrixOperand weight;       // [N * D, H]
  ConstTensor bias = {};      // [H] or [1, H]; may be absent
  ConstTensor residual = {};  // [B, S, H]; may be absent, may be out
  Tensor out;  // [B, S, H] or [B * S, H]; overlaps no other input
};

// InvalidArgument, before anything is written, if the arguments do not fit.
// B = 0, S = 0 or H = 0 does nothing; N = 0 or D = 0 is an error.
absl::Status OutputProjectionTkg(const OutputProjectionTkgArgs& args,
                                 HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const OutputProjectionTkgArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const OutputProjectionTkgArgs& args);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_H_
