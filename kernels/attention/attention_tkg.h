// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Attention of a few new tokens a sequence against a flat cache of keys and
// values: decoding. NKI: attention_tkg with use_pos_id.
//
//   out[b, h, i] = sum_c P[c] v[b, h / G, c],  P = softmax over the visible c
//   of
//                  scale * (q[b, h, i] . k[b, h / G, c])
//
// Sequence b has n_b = cache_lens[b] tokens in slots 0 .. n_b - 1 of the cache;
// query i sees them and the active tokens 0 .. i. Active token a is row a of
// k_active and v_active or, if these are absent, slot n_b + a of the cache,
// where the caller has written it.
//
// curr_sprior = Sctx slots of the cache are considered, of which the
// active_placement leaves room for tokens:
//   tail     the last Sa slots stand for the active tokens: n_b <= Sctx - Sa
//   append   all slots are for cached tokens: n_b <= Sctx
//   without k_active: n_b + Sa <= Sctx, whatever active_placement is
//
// Symbols: B batch, Hq query heads, Hkv key and value heads (Hq = G Hkv), Sa
// active tokens (few, but any number works), Scap slots of the cache, D and Dv
// from 1 to 576. B, Hq, Sa = 0 is no work.
//
// A three-dimensional q, k_active, v_active, k_prior, v_prior or out is read as
// [1, ...], and so is an out_lse of two dimensions.
//
// Slots that no query sees, and batches >= B of the cache, are not read. A NaN
// or +inf among a row's visible scores makes the row NaN; if all are -inf, the
// row of out is 0 and its lse -inf.
//
// Numerics: as attention_cte.h, with the same bounds. A row has the same bits
// for any number of threads and whatever the other rows and sequences are: the
// keys are cut every 256 tokens, and the parts merged in ascending order.
//
// Cost: reads (D + Dv) * n_b elements of the cache once a KV head. Scratch
// memory from the context: up to about 1 MiB a thread and usually 4 MiB
// more.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_TKG_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_TKG_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

enum class ActivePlacement { kTail, kAppend };

// q, the active tokens and the cache are all f32, all bf16 or all f16. Strides
// are free.
struct AttentionTkgArgs {
  ConstTensor q;  // [B, Hq, Sa, D]
  // Both or none.
  ConstTensor k_active;    // [B, Hkv, Sa, D]
  ConstTensor v_active;    // [B, Hkv, Sa, Dv]
  ConstTensor k_prior;     // [Bc >= B, Hkv, Scap, D]
  ConstTensor v_prior;     // [Bc, Hkv, Scap, Dv]
  ConstTensor cache_lens;  // [B] i32
  Tensor out;              // [B, Hq, Sa, Dv], q's type or f32
  Tensor out_lse;  // [B, Hq, Sa] f32: ln sum_c exp(score); may be absent
  std::optional<int64_t> curr_sprior;  // 1 to Scap; default Scap
  ActivePlacement active_placement = ActivePlacement::kTail;
  float scale = 1.0f;
};

// InvalidArgument, before anything is written, if the arguments do not fit.
absl::Status AttentionTkg(const AttentionTkgArgs& args, HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const AttentionTkgArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const AttentionTkgArgs& args);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_TKG_H_
