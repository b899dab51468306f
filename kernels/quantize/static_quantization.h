// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Quantization to 8-bit floating-point numbers with one calibrated scale.
// (NKI: fp8_quantize, static)
//
//   qs = quant_scale, or 1 / input_dequant_scale if that is absent
//   quantized_i = cvt(hidden_state_i * qs)
//
// where cvt rounds to nearest, ties to even, saturates at the largest number
// and keeps NaN (common/dtype/narrow.h).
//
//   tensor               shape            types
//   hidden_state         [...]            f32, bf16, f16
//   input_dequant_scale  one element      f32               absent if
//                                                           quant_scale is
//                                                           given
//   quant_scale          one element      f32               optional
//   quantized            as hidden_state  f8e4m3, f8e4m3_240, f8e5m2
//
// All may have any rank and strides. Scales are finite and > 0. `quantized` may
// not overlap another tensor. No elements: nothing happens.
//
// Numerics: the two operations round to f32; the same bits on every SIMD target
// and for any number of threads.
//
// Cost: one pass over memory; an output of 32 MiB or more goes past the caches.
// No scratch. The same on a device, where the scales are not looked at before:
// the rules of IEEE 754 hold for whatever they are.

#ifndef TILEWORK_KERNELS_QUANTIZE_STATIC_QUANTIZATION_H_
#define TILEWORK_KERNELS_QUANTIZE_STATIC_QUANTIZATION_H_

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct StaticQuantizationArgs {
  ConstTensor hidden_state;
  ConstTensor input_dequant_scale;
  ConstTensor quant_scale;
  Tensor quantized;
};

// The schema: shows the arguments to `visitor`.
void Declare(const StaticQuantizationArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const StaticQuantizationArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status StaticQuantization(const StaticQuantizationArgs& args,
                                HostContext& context);
absl::Status StaticQuantization(const StaticQuantizationArgs& args,
                                DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_STATIC_QUANTIZATION_H_
