// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// RMS normalization and quantization to MX blocks (or to 8-bit floating point
// with a scale a row or a given one) in one pass, for projections of MX
// operands. (NKI: rmsnorm_mx_quantize_tkg, rmsnorm_mx_prefill without router)
//
//   h = input                   or, with residual,
//   h = input + residual        rounded to its type and written to
//                               output_residual
//   n = RMS(h) * gamma          rounded to intermediate_dtype
//   kMx:       output_quant, output_scale = quantize_mxfp8(n) along H
//   kStaticMx: output_quant = cvt(n * (1 / input_dequant_scale))
//   kRowMx:    output_quant, output_row_dequant_scale = row_quantization(n)
//   output = n                  if asked for, rounded to its type
//
// for each row of H elements; RMS(h)_j = h_j / sqrt(sum h^2 / hidden_actual +
// eps). For kStaticMx and kRowMx, output_scale, if given, is filled with 127,
// the factor 1.
//
//   tensor                    shape         types            meaning
//   input                     [..., H]      f32, bf16, f16   H >= 1
//   gamma                     [H], [1, H]   f32, bf16, f16   optional
//   residual                  as input      f32, bf16, f16   optional
//   input_dequant_scale       one element   f32              for kStaticMx
//   output_residual           as input      as residual      with residual
//   output                    as input      f32, bf16, f16   optional: n
//   output_quant              [..., H]      f8e4m3, f8e5m2   f4e2m1: kMx alone
//                             [..., P]      f8e4m3, f8e5m2, u8, if packed
//   output_scale              [..., ceil(H/32)]
//                                           e8m0, u8         kMx, not packed
//   output_row_dequant_scale  [...], [..., 1]
//                                           f32              for kRowMx
//
// Packed rows (kMx alone) hold the codes and right behind them the ceil(H/32)
// scale bytes: P = H + ceil(H/32), as u8 with codes of f8e4m3; or, as u8, P =
// ceil(H/2) + ceil(H/32) with codes of f4e2m1 (if H > 1). f4e2m1 needs stride 1
// of the last dimension and even strides of the others; all other tensors may
// have any strides. No output may overlap another tensor, but output_residual
// may be exactly the view `residual`. No rows: nothing happens.
//
// Numerics: n is rmsnorm's; codes and scales are exactly those of
// quantize_mxfp8, static_quantization or row_quantization of n. A row of zeros
// has scale bytes 0 and codes 0. The same bits for any number of threads,
// whatever the other rows are, and on every SIMD target.
//
// Cost: one pass over memory; codes of 32 MiB or more go past the caches.
// Scratch: 16 H bytes a thread, and up to 4 H for gamma.

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_MX_QUANTIZE_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_MX_QUANTIZE_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct RmsNormMxQuantizeArgs {
  ConstTensor input;
  ConstTensor gamma;
  ConstTensor residual;
  ConstTensor input_dequant_scale;
  Tensor output_residual;
  Tensor output;
  Tensor output_quant;
  Tensor output_scale;
  Tensor output_row_dequant_scale;
  // >= 0, finite.
  float eps = 1e-6f;
  // 1..H; default H. (NKI: unpadded_hidden_size)
  std::optional<int64_t> hidden_actual;
  // kMx, kStaticMx or kRowMx.
  QuantizationType quantization_type = QuantizationType::kMx;
  // For kMx.
  MxScaleMode scale_mode = MxScaleMode::kFloor;
  // f32, bf16 or f16; default the type of input.
  std::optional<DType> intermediate_dtype;
  // For kMx: scales behind the codes.
  bool packed_output = false;
};

// The schema: shows the arguments to `visitor`.
void Declare(const RmsNormMxQuantizeArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RmsNormMxQuantizeArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RmsNormMxQuantize(const RmsNormMxQuantizeArgs& args,
                               HostContext& context);

// Enqueued; one pass over memory up to H = 16 Ki if 8 divides it and all rows
// but those of codes begin at multiples of 16 bytes, else input and residual
// are read again, mostly from the caches. No scratch. A scale that is given is
// not checked.
absl::Status RmsNormMxQuantize(const RmsNormMxQuantizeArgs& args,
                               DeviceContext& context);

namespace rmsnorm_mx_quantize_internal {

// The type of the codes, which packed rows of u8 tell by their length.
DType CodeType(const RmsNormMxQuantizeArgs& args);
// Bytes of the codes of a row.
int64_t CodeBytes(const RmsNormMxQuantizeArgs& args);

}  // namespace rmsnorm_mx_quantize_internal

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_MX_QUANTIZE_H_
