// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/attention/attention_plan.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace tilework {
namespace {

// Rows of the largest and the smallest task, multiples of the 6 rows of a tile.
// The largest keep queries and sums (f32) in half of a 1 MiB L2 cache and make
// the packing of K and V a few percent of the work.
constexpr int64_t kMostRows = 192;
constexpr int64_t kFewestRows = 24;
constexpr int64_t kLargeWidth = 512;  // of d + dv
// Partial results that are kept at a time (f32 numbers of width dv), unless one
// block has more: they should stay in the L2 and L3 caches until the merge.
constexpr int64_t kPartialFloats = int64_t{1} << 20;
// Fewer tasks than these leave threads idle.
constexpr int64_t kEnoughTasks = 16;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

std::string AttentionPlan::ToString() const {
  return absl::StrCat(block_rows, " rows x ", split_keys, " keys, ", row_blocks,
                      " x ", splits, " blocks, ", num_tasks, " tasks, ",
                      wave_blocks, " blocks a wave");
}

AttentionPlan PlanAttention(const AttentionShape& shape) {
  AttentionPlan plan;
  plan.split_keys = shape.split ? kSplitKeys : std::max<int64_t>(shape.keys, 1);
  // One split even without keys: it writes the dead rows.
  plan.splits = std::max<int64_t>(CeilDiv(shape.keys, plan.split_keys), 1);
  plan.block_rows =
      shape.d + shape.dv > kLargeWidth ? kMostRows / 2 : kMostRows;
  const auto num_tasks = [&] {
    return shape.heads * CeilDiv(shape.rows, plan.block_rows) * plan.splits;
  };
  while (num_tasks() < kEnoughTasks && plan.block_rows > kFewestRows) {
    plan.block_rows /= 2;
  }
  plan.block_rows = std::min(plan.block_rows, shape.rows);
  plan.row_blocks = CeilDiv(shape.rows, std::max<int64_t>(plan.block_rows, 1));
  const int64_t blocks = shape.heads * plan.row_blocks;
  plan.num_tasks = blocks * plan.splits;
  plan.wave_blocks = blocks;
  if (plan.splits > 1) {
    const int64_t partial = plan.block_rows * plan.splits * shape.dv;
    plan.wave_blocks = std::clamp<int64_t>(kPartialFloats / partial, 1, blocks);
  }
  return plan;
}

}  // namespace tilework
