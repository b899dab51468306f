// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The functions of this folder's -inl.h files as plain ones that dispatch to a
// SIMD target, for their test.

#ifndef TILEWORK_COMMON_SIMD_SIMD_TESTING_H_
#define TILEWORK_COMMON_SIMD_SIMD_TESTING_H_

#include <cstddef>
#include <cstdint>

#include "tilework/common/dtype/dtype.h"

namespace tilework::simd_testing {

// Floats in a vector.
size_t Lanes();

// One vector: all of it, or its first `count` lanes. LoadN gives a whole one.
void LoadVector(DType dtype, const void* from, float* to);
void LoadVectorN(DType dtype, const void* from, size_t count, float* to);
void StoreVector(const float* from, DType dtype, void* to);
void StoreVectorN(const float* from, size_t count, DType dtype, void* to);

// Two vectors; StreamTwo to an address that is aligned to 64.
void StoreTwo(const float* from, DType dtype, void* to);
void StreamTwo(const float* from, DType dtype, void* to);

void LoadRow(DType dtype, const void* from, int64_t stride, int64_t size,
             float* to);
void StoreRow(const float* from, int64_t stride, int64_t size, DType dtype,
              void* to);
void StreamRow(DType dtype, const void* from, int64_t size, void* to);
void RoundRow(DType dtype, int64_t size, float* row);

// SumOfMapped with the identity.
float Sum(DType dtype, const void* x, int64_t size);
float SumOfSquares(DType dtype, const void* x, int64_t size);
float MaxOf(const float* x, int64_t size);

// to[i] = f(from[i])
// kSwish is SigmoidGated() with the factor 1.702.
enum class Function { kExp, kSigmoid, kSilu, kSwish, kTanh, kGelu, kGeluTanh };
void Map(Function function, const float* from, int64_t size, float* to);

}  // namespace tilework::simd_testing

#endif  // TILEWORK_COMMON_SIMD_SIMD_TESTING_H_
