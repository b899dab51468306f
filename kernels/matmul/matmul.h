// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The general matrix product with a fused epilogue:
//
//   acc[.., m, n] = sum_k a[.., m, k] * b[k, n]
//   out[.., m, n] = activation(alpha * acc[.., m, n] + bias[n])
//                   + beta * residual[.., m, n]
//
// Symbols: M rows, N columns, K contraction, ".." up to four leading
// dimensions, which a, residual and out share.
//
// Numerics: products and sums in f32, one rounding into out's type. NaN and
// infinities follow IEEE. The same bits for any number of threads, for a row
// alone or among others, and for b packed or plain. Max error per element, with
// m the 2-norm of all terms that are added, sqrt(sum_k (alpha a_k b_k)^2 +
// bias^2 + (beta residual)^2), and u the unit roundoff of out's type:
//   u * |out| + 2^-24 * (8 + 2 sqrt(K)) * max(|out|, m)
//     + K * 2^-125 * |alpha| * max |b_k| + half the smallest subnormal of out's
//     type
// for zero-mean and for one-signed data, if no activation shrinks the result.
//
// Cost: 2 M N K operations; scratch memory from the context (which does not
// grow in steady state).

#ifndef TILEWORK_KERNELS_MATMUL_MATMUL_H_
#define TILEWORK_KERNELS_MATMUL_MATMUL_H_

#include "absl/status/status.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// All tensors may have any strides. f32, bf16 or f16 each; two 16-bit types of
// a and b must be the same.
struct MatmulArgs {
  ConstTensor a;          // [.., M, K]
  MatrixOperand b;        // [K, N]; a weight stored [N, K] is its Transpose()
  ConstTensor bias = {};  // [N]; may be absent
  ConstTensor residual = {};  // [.., M, N]; may be absent, may be out
  Tensor out;                 // [.., M, N]; overlaps no other input
  float alpha = 1;
  float beta = 1;  // 0: residual is not read
  ActFnType activation = ActFnType::kNone;
};

// InvalidArgument, before anything is written, if the arguments do not fit.
// M = 0 or N = 0 does nothing; K = 0 gives a sum of 0.
absl::Status Matmul(const MatmulArgs& args, HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const MatmulArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const MatmulArgs& args);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MATMUL_MATMUL_H_
