// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Filled arguments of rope, for its tests.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_PROBLEM_H_
#define TILEWORK_KERNELS_ROPE_ROPE_PROBLEM_H_

#include <array>
#include <cstdint>
#include <optional>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tensors.h"

namespace tilework {

struct RopeConfig {
  Dims shape = {2, 3, 4, 16};
  DType dtype = DType::kF32;
  DType out_dtype = DType::kNone;  // as dtype
  DType table_dtype = DType::kF32;
  // Of the table: 0 for a table of rank 2.
  int64_t table_batch = 0;
  bool per_member = false;  // W = R
  bool contiguous = true;
  bool inverse = false;
  std::optional<int64_t> rotary_dim;
  int64_t rotary_offset = 0;
  Layout layout = Layout::kContiguous;
  RopeMode mode = RopeMode::kTable;
  DType position_dtype = DType::kI32;
  Dims position_shape;  // default [B, S]
  float attention_factor = 1;
  RopeOutLayout out_layout = RopeOutLayout::kSame;
};

// The tensors of one call, filled. The two members of a pair have different
// cosines and sines, so that exchanging them shows.
class RopeProblem {
 public:
  explicit RopeProblem(const RopeConfig& config)
      : config_(config),
        x_in_(config.dtype, config.shape, config.layout),
        x_out_(
            config.out_dtype == DType::kNone ? config.dtype : config.out_dtype,
            config.shape, config.layout),
        cos_(config.table_dtype, TableShape(), config.layout),
        sin_(config.table_dtype, TableShape(), config.layout),
        positions_(config.position_dtype, PositionShape(), config.layout),
        inv_freq_(DType::kF32, {RotaryDim() / 2}, config.layout) {
    Random random(1);
    FillNormal(random, x_in_);
    FillUniform(random, cos_, -1, 1);
    FillUniform(random, sin_, -1, 1);
    FillUniform(random, inv_freq_, 0, 1);
    const int64_t last =
        config.mode == RopeMode::kIndexed ? cos_.view().dim(-2) - 1 : 1000000;
    ForEachIndex(PositionShape(), [&](const Dims& index) {
      Write(positions_, index, static_cast<double>(random.Integer(0, last)));
    });
  }

  RopeArgs args() const {
    RopeArgs args = {.x_in = x_in_,
                     .x_out = x_out_,
                     .contiguous_layout = config_.contiguous,
                     .inverse = config_.inverse,
                     .rotary_dim = config_.rotary_dim,
                     .rotary_offset = config_.rotary_offset,
                     .mode = config_.mode,
                     .attention_factor = config_.attention_factor,
                     .out_layout = config_.out_layout};
    if (config_.mode == RopeMode::kComputed) {
      args.inv_freq = inv_freq_;
    } else {
      args.cos = cos_;
      args.sin = sin_;
    }
    if (config_.mode != RopeMode::kTable) args.positions = positions_;
    return args;
  }
  // The memory of all tensors.
  std::array<GuardedTensor*, 6> tensors() {
    return {&x_in_, &x_out_, &cos_, &sin_, &positions_, &inv_freq_};
  }
  const Tensor& x_in() const { return x_in_.view(); }
  const Tensor& x_out() const { return x_out_.view(); }
  bool Intact() const {
    return x_in_.Intact() && x_out_.Intact() && cos_.Intact() &&
           sin_.Intact() && positions_.Intact() && inv_freq_.Intact();
  }

 private:
  int64_t RotaryDim() const {
    return config_.rotary_dim.value_or(config_.shape[3]);
  }
  Dims PositionShape() const {
    if (config_.position_shape.size() > 0) return config_.position_shape;
    return {config_.shape[0], config_.shape[1]};
  }
  Dims TableShape() const {
    const int64_t w = config_.per_member ? RotaryDim() : RotaryDim() / 2;
    // One row more than there are tokens.
    const int64_t p = config_.shape[1] + 1;
    return config_.table_batch == 0 ? Dims({p, w})
                                    : Dims({config_.table_batch, p, w});
  }

  RopeConfig config_;
  GuardedTensor x_in_, x_out_, cos_, sin_, positions_, inv_freq_;
};

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_PROBLEM_H_
