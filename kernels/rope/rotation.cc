// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rotation.h"

#include <algorithm>
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/kernels/rope/column_plan.h"
#include "tilework/kernels/rope/column_tables.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/kernels/rope/rope_rotation.h"
#include "tilework/kernels/rope/rotate_tasks.h"
#include "tilework/kernels/rope/row_source.h"

namespace tilework {
namespace {

// The rotation of one tensor, cut into tasks by its shape and strides.
class Rotator {
 public:
  // `written_bytes`: by all rotations of the call.
  Rotator(const RopeArgs& args, int64_t written_bytes)
      : args_(args),
        source_(args),
        written_bytes_(written_bytes),
        columns_(args, source_),
        by_columns_(UseColumns()),
        tokens_(args.x_in.dim(0) * args.x_in.dim(1)),
        heads_(args.x_in.dim(2)) {
    const int64_t d = args.x_in.dim(3);
    if (by_columns_) {
      tiles_per_task_ =
          std::max<int64_t>(kElementsPerTask / (columns_.tile() * d), 1);
      return;
    }
    if (args.x_in.stride(2) > args.x_in.stride(1)) {
      // Tokens are closer than heads: many of them, for long runs of memory,
      // but no more than have their tables in the first level of cache.
      tokens_per_task_ = std::clamp<int64_t>(
          kTableElements / (2 * source_.width()), 1, HeadTask::kMaxTokens);
      heads_per_task_ = std::clamp<int64_t>(
          kStridedElementsPerTask / (tokens_per_task_ * d), 1, heads_);
      return;
    }
    tokens_per_task_ = std::clamp<int64_t>(kElementsPerTask / (heads_ * d), 1,
                                           HeadTask::kMaxTokens);
    heads_per_task_ = std::clamp<int64_t>(kElementsPerTask / d, 1, heads_);
  }

  int64_t num_tasks() const {
    if (by_columns_) return Pieces(columns_.num_tiles(), tiles_per_task_);
    return Pieces(tokens_, tokens_per_task_) * Pieces(heads_, heads_per_task_);
  }

  // f32 values that each thread needs, in whole cache lines.
  int64_t scratch_size() const {
    const int64_t size = by_columns_
                             ? ColumnTables::ScratchSize(source_.width())
                             : HeadTask::ScratchSize(args_, source_.width());
    return Pieces(size, kFloatsPerLine) * kFloatsPerLine;
  }
  // Before a thread's first task.
  void Prepare(float* scratch) const {
    if (by_columns_) ColumnTables(source_, scratch).Clear();
  }

  void Run(int64_t task, float* scratch) const {
    VisitFloat(args_.x_in.dtype(), [&](auto type) {
      if (by_columns_) {
        RotateColumns(ColumnsOf(task, scratch), type);
      } else {
        RotateHeads(HeadsOf(task, scratch), type);
      }
    });
  }

 private:
  // Enough for a task to be worth a thread's attention.
  static constexpr int64_t kElementsPerTask = int64_t{1} << 16;
  static constexpr int64_t kStridedElementsPerTask = 2 * kElementsPerTask;
  // f32 values.
  static constexpr int64_t kTableElements = int64_t{1} << 13;
  static constexpr int64_t kFloatsPerLine = 16;
  // Fewer adjacent columns are not worth a vector.
  static constexpr int64_t kMinColumns = 8;

  static int64_t Pieces(int64_t total, int64_t piece) {
    return (total + piece - 1) / piece;
  }

  bool UseColumns() const {
    const bool in_place = args_.x_in.data() == args_.x_out.data();
    const bool unit_d = args_.x_in.stride(3) == 1 && args_.x_out.stride(3) == 1;
    return !unit_d && args_.x_in.dtype() == args_.x_out.dtype() &&
           !(in_place && RotationOf(args_).changes_layout) &&
           columns_.run() >= kMinColumns;
  }

  ColumnTask ColumnsOf(int64_t task, float* scratch) const {
    const int64_t begin = task * tiles_per_task_;
    return {.args = args_,
            .source = source_,
            .written_bytes = written_bytes_,
            .plan = columns_,
            .begin = begin,
            .end = std::min(columns_.num_tiles(), begin + tiles_per_task_),
            .scratch = scratch};
  }
  HeadTask HeadsOf(int64_t task, float* scratch) const {
    const int64_t head_tasks = Pieces(heads_, heads_per_task_);
    const int64_t token = task / head_tasks * tokens_per_task_;
    const int64_t head = task % head_tasks * heads_per_task_;
    return {.args = args_,
            .source = source_,
            .written_bytes = written_bytes_,
            .token_begin = token,
            .token_end = std::min(tokens_, token + tokens_per_task_),
            .head_begin = head,
            .head_end = std::min(heads_, head + heads_per_task_),
            .scratch = scratch};
  }

  const RopeArgs& args_;
  RowSource source_;
  int64_t written_bytes_;
  ColumnPlan columns_;
  bool by_columns_;
  int64_t tokens_;  // of all batches
  int64_t heads_;
  int64_t tokens_per_task_ = 1;
  int64_t heads_per_task_ = 1;
  int64_t tiles_per_task_ = 1;
};

}  // namespace

void RotateTensors(absl::Span<const RopeArgs> tensors, HostContext& context) {
  absl::InlinedVector<Rotator, 2> rotators;
  int64_t written_bytes = 0;
  for (const RopeArgs& args : tensors) written_bytes += args.x_out.NumBytes();
  int64_t num_tasks = 0;
  int64_t scratch_size = 0;  // of a thread
  for (const RopeArgs& args : tensors) {
    if (args.x_in.NumElements() == 0) continue;
    rotators.emplace_back(args, written_bytes);
    num_tasks += rotators.back().num_tasks();
    scratch_size += rotators.back().scratch_size();
  }
  ScratchScope scope(context.arena());
  float* scratch = scope.Allocate<float>(scratch_size * context.num_threads());
  for (int thread = 0; thread < context.num_threads(); ++thread) {
    float* of_rotator = scratch + scratch_size * thread;
    for (const Rotator& rotator : rotators) {
      rotator.Prepare(of_rotator);
      of_rotator += rotator.scratch_size();
    }
  }
  context.pool().ParallelFor(num_tasks, [&](int64_t task, int thread) {
    float* of_rotator = scratch + scratch_size * thread;
    for (const Rotator& rotator : rotators) {
      if (task < rotator.num_tasks()) {
        rotator.Run(task, of_rotator);
        return;
      }
      task -= rotator.num_tasks();
      of_rotator += rotator.scratch_size();
    }
  });
}

}  // namespace tilework
