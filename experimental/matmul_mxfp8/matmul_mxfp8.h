// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The product of two matrices of MX blocks, the linear layer of MXFP8 training
// and inference. (NKI: matmul_mxfp8.)
//
//   out[m, n] = sum_k dq(lhs)[m, k] * dq(rhs)[n, k] + bias[n]
//               + accumulate_into[m, n]
//
// dq of f32, bf16 or f16 is what quantize_mxfp8 along K with float8_dtype and
// scale_mode makes of it, as numbers; that of codes is code * scale. An operand
// stored [K, M] or [K, N] is a Transpose().
//
// Symbols: M rows, N columns, K contraction, in blocks of 32, the last of which
// may be shorter.
//
// Numerics: products of bf16, which has all these numbers, summed in f32; one
// rounding into out's type. A number above the range of f32 is infinite, one
// below 2^-126 may be 0. The same bits for any number of threads, and for a row
// alone or among others. Max error per element, with m the 2-norm of all terms
// that are added, and u the unit roundoff of out's type:
//   u * |out| + 2^-24 * (8 + 2 sqrt(K)) * max(|out|, m)
//     + K * 2^-125 * max |rhs| + half the smallest subnormal of out's type
// A block with a NaN or an infinity is NaN throughout.
//
// Cost: 2 M N K operations, and scratch of (M + N) K bf16 numbers from the
// context, which does not grow in steady state.

#ifndef TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_H_
#define TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// Which unquantized operands are rounded by chance instead of to the nearest.
enum class MxStochasticRounding : uint8_t {
  kNone = 0,
  kLhs = 1,
  kRhs = 2,
  kBoth = 3,
};

// Any strides, but for f4e2m1, which is packed along K.
struct MatmulMxfp8Args {
  ConstTensor lhs;  // [M, K] f32, bf16, f16; or f8e4m3, f8e5m2, f4e2m1
  ConstTensor rhs;  // [N, K], as lhs
  ConstTensor lhs_scales = {};  // e8m0 [M, ceil(K / 32)], exactly for codes
  ConstTensor rhs_scales = {};  // e8m0 [N, ceil(K / 32)], exactly for codes
  ConstTensor bias = {};        // [N] f32, bf16 or f16; may be absent
  ConstTensor accumulate_into = {};  // [M, N] f32 or bf16; may be absent or out
  // [6] or [1, 6], for stochastic_rounding: seed, stream and offset, two words
  // each. Element (m, k) of lhs takes word m * K + k; rhs those of the next
  // stream.
  ConstTensor rng_state = {};
  Tensor out;  // [M, N] f32, bf16 or f16; overlaps no other input

  std::optional<DType> float8_dtype = {};  // f8e5m2 or f8e4m3; default f8e5m2
  std::optional<DType> output_dtype = {};  // that of out, if given
  MxScaleMode scale_mode = MxScaleMode::kFloor;
  MxStochasticRounding stochastic_rounding = MxStochasticRounding::kNone;
};

// InvalidArgument, before anything is written, if the arguments do not fit.
// M = 0 or N = 0 does nothing; K = 0 gives sums of 0.
absl::Status MatmulMxfp8(const MatmulMxfp8Args& args, HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const MatmulMxfp8Args& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const MatmulMxfp8Args& args);

namespace matmul_mxfp8_internal {

struct MxFactor;
MxFactor LeftFactor(const MatmulMxfp8Args& args);
MxFactor RightFactor(const MatmulMxfp8Args& args);

}  // namespace matmul_mxfp8_internal
}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_MATMUL_MXFP8_MATMUL_MXFP8_H_
