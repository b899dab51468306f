// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotary position embedding of the queries and keys of a layer in one launch,
// with HuggingFace's shapes, and its gradient. (NKI: rope_hf)
//
// R = rotary_dim, h = R / 2. Queries and keys are each rotated as by `rope`
// with the same attributes, and to the same bits; `backward` is its `inverse`.
//
//   tensor     shape                              types
//   q          [B, Hq, S, D]                      f32, bf16, f16    D >= 2
//   k          [B, Hkv, S, D]                     as q
//   q_out      as q                               as q
//   k_out      as k                               as q
//   cos, sin   [P, W], [1, P, W] or [B, P, W]     f32, bf16, f16
//   rope_cache [P, 2W], [1, P, 2W] or [B, P, 2W]  f32, bf16, f16
//   positions  [B, S], [1, S] or [S]              i32, i64          optional
//
// Either cos and sin are given, or rope_cache: cosines in columns 0..W - 1,
// sines in W..2W - 1. W = R (HuggingFace's tables) or h. Token s of batch b
// uses row positions[b, s], 0..P - 1, or without positions row s, P >= S, of
// the table (of batch b).
//
// All may have any strides; [B, S, H, D] tensors, or parts of a fused
// projection, are views. q_out may be exactly the view q, k_out exactly k;
// other than that an output may share no element with another tensor. Hq or Hkv
// = 0: nothing happens to that tensor; B or S = 0: to either.
//
// Numerics, cost and scratch: as rope, for each tensor. On a device one launch
// for both if their heads have unit stride.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_HF_H_
#define TILEWORK_KERNELS_ROPE_ROPE_HF_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct RopeHfArgs {
  ConstTensor q, k;
  Tensor q_out, k_out;
  ConstTensor cos, sin;
  ConstTensor rope_cache;
  ConstTensor positions;
  bool backward = false;
  bool contiguous_layout = true;
  // Even, 2..D; default D.
  std::optional<int64_t> rotary_dim;
  // 0..D - rotary_dim.
  int64_t rotary_offset = 0;
};

// The schema: shows the arguments to `visitor`.
void Declare(const RopeHfArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RopeHfArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RopeHf(const RopeHfArgs& args, HostContext& context);
absl::Status RopeHf(const RopeHfArgs& args, DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_HF_H_
