// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Layer normalization, optionally after a residual addition.
// (NKI: layernorm_tkg)
//
//   h_j = input_j                    or, with residual,
//   h_j = input_j + residual_j       rounded to the type of residual
//   mean = sum_{j<H} h_j / H
//   rstd = 1 / sqrt(sum_{j<H} (h_j - mean)^2 / H + eps)
//   output_j = (h_j - mean) * rstd * gamma_j + beta_j
//
// for each row of H elements.
//
//   tensor        shape          types             meaning
//   input         [..., H]       f32, bf16, f16    H >= 1
//   gamma         [H] or [1, H]  f32, bf16, f16    optional: factor 1
//   beta          [H] or [1, H]  f32, bf16, f16    optional: 0
//   residual      as input       input's or f32    optional
//   residual_out  as input       as residual       optional, needs residual: h
//   output        as input       f32, bf16, f16
//   mean          [...]          f32               optional
//   rstd          [...]          f32               optional
//
// All may have any strides. `output` may be exactly the view `input`, and
// `residual_out` the view `residual`; any other overlap of an output with
// another tensor is an error. No rows: nothing happens.
//
// Numerics: f32 from exact inputs; the moments by the distances to a number
// near the mean, if need be in a second pass; one rounding to the type of
// `output`. |output - exact| <= UnitRoundoff(type) * |exact| +
// kLayerNormTolerance * ((|h_j| + |mean|) * rstd * |gamma_j| + |beta_j|) +
// kLayerNormMeanTolerance * (mean of |h|) * rstd * |gamma_j| + half the
// smallest subnormal of the type; residual_out is exact. A row of equal
// elements gives beta if eps > 0, NaN if eps = 0. A NaN or an infinity makes
// the row NaN; squares that overflow make it beta. The same bits for any number
// of threads, whatever the other rows are, and on every SIMD target.
//
// Cost: one pass over memory; an output of 32 MiB or more that is not in place
// goes past the caches. Scratch: 8 H bytes, and 8 H a thread.

#ifndef TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_H_
#define TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_H_

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct LayerNormArgs {
  ConstTensor input;
  ConstTensor gamma;
  ConstTensor beta;
  ConstTensor residual;
  Tensor residual_out;
  Tensor output;
  Tensor mean;
  Tensor rstd;
  // >= 0, finite. (PyTorch's default is 1e-5.)
  float eps = 1e-6f;
};

// The error in f32, relative to the elements.
inline constexpr double kLayerNormTolerance = 8e-6;
// The error of the mean, relative to the mean magnitude: what counts where an
// element and the mean are both far smaller than the rest of the row.
inline constexpr double kLayerNormMeanTolerance = 0x1p-21;

// The schema: shows the arguments to `visitor`.
void Declare(const LayerNormArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const LayerNormArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status LayerNorm(const LayerNormArgs& args, HostContext& context);

// Enqueued; one pass over memory up to H = 16 Ki if 8 divides it and all rows
// begin at multiples of 16 bytes, else input and residual are read again,
// mostly from the caches. No scratch. The order of the sums depends on H alone.
absl::Status LayerNorm(const LayerNormArgs& args, DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_LAYERNORM_H_
