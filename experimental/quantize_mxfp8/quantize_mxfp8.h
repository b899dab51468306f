// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Quantization to MX blocks: 32 consecutive elements of 8 or 4 bits that share
// a power of two as their scale. (NKI: quantize_block_mxfp8_kernel)
//
// For each block x_0 .. x_{n-1}, n <= 32, along the last dimension (axis = -1)
// or the one before (axis = -2); the last block of a row may be short:
//
//   scale = power of two by scale_mode from max_i |x_i| (MxScaleMode in
//           common/dtype/mx.h)
//   data_i = cvt(x_i / scale)
//
// where cvt rounds to nearest, ties to even, and saturates
// (common/dtype/narrow.h). A block that has a NaN or an infinity gets the NaN
// scale and codes 0; a block of zeros the scale 2^-127. The value of a code is
// its number times the scale.
//
//   tensor      shape                  types                   meaning
//   src_tensor  [..., F, K]; also [K]  f32, bf16, f16          K >= 1
//   data        as src_tensor          f8e4m3, f8e5m2, f4e2m1  codes
//   scales      [..., F, ceil(K/32)]   e8m0, u8
//               [..., ceil(F/32), K]                           if axis -2
//   data_t      [..., K, F]            as data                 optional
//   scales_t    [..., K, ceil(F/32)]   e8m0, u8                with data_t
//
// data_t and scales_t are the same tensor quantized along F and transposed, for
// axis = -1: one call gives both operands of a training step. f4e2m1 needs axis
// = -1 and, in data and data_t, stride 1 of the last dimension and even strides
// of the others; all other tensors may have any strides. No output may overlap
// another tensor. No rows: nothing happens.
//
// Numerics: bit for bit as above on every SIMD target, for any number of
// threads and whatever the other blocks are.
//
// Cost: one pass over memory (src_tensor is read again, from the cache, for
// data_t); data of 32 MiB or more goes past the caches. No scratch. On a device
// one pass, with data_t too, and no scratch.

#ifndef TILEWORK_EXPERIMENTAL_QUANTIZE_MXFP8_QUANTIZE_MXFP8_H_
#define TILEWORK_EXPERIMENTAL_QUANTIZE_MXFP8_QUANTIZE_MXFP8_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct QuantizeMxfp8Args {
  ConstTensor src_tensor;
  Tensor data;
  Tensor scales;
  Tensor data_t;
  Tensor scales_t;
  // -1 or -2.
  int axis = -1;
  MxScaleMode scale_mode = MxScaleMode::kFloor;
  // 32.
  int64_t block_size = kMxBlockSize;
};

// The schema: shows the arguments to `visitor`.
void Declare(const QuantizeMxfp8Args& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const QuantizeMxfp8Args& args);

// InvalidArgument, before anything is written, or OK.
absl::Status QuantizeMxfp8(const QuantizeMxfp8Args& args, HostContext& context);
absl::Status QuantizeMxfp8(const QuantizeMxfp8Args& args,
                           DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_EXPERIMENTAL_QUANTIZE_MXFP8_QUANTIZE_MXFP8_H_
