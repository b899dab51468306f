// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The products of weight and input scales, to be applied at once.
// (NKI: fp8_quantize, pre_combine_dequant_scales)
//
//   combined = weight_dequant_scale * input_dequant_scale
//
//   tensor                shape                  types
//   weight_dequant_scale  [N] or one element     f32
//   input_dequant_scale   [T] or one element     f32
//   combined              [T, N]                 f32
//                         [N] if T = 1, [T] if N = 1,
//                         one element if both are
//
// All may have any strides. Scales are finite and > 0. `combined` may not
// overlap another tensor. No elements: nothing happens.
//
// Numerics: one multiplication in f32; the same bits everywhere.
//
// Cost: one pass over memory, and a look at the scales before. No scratch. The
// same on a device, but for the look: the rules of IEEE 754 hold for whatever
// the scales are.

#ifndef TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_H_
#define TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_H_

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct PreCombineDequantScalesArgs {
  ConstTensor weight_dequant_scale;
  ConstTensor input_dequant_scale;
  Tensor combined;
};

// The schema: shows the arguments to `visitor`.
void Declare(const PreCombineDequantScalesArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const PreCombineDequantScalesArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status PreCombineDequantScales(const PreCombineDequantScalesArgs& args,
                                     HostContext& context);
absl::Status PreCombineDequantScales(const PreCombineDequantScalesArgs& args,
                                     DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_PRE_COMBINE_DEQUANT_SCALES_H_
