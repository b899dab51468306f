// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the device kernels share that normalize and quantize: magnitudes, scales
// and codes of the packs that a thread holds. Bit for bit as the host has them.
// For *.cu.cc files.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_DEVICE_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_DEVICE_H_

#include <bit>
#include <cstdint>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/fp8.h"
#include "tilework/common/device/row.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/device/warp.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"

namespace tilework {

// The magnitude of x but at most `bound`; NaN stays.
__device__ inline float Clip(float x, float bound) {
  return fabsf(x) > bound ? copysignf(bound, x) : x;
}

// The bits of |x|: as integers, those of a NaN are the largest.
__device__ inline uint32_t MagnitudeBits(float x) {
  return std::bit_cast<uint32_t>(x) & 0x7FFFFFFFu;
}
__device__ inline uint32_t LargestBits(const float (&x)[kEight]) {
  uint32_t largest = 0;
  TILEWORK_UNROLL
  for (int j = 0; j < kEight; ++j) {
    largest = MaxOperation()(largest, MagnitudeBits(x[j]));
  }
  return largest;
}

// The dequant scale of numbers up to the magnitude of these bits for codes of a
// type that satisfies IsFloat8(). NaN for NaN.
__device__ inline float ScaleOf(uint32_t largest_bits, DType format) {
  const float largest = format == DType::kF8E4M3       ? Float8E4M3::kMax
                        : format == DType::kF8E4M3_240 ? Float8E4M3_240::kMax
                                                       : Float8E5M2::kMax;
  constexpr float kLeast = 1e-6f;
  const float scale = std::bit_cast<float>(largest_bits) / largest;
  return scale < kLeast ? kLeast : scale;
}

// Writes the codes of x * factor to pack p of a row.
__device__ inline void StoreCodes(const float (&x)[kEight], float factor,
                                  DType format, const RowInMemory& row,
                                  const RowLoop& part, int p) {
  float scaled[kEight];
  TILEWORK_UNROLL
  for (int j = 0; j < kEight; ++j) scaled[j] = x[j] * factor;
  RawEight<1> codes;
  EncodeF8(format, scaled, codes.words);
  StoreEight<1>(codes, row.data + p * (row.stride * kEight), row.stride,
                row.alignment, part.CountOf(p));
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_QUANTIZE_DEVICE_H_
