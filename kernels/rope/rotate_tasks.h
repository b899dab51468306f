// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Parts of a rotation, for one thread each. They are compiled apart for each
// type of x_in, which the last parameter names.

#ifndef TILEWORK_KERNELS_ROPE_ROTATE_TASKS_H_
#define TILEWORK_KERNELS_ROPE_ROTATE_TASKS_H_

#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/kernels/rope/column_plan.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_rotation.h"
#include "tilework/kernels/rope/row_source.h"

namespace tilework {

// Some tokens of all batches, and some heads of each.
struct HeadTask {
  // Their cosines and sines stay in the first levels of cache, from head to
  // head where the heads lie far apart.
  static constexpr int64_t kMaxTokens = 64;

  const RopeArgs& args;
  const RowSource& source;
  int64_t written_bytes;  // by all tasks
  int64_t token_begin, token_end;
  int64_t head_begin, head_end;
  float* scratch;

  // f32 values of scratch: for each token two rows of tables as they come, or
  // four of pairs, and for all rows that become those, and two heads.
  static int64_t ScratchSize(const RopeArgs& args, int64_t width) {
    return kMaxTokens * TokenScratch(args) + 2 * width + 2 * args.x_in.dim(3);
  }
  // For one token.
  static int64_t TokenScratch(const RopeArgs& args) {
    return 2 * RotationOf(args).rotary_dim;
  }
};
void RotateHeads(const HeadTask& task, float);
void RotateHeads(const HeadTask& task, BFloat16);
void RotateHeads(const HeadTask& task, Float16);

// Tiles [begin, end) of a plan. x_in and x_out are of the same type. `scratch`
// is that of ColumnTables.
struct ColumnTask {
  const RopeArgs& args;
  const RowSource& source;
  int64_t written_bytes;  // by all tasks
  const ColumnPlan& plan;
  int64_t begin, end;
  float* scratch;
};
void RotateColumns(const ColumnTask& task, float);
void RotateColumns(const ColumnTask& task, BFloat16);
void RotateColumns(const ColumnTask& task, Float16);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROTATE_TASKS_H_
