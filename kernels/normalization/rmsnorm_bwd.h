// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The gradients of rmsnorm (rmsnorm.h) without gate, groups and rounding before
// gamma. (Not in NKI.)
//
//   r = 1 / sqrt(sum_{j<H} input_j^2 / hidden_actual + eps), or rstd
//   xhat_j = input_j * r
//   w_j = dy_j * (gamma_j + gamma_offset)
//   dx_j = r * (w_j - xhat_j * sum_{k<H} w_k xhat_k / hidden_actual) + dres_j
//   dgamma_j = sum over all rows of dy_j * xhat_j
//
//   tensor  shape          types              meaning
//   dy      [..., H]       f32, bf16, f16     gradient of output; H >= 1
//   input   as dy          f32, bf16, f16     h, after the residual addition
//   gamma   [H] or [1, H]  f32, bf16, f16     optional: factor 1
//   rstd    [...]          f32                optional: r of the forward pass
//   dres    as dy          f32, bf16, f16     optional: gradient that arrives
//                                             at residual_out
//   dx      as dy          as input
//   dgamma  [H]            f32, or as gamma   optional, also without gamma
//
// All may have any strides. `dx` may be exactly the view `dy`, `input` or
// `dres`; any other overlap of an output with another tensor is an error. No
// rows: dgamma is zero.
//
// Numerics: f32 from exact inputs, one rounding to the type of an output. The
// relative Frobenius error of dx is within RmsNormBwdTolerance(type);
// |dgamma - exact| <= UnitRoundoff(type) * |exact| + kRmsNormBwdSumTolerance *
// (sum over all rows of |dy_j * xhat_j|). The same bits for any number of
// threads, dx whatever the other rows are, and on every SIMD target.
//
// Cost: one pass over memory; a dx of 32 MiB or more that is not in place goes
// past the caches. Scratch: 4 H bytes, and 16 H a thread; for dgamma 8 H bytes
// for each block of rows (16 to 256 of them; more where H < 256).

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_BWD_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_BWD_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct RmsNormBwdArgs {
  ConstTensor dy;
  ConstTensor input;
  ConstTensor gamma;
  ConstTensor rstd;
  ConstTensor dres;
  Tensor dx;
  Tensor dgamma;
  // >= 0, finite; as in the forward pass.
  float eps = 1e-6f;
  // 1..H; default H.
  std::optional<int64_t> hidden_actual;
  // 0 or 1.
  float gamma_offset = 0;
};

// The bound of the relative Frobenius error of dx of type `dtype`.
constexpr double RmsNormBwdTolerance(DType dtype) {
  return UnitRoundoff(dtype) + 1e-5;
}
// The error bound of dgamma before its rounding, relative to the sum of
// magnitudes.
inline constexpr double kRmsNormBwdSumTolerance = 2e-6;

// The schema: shows the arguments to `visitor`.
void Declare(const RmsNormBwdArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RmsNormBwdArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RmsNormBwd(const RmsNormBwdArgs& args, HostContext& context);

// Enqueued; one pass over memory up to H = 8 Ki if 8 divides it and all rows
// begin at multiples of 16 bytes, else the rows are read again, mostly from the
// caches, and once more for dgamma. Scratch: 4 H bytes for each slice of up
// to 64 rows, fewer if there are few rows; 8 bytes a row more if rows are read
// again. The order of all sums depends on the shape, and that of dgamma on
// whether rows are read again.
absl::Status RmsNormBwd(const RmsNormBwdArgs& args, DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_BWD_H_
