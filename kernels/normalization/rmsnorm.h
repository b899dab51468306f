// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// RMS normalization, optionally after a residual addition. (NKI: rmsnorm_tkg)
//
//   h_j = input_j                    or, with residual,
//   h_j = input_j + residual_j       rounded to the type of residual
//   r = 1 / sqrt(sum_{j<H} h_j^2 / hidden_actual + eps)
//   output_j = h_j * r * (gamma_j + gamma_offset)
//
// for each row of H elements. The sum always runs over all H elements (padding
// is zero by contract), and all H outputs are written.
//
//   tensor        shape          types             meaning
//   input         [..., H]       f32, bf16, f16    H >= 1
//   gamma         [H] or [1, H]  f32, bf16, f16    optional: factor 1
//   residual      as input       input's or f32    optional
//   residual_out  as input       as residual       optional, needs residual: h
//   output        as input       f32, bf16, f16
//   rstd          [...]          f32               optional: r
//
// All may have any strides. `output` may be exactly the view `input`, and
// `residual_out` the view `residual`; any other overlap of an output with
// another tensor is an error. No rows: nothing happens.
//
// Numerics: f32 from exact inputs, one rounding to the type of `output`.
// |output - exact| <= RmsNormTolerance(type) * |exact| + half the smallest
// subnormal of the type; residual_out is exact. A row of zeros gives zeros, or
// NaN if eps = 0; NaN and infinity spread by the rules of IEEE 754; a sum that
// overflows makes the row zero. The same bits for any number of threads,
// whatever the other rows are, and on every SIMD target.
//
// Cost: one pass over memory. Scratch: 4 H bytes, and 8 H a thread.

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

struct RmsNormArgs {
  ConstTensor input;
  ConstTensor gamma;
  ConstTensor residual;
  Tensor residual_out;
  Tensor output;
  Tensor rstd;
  // >= 0, finite.
  float eps = 1e-6f;
  // 1..H; default H.
  std::optional<int64_t> hidden_actual;
  // 0, or 1 for weights stored as their difference to 1 (Gemma).
  float gamma_offset = 0;
};

// The relative error bound of an output of type `dtype`: its rounding, and 64
// ulp of f32.
constexpr double RmsNormTolerance(DType dtype) {
  return UnitRoundoff(dtype) + 4e-6;
}

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RmsNormArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RmsNorm(const RmsNormArgs& args, HostContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_H_
