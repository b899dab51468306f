// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How attention is cut into tasks. The keys are cut at fixed places, because
// that fixes the order of the sums; the rows may be cut anywhere, because no
// row's result depends on others.

#ifndef TILEWORK_KERNELS_ATTENTION_ATTENTION_PLAN_H_
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_PLAN_H_

#include <cstdint>
#include <string>

namespace tilework {

// The largest D and Dv.
inline constexpr int64_t kMaxAttentionWidth = 576;
// Keys that are scored at a time: a block of both K and V stays in the L1 and
// L2 caches while the rows of a task pass by.
inline constexpr int64_t kKeyBlock = 128;
// Keys of one split: with 128 elements of 16 bits a row, 128 KiB of K and V.
inline constexpr int64_t kSplitKeys = 256;
static_assert(kSplitKeys % kKeyBlock == 0);

struct AttentionShape {
  int64_t heads = 0;  // B * Hkv: each has its own K and V
  int64_t rows = 0;   // Sq * G: the query rows that share these
  int64_t keys = 0;   // the largest number of keys of any batch
  int64_t d = 0, dv = 0;
  bool split = false;  // whether the keys are cut too
};

// One task is a block of the rows of one head against one split of the keys.
struct AttentionPlan {
  int64_t block_rows = 0;
  int64_t row_blocks = 0;
  int64_t splits = 0;
  int64_t split_keys = 0;
  int64_t num_tasks = 0;  // heads * row_blocks * splits
  // Row blocks (of any head) whose partial results are kept at the same time.
  int64_t wave_blocks = 0;

  // "192 rows x 256 keys, 2 x 32 blocks, 512 tasks, 8 blocks a wave"
  std::string ToString() const;
};

AttentionPlan PlanAttention(const AttentionShape& shape);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_PLAN_H_
