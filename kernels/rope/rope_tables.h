// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The tables of cosines and sines for rotary position embedding, from a model's
// parameters. The one place where the schemes for long contexts live.
//
// R = rotary_dim, h = R / 2, f_i = base^(-2i/R) for pair i. By rope_type:
//
//   kDefault  inv_freq_i = f_i
//   kLinear   inv_freq_i = f_i / factor
//   kLlama3   with the wavelength w_i = 2 pi / f_i, M0 = original_max_position,
//             l, u = low_freq_factor, high_freq_factor:
//             w_i < M0 / u:  f_i
//             w_i > M0 / l:  f_i / factor
//             else           (1 - g) * f_i / factor + g * f_i,
//                            g = (M0 / w_i - l) / (u - l)
//
// and, with freq_factors, divided by freq_factors[i].
//
// Row r of a table belongs to position p = position_start + r and holds cos and
// sin of
//
//   precision kF32:  p * inv_freq_i in f32, both factors rounded to f32 (what
//                    models are trained with)
//   precision kF64:  p * inv_freq_i in f64
//
//   tensor        shape   types
//   freq_factors  [h]     f32              optional, > 0
//   cos, sin      [P, W]  f32, bf16, f16   outputs, optional
//   inv_freq      [h]     f32              output, optional
//
// W = h; with `duplicate` W = R and each value stands twice: at i and h + i in
// contiguous layout, at 2i and 2i + 1 otherwise. Any strides; no two tensors
// may overlap. P = 0: no rows.
//
// Numerics: inv_freq is evaluated in f64 and rounded once. cos and sin are
// within 1 ulp of their type of the exact function of the angle. (kF32 rounds
// them to f32 and then to their type, kF64 once.) The same bits for any number
// of threads and rows.
//
// Cost: about 50 ns for each pair and row. Scratch: 12 h bytes.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_TABLES_H_
#define TILEWORK_KERNELS_ROPE_ROPE_TABLES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

enum class RopeType : uint8_t { kDefault, kLinear, kLlama3 };
enum class RopePrecision : uint8_t { kF32, kF64 };

struct RopeTablesArgs {
  Tensor cos, sin;
  Tensor inv_freq;
  ConstTensor freq_factors;
  RopeType rope_type = RopeType::kDefault;
  // > 1.
  double base = 10000;
  // Even, >= 2.
  int64_t rotary_dim = 0;
  // 0..2^52.
  int64_t position_start = 0;
  bool duplicate = false;
  // Matters with `duplicate` only.
  bool contiguous_layout = true;
  RopePrecision precision = RopePrecision::kF32;
  // kLinear and kLlama3: >= 1.
  double factor = 1;
  // kLlama3: low_freq_factor < high_freq_factor, original_max_position >= 1.
  double low_freq_factor = 1;
  double high_freq_factor = 4;
  int64_t original_max_position = 8192;
};

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RopeTablesArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RopeTables(const RopeTablesArgs& args, HostContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_TABLES_H_
