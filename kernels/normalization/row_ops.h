// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Steps of a normalization on one contiguous row at a time, for kernels that do
// several of them before a row leaves the caches. Compiled once for all SIMD
// targets and types. The same bits as the rmsnorm kernel.

#ifndef TILEWORK_KERNELS_NORMALIZATION_ROW_OPS_H_
#define TILEWORK_KERNELS_NORMALIZATION_ROW_OPS_H_

#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/read_ahead.h"

namespace tilework {

// `size` elements of f32, bf16 or f16.
struct ContiguousRow {
  const void* data;
  DType dtype;
};

// 1 / sqrt(sum of squares / divisor + eps). Reads `next` ahead meanwhile.
float RowRmsFactor(const ContiguousRow& h, int64_t size, int64_t divisor,
                   float eps, ReadAhead& next);

// out[i] = h[i] * r * weight[i], rounded to `dtype`; weight is of f32 or the
// type of h, and null data of it stands for the factor 1. Returns the largest
// magnitude of `out`, NaN if there is a NaN. Reads `next` ahead meanwhile.
// `out` does not overlap h.
float NormalizeRow(const ContiguousRow& h, float r, const ContiguousRow& weight,
                   int64_t size, DType dtype, void* out, ReadAhead& next);

// out[i] = x[i] + residual[i], rounded to the type of `residual`. `out` may be
// residual's data.
void AddRows(const ContiguousRow& x, const ContiguousRow& residual,
             int64_t size, void* out);

// out[i] = x[i * stride], widened.
void WidenRow(const ContiguousRow& x, int64_t stride, int64_t size, float* out);

// out[i] = row[i] rounded to `dtype`.
void ConvertRow(const ContiguousRow& row, int64_t size, DType dtype, void* out);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_ROW_OPS_H_
