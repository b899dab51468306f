// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The projection that closes an attention layer, for decode and speculative
// decode: few tokens. (NKI: output_projection_tkg.)
//
//   out[b, s, h] = sum_(n,d) attention[b, s, n, d] * weight[n * D + d, h]
//                  + bias[h] + residual[b, s, h]
//
// Symbols: B batch, S tokens, N heads, D head dimension, H hidden size. The cte
// and tkg kernels compute the same for any B and S; they differ in the shapes
// that they take.
//
// Quantization. Numbers of a quantized weight are codes times scales. Before
// the product act_quant quantizes attention too, over the N * D values of a
// token (blocks run through head boundaries), as static_quantization,
// row_quantization and quantize_mxfp8 do, to f8e4m3 (f8e4m3_240 beside such a
// weight):
//   type              weight, its scale                     AUTO    codes'
//   scale NONE              f32, bf16, f16                        NONE    -
//   STATIC            f8e4m3, f8e4m3_240, f8e5m2; [1]       STATIC  [1]
//   STATIC_MX         f8e4m3; [1]                           STATIC  [1]
//   ROW               f8e4m3, f8e4m3_240, f8e5m2; [H]       NONE    [B, S]
//   ROW_MX            f8e4m3; [H]                           ROW     [B, S]
//   MX                f8e4m3, f8e5m2, f4e2m1;               MX      [B, S,
//   K/32]
//                     e8m0 [K/32, H]
//   MX, compact       f8e4m3; e8m0 [K/128, H/128]           MX      [B, S,
//   K/32] BLOCK128          f8e4m3; [K/128, H/128]                BLOCK128
//                                                           [B, S, K/128]
// with K = N D, sizes rounded up. The last column is the shape of input_scale
// where attention is codes already; STATIC needs it in any case. act_quant NONE
// leaves attention as it is, beside any weight.
//
// Numerics: products and sums in f32, one rounding into out's type. The same
// bits for any number of threads, for a token alone or among others, and for
// the weight packed or plain. Max error per element, with K = N D,
// m the 2-norm of all terms that are added, sqrt(sum (attention * weight)^2 +
// bias^2 + residual^2), and u the unit roundoff of out's type:
//   u * |out| + 2^-24 * (8 + 2 sqrt(K)) * max(|out|, m)
//     + K * 2^-125 * max |weight| + half the smallest subnormal of out's type
// for zero-mean and for one-signed data, from the quantized numbers. With
// f32_mode BF16 and attention of f32 beside a weight of bf16 or codes 3 * 2^-8
// * max(|out|, m) more: it is rounded to bf16.
//
// Cost: reads the weight once: bound by memory for few tokens. Scratch
// memory comes from the context and does not grow in steady state.

#ifndef TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_H_
#define TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/matrix.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/projection/weight.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class SchemaVisitor;

// Any strides: attention stored [B, N, D, S] is a Permute() of it, a weight
// stored [H, N * D] is its Transpose(). f32, bf16 or f16 unless quantized.
struct OutputProjectionTkgArgs {
  ConstTensor attention;         // [B, S, N, D]
  MatrixOperand weight;          // [N * D, H], with its weight_scale
  ConstTensor bias = {};         // [H] or [1, H]; may be absent
  ConstTensor input_scale = {};  // as the table says
  ConstTensor residual = {};     // as out; may be absent, may be out
  Tensor out;  // [B, S, H] or [B * S, H]; overlaps no other input

  QuantizationType quantization_type = QuantizationType::kNone;
  ActQuant act_quant = ActQuant::kAuto;
  bool compact_weight_scales = false;  // MX with a scale a 128 x 128 tile
  MxScaleMode scale_mode = MxScaleMode::kFloor;  // of act_quant MX
  std::optional<DType> output_dtype = {};        // that of out, if given
  F32Mode f32_mode = F32Mode::kIeee;
};

// InvalidArgument, before anything is written, if the arguments do not fit.
// B = 0, S = 0 or H = 0 does nothing; N = 0 or D = 0 is an error.
absl::Status OutputProjectionTkg(const OutputProjectionTkgArgs& args,
                                 HostContext& context);

// The schema: shows the arguments to `visitor`.
void Declare(const OutputProjectionTkgArgs& args, SchemaVisitor& visitor);

// The checks alone.
absl::Status Validate(const OutputProjectionTkgArgs& args);

// The out of results that lie [H, B * S], in `tensor`.
absl::StatusOr<Tensor> TransposedOutView(const Tensor& tensor);

namespace output_projection_internal {

struct Projection;
Projection MakeProjection(const OutputProjectionTkgArgs& args);

}  // namespace output_projection_internal
}  // namespace tilework

#endif  // TILEWORK_KERNELS_OUTPUT_PROJECTION_OUTPUT_PROJECTION_TKG_H_
