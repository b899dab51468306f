// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What attention_cte and attention_tkg have in common: softmax(scale Q K^T) V
// of queries against cached keys followed by the keys of the call.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_CALL_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_CALL_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/attention/key_range.h"

namespace tilework {

// The key axis of one batch: keys below `num_prior` are rows of the cache, key
// num_prior + a is row a of the call's own keys.
struct BatchKeys {
  int64_t num_prior = 0;
  KeyMask mask;
};

// All checked. Strides are free; q, k, v and the caches have one type.
struct AttentionCall {
  ConstTensor q;                 // [B, Hq, Sq, D]
  ConstTensor k_prior, v_prior;  // [>= B, Hkv, Sp, D or Dv]; may be absent
  ConstTensor k, v;              // [B, Hkv, Sk, D or Dv]; may be absent
  Tensor out;                    // [B, Hq, Sq, Dv]
  Tensor lse;                    // [B, Hq, Sq]; may be absent
  float scale = 1;
  int64_t dv = 0;
  int64_t num_kv_heads = 0;
  // Whether the keys are cut into splits that several threads can share, for
  // few queries and many keys.
  bool split = false;
  absl::FunctionRef<BatchKeys(int64_t batch)> keys;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_CALL_H_
