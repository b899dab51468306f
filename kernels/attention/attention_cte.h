// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Attention of a block of queries against a block of keys and, before it, a
// cached prefix: prompt processing, chunk by chunk. NKI: attention_cte.
//
//   out[b, h, i] = sum_c P[c] v[b, h / G, c],  P = softmax over the visible c
//   of
//                  scale * (q[b, h, i] . k[b, h / G, c])
//
// The keys of batch b are the prior_used_len[b] first rows of k_prior, then the
// rows of k; query i has the position of row i of k. With causal_mask query i
// sees the whole prefix and rows 0..i of k, else it sees all keys.
//
// Symbols: B batch, Hq query heads, Hkv key and value heads (Hq = G Hkv), Sq
// queries, Sk keys, Sp capacity of the prefix, D and Dv from 1 to 576. B, Hq,
// Sq = 0 is no work; without visible keys a row of out is 0 and its lse -inf.
//
// A three-dimensional tensor of q, k, v, k_prior, v_prior or out is read as
// [1, ...], and so is an out_lse of two dimensions.
//
// What no query of a batch sees, such as the prefix beyond prior_used_len, is
// not read. A NaN or +inf among a row's visible scores makes the row NaN.
//
// Numerics: scores, softmax and sums in f32; for bf16 the weights P may be
// rounded to bf16 for the product with v; one rounding to out's type. Max error
// of an element of out, with a = sum_c P[c] |v[c]|, of all of out in the
// Frobenius norm, relative to that of sqrt(out^2 + sum_c (P[c] v[c])^2), and of
// out_lse (times max(1, |lse|)):
//           out        out, Frobenius   out_lse
//   f32     3e-5 a     5e-6             1e-5
//   bf16    6e-3 a     2.5e-3           1e-4
//   f16     1.5e-3 a   5e-4             1e-4
// for normally distributed q, k and v with |scores| up to 64; beyond, an
// element of out may be off by 3e-5 (max |score| / 64 - 1) a more. A row has
// the same bits for any number of threads and whatever the other rows are.
//
// Cost: 2 * Hq * A * (D + Dv) operations a batch for A visible pairs of query
// and key; masked blocks are skipped. Fast if rows (the last dimension) have
// stride 1. Scratch memory from the context: up to about 1 MiB a thread.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_CTE_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_CTE_H_

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// q, k, v and the prefix are all f32, all bf16 or all f16. Strides are free.
struct AttentionCteArgs {
  ConstTensor q;  // [B, Hq, Sq, D]
  ConstTensor k;  // [B, Hkv, Sk, D]
  ConstTensor v;  // [B, Hkv, Sk, Dv]
  // The prefix: all three or none.
  ConstTensor k_prior;         // [B, Hkv, Sp, D]
  ConstTensor v_prior;         // [B, Hkv, Sp, Dv]
  ConstTensor prior_used_len;  // [1] or [B] i32, from 0 to Sp
  Tensor out;                  // [B, Hq, Sq, Dv], q's type or f32
  Tensor out_lse;  // [B, Hq, Sq] f32: ln sum_c exp(score); may be absent
  float scale = 1.0f;
  bool causal_mask = true;
};

// InvalidArgument, before anything is written, if the arguments do not fit.
absl::Status AttentionCte(const AttentionCteArgs& args, HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const AttentionCteArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const AttentionCteArgs& args);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_CTE_H_
