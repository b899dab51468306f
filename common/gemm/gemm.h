// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The host's matrix product, on which the projections stand:
//
//   acc[m, n] = sum_k a[m, k] * b[k, n]     products and sums in f32
//
// Codes of a quantized b are numbers without their scales where those are one a
// tensor or column: the epilogue multiplies. MX scales are part of the numbers.
// With scales of 128 x 128 blocks (BLOCK128) and, if given, of a's blocks,
//   acc[m, n] = sum_g sa[m, g] * sb[g, n / 128] * (sum_{k in g} a * b)
//
// The result is handed to an epilogue, tile by tile, while it is in the L1 or
// L2 cache: the caller scales, adds, activates, rounds and stores there.
//
//   Gemm({.a = x, .b = {weight}},
//        [&](const GemmTile& tile) { ... tile.values[0] ... }, context);
//
// Each sum runs over k in ascending order in one accumulator (BLOCK128: one for
// each block), whatever M, N and the number of threads are: a row has the same
// bits alone, in a batch, with a packed or a plain matrix. (Between SIMD
// targets bits may differ: those with a bf16 dot product add two products at a
// time, and flush subnormals.)
//
// Error of acc, with m = sqrt(sum_k (a_k b_k)^2): at most
// 2^-24 * (8 + 2 sqrt(K)) * max(|acc|, m) + K * 2^-125 * max |b_k| for
// zero-mean and for one-signed data.

#ifndef TILEWORK_COMMON_GEMM_GEMM_H_
#define TILEWORK_COMMON_GEMM_GEMM_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Products that share their left operand: one, or two (gate and up of an MLP)
// of the same shape.
struct GemmArgs {
  ConstTensor a;  // [M, K] f32, bf16 or f16, any strides
  // [K, N], of one type, or both of bf16 or codes; the second may be absent.
  // Each is packed or not.
  MatrixOperand b[2];
  // [M, ceil(K / 128)] f32, any strides; for BLOCK128 alone. Absent: 1.
  ConstTensor a_block_scales = {};
  // Tiles begin at multiples of this column and end there or at N: an epilogue
  // that treats heads of D columns as a whole says D.
  int64_t column_multiple = 1;
};

// Part of the result: rows [row, row + rows), columns [col, col + cols).
struct GemmTile {
  int64_t row, rows;
  int64_t col, cols;
  // values[i][r * stride + c] is element (row + r, col + c) of the product with
  // b[i]. The epilogue may change them. Rows begin at 64-byte boundaries, and
  // what lies between `cols` and `stride` may be read and written.
  float* values[2];
  int64_t stride;
  // The thread that calls, in [0, context.num_threads()).
  int thread;
};

// Called once for each tile, from any thread of the context at the same time.
using GemmEpilogue = absl::FunctionRef<void(const GemmTile& tile)>;

// Computes the products. The arguments are the caller's to check. M = 0 or N =
// 0 calls nothing; K = 0 gives zeros. The epilogue must not use the context.
void Gemm(const GemmArgs& args, GemmEpilogue epilogue, HostContext& context);

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_GEMM_H_
