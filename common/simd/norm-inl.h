// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// RMS normalization of rows of unit stride:
//
//   r = 1 / sqrt(sum x[i]^2 / divisor + eps)
//   y[i] = x[i] * r * (gamma[i] + gamma_offset)
//
// The steps are single f32 operations in a fixed order, so every SIMD target
// gives the same bits. Include after hwy/highway.h inside a foreach_target
// file.

#if defined(TILEWORK_COMMON_SIMD_NORM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_NORM_INL_H_
#undef TILEWORK_COMMON_SIMD_NORM_INL_H_
#else
#define TILEWORK_COMMON_SIMD_NORM_INL_H_
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The factor r of a row. The sum runs over all `size` elements.
template <typename T>
HWY_INLINE float RmsFactor(const T* x, int64_t size, int64_t divisor,
                           float eps) {
  return 1.0f /
         std::sqrt(SumOfSquares(x, size) / static_cast<float>(divisor) + eps);
}

// y[i] = x[i] * factor * (gamma[i] + gamma_offset), rounded once, to Y. A null
// `gamma` (of any type) stands for the factor 1. `y` may be `x`.
template <typename X, typename G, typename Y>
HWY_INLINE void ScaleRow(const X* x, float factor, const G* gamma,
                         float gamma_offset, int64_t size, Y* y) {
  if (gamma == nullptr) {
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      const auto v = LoadUpTo(df, x + i, count);
      StoreUpTo(hn::Mul(v, hn::Set(df, factor)), df, y + i, count);
    });
    return;
  }
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto v = LoadUpTo(df, x + i, count);
    const auto weight =
        hn::Add(LoadUpTo(df, gamma + i, count), hn::Set(df, gamma_offset));
    StoreUpTo(hn::Mul(hn::Mul(v, hn::Set(df, factor)), weight), df, y + i,
              count);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_NORM_INL_H_
