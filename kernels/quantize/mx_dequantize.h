// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The numbers that MX blocks stand for: the inverse of quantize_mxfp8.
// (NKI: none)
//
//   y_i = number of data_i * scale of its block
//
// where a block is 32 consecutive elements along the last dimension (axis = -1)
// or the one before (axis = -2); the last one of a row may be short.
//
//   tensor  shape                   types
//   data    [..., F, K]; also [K]   f8e4m3, f8e5m2, f4e2m1     K >= 1
//   scales  [..., F, ceil(K/32)]    e8m0, u8
//           [..., ceil(F/32), K]                               if axis = -2
//   y       as data                 f32, bf16, f16
//
// f4e2m1 is packed along one of the last two dimensions: that has stride 1, and
// all others have even strides. All other tensors may have any strides. `y` may
// not overlap another tensor. No rows: nothing happens.
//
// Numerics: the product, exact or beyond the range of f32, rounds once to the
// type of `y`; the same bits on every SIMD target and for any number of
// threads. The scale of code 255 is NaN and makes its block NaN.
//
// Cost: one pass over memory; an output of 32 MiB or more goes past the caches.
// No scratch. The same on a device.

#ifndef TILEWORK_KERNELS_QUANTIZE_MX_DEQUANTIZE_H_
#define TILEWORK_KERNELS_QUANTIZE_MX_DEQUANTIZE_H_

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct MxDequantizeArgs {
  ConstTensor data;
  ConstTensor scales;
  Tensor y;
  // -1 or -2.
  int axis = -1;
};

// The schema: shows the arguments to `visitor`.
void Declare(const MxDequantizeArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const MxDequantizeArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status MxDequantize(const MxDequantizeArgs& args, HostContext& context);
absl::Status MxDequantize(const MxDequantizeArgs& args, DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_MX_DEQUANTIZE_H_
