// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// RMS normalization and quantization to 8-bit floating point in one pass: the
// activation of fp8 projections. (NKI: rmsnorm_quant_kernel)
//
//   h = hidden                        or, with pre_norm_gamma,
//   h = RMS(hidden) * pre_norm_gamma  rounded to the type of hidden
//   h = h + residual                  if given; rounded to its type and written
//                                     to residual_out
//   n = RMS(h) * ln_w                 if norm_type is kRmsNorm; rounded to
//                                     intermediate_dtype; else n = h
//   kRow:    c = n, bounded to +-lower_bound if that is above 1e-6
//            ds = max(max_j |c_j| / F_max, 1e-6)
//            out_j = cvt(c_j * (1 / ds))
//   kStatic: out_j = cvt(n_j * (1 / input_dequant_scale))
//
// for each row of H elements; RMS(h)_j = h_j / sqrt(sum h^2 / hidden_actual +
// eps). cvt rounds to nearest, ties to even, and saturates
// (common/dtype/narrow.h); F_max is the largest number of out's type. With
// group_size G, each G consecutive elements of a row have a ds of their own,
// and the last group may be short.
//
//   tensor               shape         types               meaning
//   hidden               [..., H]      f32, bf16, f16      rank >= 2, H >= 1
//   ln_w                 [H], [1, H]   f32, bf16, f16      for kRmsNorm
//   input_dequant_scale  one element   f32                 for kStatic
//   pre_norm_gamma       [H], [1, H]   f32, bf16, f16      optional
//   residual             as hidden     f32, bf16, f16      optional
//   residual_out         as hidden     as residual         with residual
//   out                  [..., H]      f8e4m3_240, f8e4m3, f8e5m2
//                        [..., H + 4]  if packed: ds as little-endian f32
//                                      behind the codes of its row
//   dequant_scale        [...], [..., 1] or [..., ceil(H/G)]
//                                      f32                 kRow, not packed
//
// All may have any strides. No output may overlap another tensor, but
// residual_out may be exactly the view `residual`. No rows: nothing happens.
//
// Numerics: n is rmsnorm's, and the codes and ds are exactly those of
// row_quantization or static_quantization of n. A row of zeros has ds 1e-6 and
// codes 0; a NaN makes its row NaN. The same bits for any number of threads,
// whatever the other rows are, and on every SIMD target.
//
// Cost: one pass over memory; codes of 32 MiB or more go past the caches.
// Scratch: 16 H bytes a thread, and up to 8 H for weights.

#ifndef TILEWORK_KERNELS_NORMALIZATION_RMSNORM_QUANT_H_
#define TILEWORK_KERNELS_NORMALIZATION_RMSNORM_QUANT_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/norm_type.h"
#include "tilework/common/quantize/quantization_type.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct RmsNormQuantArgs {
  ConstTensor hidden;
  ConstTensor ln_w;
  ConstTensor input_dequant_scale;
  ConstTensor pre_norm_gamma;
  ConstTensor residual;
  Tensor residual_out;
  Tensor out;
  Tensor dequant_scale;
  // >= 0; bounds the magnitudes (the name is NKI's). Off up to 1e-6.
  float lower_bound = 0;
  // kRmsNorm or kNoNorm.
  NormType norm_type = NormType::kRmsNorm;
  // kRow or kStatic.
  QuantizationType quantization_type = QuantizationType::kRow;
  // >= 0, finite; of both norms.
  float eps = 1e-6f;
  // For kRow; kStatic ignores it.
  bool packed_output = true;
  // f32, bf16 or f16.
  DType intermediate_dtype = DType::kF32;
  // 1..H; of both norms. Default H.
  std::optional<int64_t> hidden_actual;
  // G; 0 for one scale a row. Others need kRow that is not packed.
  int64_t group_size = 0;
};

// The schema: shows the arguments to `visitor`.
void Declare(const RmsNormQuantArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RmsNormQuantArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RmsNormQuant(const RmsNormQuantArgs& args, HostContext& context);

// Enqueued; one pass over memory up to H = 16 Ki if 8 divides it and all rows
// but those of `out` begin at multiples of 16 bytes, else hidden and residual
// are read again, mostly from the caches; so too for a group_size that is not a
// power of two from 8 to 256. No scratch. A scale that is given is not checked.
absl::Status RmsNormQuant(const RmsNormQuantArgs& args, DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_RMSNORM_QUANT_H_
