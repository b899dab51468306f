// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The numbers that codes of 8 bits and their scales stand for: the inverse of
// static_quantization and row_quantization. (NKI: none)
//
//   y_i = number of quantized_i * dequant_scale of its unit
//
// Units of elements that share a scale: granularity.h. If `packed`, a row of H
// codes is followed by its scale, as four bytes of a little-endian f32.
//
//   tensor         shape                types
//   quantized      [..., H]             f8e4m3, f8e4m3_240, f8e5m2
//                  or [..., H + 4]      if packed
//   dequant_scale  see granularity.h    f32, e8m0                  absent if
//                                                                  packed
//   y              [..., H]             f32, bf16, f16             H >= 1
//
// All may have any strides. Scales in dequant_scale are > 0 and not infinite;
// they may be NaN. `y` may not overlap another tensor. No rows: nothing
// happens.
//
// Numerics: the product rounds to f32, and that to the type of `y`; the same
// bits on every SIMD target, for any number of threads and whatever the other
// units are. A NaN, of a code or a scale, gives NaN; packed scales follow the
// rules of IEEE 754, whatever they are.
//
// Cost: one pass over memory, and a look at the scales before; an output of 32
// MiB or more goes past the caches. No scratch. The same on a device, but for
// the look: the rules of IEEE 754 hold for whatever the scales are.

#ifndef TILEWORK_KERNELS_QUANTIZE_FP8_DEQUANTIZE_H_
#define TILEWORK_KERNELS_QUANTIZE_FP8_DEQUANTIZE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct Fp8DequantizeArgs {
  ConstTensor quantized;
  ConstTensor dequant_scale;
  Tensor y;
  QuantizationGranularity granularity = QuantizationGranularity::kRow;
  // G, >= 1; for kGroup and kBlock2d.
  int64_t group_size = 128;
  // With granularity kRow only.
  bool packed = false;
};

// The schema: shows the arguments to `visitor`.
void Declare(const Fp8DequantizeArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const Fp8DequantizeArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status Fp8Dequantize(const Fp8DequantizeArgs& args, HostContext& context);
absl::Status Fp8Dequantize(const Fp8DequantizeArgs& args,
                           DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_FP8_DEQUANTIZE_H_
