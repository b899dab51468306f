// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The general matrix product with a fused epilogue:
//
//   acc[.., m, n] = sum_k a[.., m, k] * b[.., k, n]
//   y = activation(clamp(alpha * acc[.., m, n] + bias[n])) * multiplier[.., m,
//       n] + beta * residual[.., m, n]
//   out[.., m, n] = y, or for an out of 8 bits y / out_scale
//
// Symbols: M rows, N columns, K contraction, ".." leading dimensions, in which
// a and b broadcast as in PyTorch; those of out, multiplier and residual are
// what they become.
//
// a and b may be codes with scales (QuantScheme); number = code * scale. An
// unquantized a is quantized before the product if act_quant says so. Which
// schemes go together, a x b:
//   NONE                   x NONE, PER_TENSOR, PER_CHANNEL, MX, MX_COMPACT,
//                            BLOCK128
//   PER_TENSOR, PER_TOKEN  x PER_TENSOR, PER_CHANNEL, PER_SEGMENT
//   MX                     x MX, MX_COMPACT, PER_TENSOR, PER_CHANNEL
//   BLOCK128               x BLOCK128
// with the act_quant STATIC, ROW, MX, BLOCK128 for PER_TENSOR, PER_TOKEN, MX,
// BLOCK128. Of unquantized types two of 16 bits must be the same, and an f16 a
// does not go with MX, MX_COMPACT and BLOCK128.
//
// Numerics: products and sums in f32; scales that are constant along K multiply
// the sum, others are inside it; one rounding into out's type (8 bits: nearest
// even, saturating). f8e4m3_240 is read as f8e4m3. Codes are quantized exactly
// as the kernels row_quantization, static_quantization and quantize_mxfp8 do.
// NaN and infinities follow IEEE. The same bits for any number of threads, for
// a row alone or among others, and for b packed or plain, in every f32_mode and
// with batch_invariant or without. Max error per element against the product of
// code * scale, with m the 2-norm of all terms that are added, sqrt(sum_k
// (alpha a_k b_k)^2 + bias^2 + (beta residual)^2), and u the unit roundoff of
// out's type:
//   u * |out| + 2^-24 * (8 + 2 sqrt(K)) * max(|out|, m)
//     + K * 2^-125 * |alpha| * max |b_k| + half the smallest subnormal of out's
//     type
// for zero-mean and for one-signed data, if no activation shrinks the result
// and no multiplier or out_scale changes it.
//
// Cost: 2 M N K operations for each batch; scratch memory from the context
// (which does not grow in steady state).

#ifndef TILEWORK_KERNELS_MATMUL_MATMUL_H_
#define TILEWORK_KERNELS_MATMUL_MATMUL_H_

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/activation.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// The left operand: a ConstTensor, or codes with their scales.
struct MatmulLeft {
  ConstTensor data;
  ConstTensor scales = {};
  std::optional<QuantScheme> scheme = {};

  MatmulLeft() = default;
  template <std::convertible_to<ConstTensor> T>
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatmulLeft(const T& tensor) : data(tensor) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  MatmulLeft(const QuantizedMatrix& quantized)
      : data(quantized.data),
        scales(quantized.scales),
        scheme(quantized.scheme) {}
};
ConstTensor AsTensor(const MatmulLeft& a);
void SetTensor(MatmulLeft& a, const Tensor& tensor);

enum class MatmulBiasDim : uint8_t { kN = 0, kM = 1 };

// All tensors may have any strides, but codes of f4e2m1 are packed along K.
//
// Scales of an operand have no leading dimensions, or all of the operand's:
//   PER_TENSOR [1]      PER_TOKEN [M]     PER_CHANNEL [N]    PER_SEGMENT [3]
//   MX [M, ceil(K / 32)] or [ceil(K / 32), N]
//   MX_COMPACT [ceil(K / 128), ceil(N / 128)]
//   BLOCK128 [M, ceil(K / 128)] or [ceil(K / 128), ceil(N / 128)]
// of f32, but e8m0 for MX and MX_COMPACT.
struct MatmulArgs {
  MatmulLeft a;     // [.., M, K] f32, bf16, f16 or fp8
  MatrixOperand b;  // [.., K, N], also of f4e2m1; a weight stored [N, K] is its
                    // Transpose(); a packed one has no leading dimensions
  ConstTensor a_in_scale = {};  // [1] f32; for the act_quant STATIC
  ConstTensor bias = {};        // [N], or [M] with bias_dim kM; may be absent
  ConstTensor multiplier = {};  // [.., M, N]; may be absent
  ConstTensor residual = {};    // [.., M, N]; may be absent, may be out
  ConstTensor out_scale = {};   // [1] f32, for an out of 8 bits; absent: 1
  Tensor out;  // [.., M, N] f32, bf16, f16 or fp8; overlaps no other input
  float alpha = 1;
  float beta = 1;  // 0: residual is not read
  ActFnType activation = ActFnType::kNone;
  std::optional<float> clamp_lower = {};  // not above clamp_upper
  std::optional<float> clamp_upper = {};
  MatmulBiasDim bias_dim = MatmulBiasDim::kN;
  // How an a of f32, bf16 or f16 is quantized. kAuto: it is not.
  ActQuant act_quant = ActQuant::kNone;
  float quant_clipping_bound = 0;  // of magnitudes, for ROW; up to 1e-6: none
  MxScaleMode scale_mode = MxScaleMode::kFloor;  // for MX
  // Where types and shapes of codes and scales fit two schemes.
  std::optional<QuantScheme> a_scheme = {};
  std::optional<QuantScheme> b_scheme = {};
  // For PER_SEGMENT: the first columns of the second and the third segment.
  std::optional<std::array<int64_t, 2>> segment_columns = {};
  F32Mode f32_mode = F32Mode::kIeee;
  bool batch_invariant = false;
};

// InvalidArgument, before anything is written, if the arguments do not fit.
// M = 0 or N = 0 does nothing; K = 0 gives a sum of 0.
absl::Status Matmul(const MatmulArgs& args, HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const MatmulArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const MatmulArgs& args);

namespace matmul_internal {

// What the operands are to the product; a floating-point a as it is quantized.
struct Schemes {
  QuantScheme a = QuantScheme::kNone;
  QuantScheme b = QuantScheme::kNone;
};
// Of checked arguments.
Schemes ResolveSchemes(const MatmulArgs& args);

// Dimensions of scales that are not leading ones.
int ScaleRank(QuantScheme scheme);

}  // namespace matmul_internal

}  // namespace tilework

#endif  // TILEWORK_KERNELS_MATMUL_MATMUL_H_
