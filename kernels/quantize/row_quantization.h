// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Quantization to 8-bit floating-point numbers with scales that follow from the
// values: one a row, a group, a block or a tensor. (NKI: fp8_quantize, row)
//
// For each unit of elements that share a scale (granularity.h):
//
//   c_i = hidden_state_i, within +-lower_bound if that is above 1e-6
//   ds = max(max_i |c_i| / max, min_dequant_scale)
//   ds = the smallest power of two >= ds           if pow2_scale
//   quantized_i = cvt(c_i * (1 / ds)),  dequant_scale = ds
//
// where max is the largest number of the type of `quantized`, and cvt rounds to
// nearest, ties to even, saturates and keeps NaN (common/dtype/narrow.h). The
// value of a code is its number times ds.
//
//   tensor         shape            types                         meaning
//   hidden_state   [..., H]         f32, bf16, f16                H >= 1
//   quantized      as hidden_state  f8e4m3, f8e4m3_240, f8e5m2
//   dequant_scale  see              f32; e8m0 if pow2_scale       ds
//                  granularity.h
//
// All may have any strides. No output may overlap another tensor. No rows:
// nothing happens.
//
// Numerics: each operation rounds to f32; the same bits on every SIMD target,
// for any number of threads and whatever the other units are. A unit of zeros
// has ds = min_dequant_scale and zero codes (NaN codes if that is 0). A NaN
// makes ds and all codes of its unit NaN. An infinity that is not clipped makes
// ds infinite, itself NaN and the other codes 0. ds as e8m0 is its exponent:
// 2^-127 for 0, NaN for infinity and NaN.
//
// Cost: one pass over memory, two for units that do not fit in a cache; codes
// of 32 MiB or more go past the caches. Scratch: 4 bytes per 64 Ki elements, if
// units are large. On a device: one pass for units of up to 32 Ki elements; two
// for larger ones, and 4 bytes of scratch for each of them.

#ifndef TILEWORK_KERNELS_QUANTIZE_ROW_QUANTIZATION_H_
#define TILEWORK_KERNELS_QUANTIZE_ROW_QUANTIZATION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {

class DeviceContext;
class SchemaVisitor;

struct RowQuantizationArgs {
  ConstTensor hidden_state;
  Tensor quantized;
  Tensor dequant_scale;
  QuantizationGranularity granularity = QuantizationGranularity::kRow;
  // G, >= 1; for kGroup and kBlock2d.
  int64_t group_size = 128;
  // >= 0; bounds the magnitudes (the name is NKI's). Off up to 1e-6.
  float lower_bound = 0;
  // >= 0.
  float min_dequant_scale = 1e-6f;
  bool pow2_scale = false;
};

// The schema: shows the arguments to `visitor`.
void Declare(const RowQuantizationArgs& args, SchemaVisitor& visitor);

// InvalidArgument if something is wrong with the arguments.
absl::Status Validate(const RowQuantizationArgs& args);

// InvalidArgument, before anything is written, or OK.
absl::Status RowQuantization(const RowQuantizationArgs& args,
                             HostContext& context);
absl::Status RowQuantization(const RowQuantizationArgs& args,
                             DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_ROW_QUANTIZATION_H_
