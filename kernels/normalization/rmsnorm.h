// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// RMS normalization, optionally after a residual addition and gated.
// (NKI: rmsnorm_tkg)
//
//   h_j = input_j                    or, with residual,
//   h_j = input_j + residual_j       rounded to the type of residual
//   h_j = h_j * silu(gate_j)         if gate_mode is kPre; not rounded
//   r = 1 / sqrt(sum_{j<H} h_j^2 / hidden_actual + eps)
//   t_j = h_j * r                    if cast_mode is kLlama, rounded to the
//                                    type of input
//   n_j = t_j * (gamma_j + gamma_offset)
//   n_j = n_j * silu(gate_j)         if gate_mode is kPost
//   output_j = n_j
//
// for each row of H elements; silu(z) = z / (1 + exp(-z)). The sum always runs
// over all H elements (padding is zero by contract), and all H outputs are
// written. With group_size G, each G consecutive elements of a row have an r of
// their own, with G for H and hidden_actual in its formula.
//
//   tensor        shape          types             meaning
//   input         [..., H]       f32, bf16, f16    H >= 1
//   gamma         [H] or [1, H]  f32, bf16, f16    optional: factor 1
//   residual      as input       input's or f32    optional
//   residual_out  as input       as residual       optional, needs residual: h
//                                                  before the gate
//   gate          as input       f32, bf16, f16    needed with a gate_mode
//   output        as input       f32, bf16, f16
//   rstd          [...]          f32               optional: r;
//                                                  [..., H/G] if G < H
//
// All may have any strides. `output` may be exactly the view `input`, and
// `residual_out` the view `residual`; any other overlap of an output with
// another tensor is an error. No rows: nothing happens.
//
// Numerics: f32 from exact inputs, one rounding to the type of `output`.
// |output - exact| <= RmsNormTolerance(type) * |exact| + half the smallest
// subnormal of the type, for kLlama RmsNormLlamaTolerance(); residual_out is
// exact. silu(z) is 0 for z < -88.7. A row of zeros gives zeros, or NaN if eps
// = 0; NaN and infinity spread by the rules of IEEE 754; a sum that overflows
// makes the row zero. The same bits for any number of threads, whatever the
// other rows are, and, without a gate, on every SIMD target.
//
// Cost: one pass over memory; an output of 32 MiB or more that is not in place
// goes past the caches. Scratch: 4 H bytes, and 8 H a thread.

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

// Whether the normalized row is rounded before the multiplication by gamma.
enum class RmsNormCastMode : uint8_t {
  kF32 = 0,
  kLlama = 1,  // as Llama's reference implementation does
};

// Where silu(gate) is a factor.
enum class RmsNormGateMode : uint8_t {
  kNone = 0,
  kPre = 1,   // before the norm (Mamba-2)
  kPost = 2,  // after it
};

struct RmsNormArgs {
  ConstTensor input;
  ConstTensor gamma;
  ConstTensor residual;
  Tensor residual_out;
  ConstTensor gate;
  Tensor output;
  Tensor rstd;
  // >= 0, finite.
  float eps = 1e-6f;
  // 1..H; default H.
  std::optional<int64_t> hidden_actual;
  // 0, or 1 for weights stored as their difference to 1 (Gemma).
  float gamma_offset = 0;
  RmsNormCastMode cast_mode = RmsNormCastMode::kF32;
  RmsNormGateMode gate_mode = RmsNormGateMode::kNone;
  // G; divides H. Default H; another one excludes a hidden_actual but H.
  std::optional<int64_t> group_size;
};

// The relative error bound of an output of type `dtype`: its rounding, and 64
// ulp of f32.
constexpr double RmsNormTolerance(DType dtype) {
  return UnitRoundoff(dtype) + 4e-6;
}

// The same for kLlama: the normalized row may round the other way.
constexpr double RmsNormLlamaTolerance(DType input, DType output) {
  return RmsNormTolerance(output) + 2 * UnitRoundoff(input);
}

// The schema: shows the arguments to `visitor`.
void Declare(const RmsNormArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RmsNormArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RmsNorm(const RmsNormArgs& args, HostContext& context);

// Enqueued; one pass over memory up to H (or G) = 16 Ki if 8 divides it and all
// rows begin at multiples of 16 bytes, else input, residual and gate are read
// again, mostly from the caches. No scratch. The order of the sum depends on H
// (or G) alone.
absl::Status RmsNorm(const RmsNormArgs& args, DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_H_
