// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotary position embedding of one tensor: queries, keys, or a part of them.
// (NKI: rope, RoPE_sbuf)
//
// R = rotary_dim, h = R / 2, o = rotary_offset. Elements [o, o + R) of each
// head form h pairs (a, b),
//
//   contiguous_layout:  a = x[o + i],   b = x[o + h + i]    (Llama, Qwen)
//   otherwise:          a = x[o + 2i],  b = x[o + 2i + 1]   (GPT-J, DeepSeek)
//
// which become, with cosines and sines for each member,
//
//   y_a = a * cos_a - b * sin_a,  y_b = b * cos_b + a * sin_b
//
// in the same places, or in those of the layout that out_layout names; with
// `inverse`, the transposed map
//
//   y_a = a * cos_a + b * sin_b,  y_b = b * cos_b - a * sin_a.
//
// The other elements are copied. The cosines and sines of token s of batch b
// are, by `mode`,
//
//   kTable     row s of the table (of batch b)
//   kIndexed   row positions[b, s] of the table
//   kComputed  those of the f32 angle f32(positions[b, s]) * inv_freq[i], each
//              times attention_factor; the same for both members
//
//   tensor     shape                           types
//   x_in       [B, S, N, D]                    f32, bf16, f16    D >= 2
//   x_out      as x_in                         f32, bf16, f16
//   cos, sin   [P, W], [1, P, W] or [B, P, W]  f32, bf16, f16    kTable, P >= S
//              [P, W]                          f32, bf16, f16    kIndexed
//   positions  [B, S], [1, S] or [S]           i32, i64          not kTable
//   inv_freq   [h]                             f32               kComputed
//
// N counts heads. W = h: column i belongs to pair i. W = R: a column for each
// member, i and h + i in contiguous layout, 2i and 2i + 1 otherwise. Positions
// are 0 or more, and below P in kIndexed; in device memory nobody looks at them
// before, and one beyond the table counts as its nearest row.
//
// All may have any strides; [B, N, S, D] or [D, B, N, S] tensors are permuted
// views. `x_out` may be exactly the view `x_in`; any other overlap with it is
// an error. B, S or N = 0: nothing happens.
//
// Numerics: f32, each product and sum rounded, then one rounding to the type of
// x_out. Beyond that last rounding, |x_out - exact| <= kRopeTolerance *
// sqrt(a^2 + b^2) * max(|cos|, |sin|), kRopeComputedTolerance in kComputed for
// the exact functions of the f32 angle (computed cosines and sines are within 2
// ulp). NaN and infinity spread within their pair by the rules of IEEE 754. The
// same bits for any number of threads, whatever the other heads and tokens are,
// and on every SIMD target.
//
// Cost: one pass over memory, which bypasses the caches if it writes more than
// 32 MiB. Scratch a thread: 2 R values of f32 for 64 tokens and two heads, or
// 512 columns of both tables and of a head where x_in and x_out have no unit
// stride in D but the same in another dimension. On a device: one pass, and no
// scratch unless the layout changes in place where heads have no unit stride or
// more than 4096 rotated elements: that takes a copy of x_in.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_H_
#define TILEWORK_KERNELS_ROPE_ROPE_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

enum class RopeMode : uint8_t { kTable, kIndexed, kComputed };
enum class RopeOutLayout : uint8_t { kSame, kContiguous, kInterleaved };

struct RopeArgs {
  ConstTensor x_in;
  Tensor x_out;
  ConstTensor cos, sin;
  ConstTensor positions;
  ConstTensor inv_freq;
  bool contiguous_layout = true;
  bool inverse = false;
  // Even, 2..D; default D.
  std::optional<int64_t> rotary_dim;
  // 0..D - rotary_dim.
  int64_t rotary_offset = 0;
  RopeMode mode = RopeMode::kTable;
  // Finite, > 0. kComputed only: tables already contain it.
  float attention_factor = 1;
  // Of the rotated elements.
  RopeOutLayout out_layout = RopeOutLayout::kSame;
};

// The error of the f32 arithmetic, relative to the size of the pair.
inline constexpr double kRopeTolerance = 3 * 0x1p-24;
// The same and the error of computed cosines and sines.
inline constexpr double kRopeComputedTolerance = kRopeTolerance + 4 * 0x1p-24;

// The schema: shows the arguments to `visitor`.
void Declare(const RopeArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RopeArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status Rope(const RopeArgs& args, HostContext& context);
absl::Status Rope(const RopeArgs& args, DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_H_
