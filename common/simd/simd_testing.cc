// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/simd/simd_testing.h"

#include <cstddef>
#include <cstdint>

#include "tilework/common/dtype/dtype.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/simd/simd_testing.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

// After foreach_target.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/math-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/store_two-inl.h"
#include "tilework/common/simd/stream-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using simd_testing::Function;

size_t LanesImpl() { return hn::Lanes(hn::ScalableTag<float>()); }

void LoadVectorImpl(DType dtype, const void* from, float* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    const hn::ScalableTag<float> df;
    const auto* typed = static_cast<const decltype(type)*>(from);
    hn::StoreU(LoadF32(df, typed), df, to);
  });
}

void LoadVectorNImpl(DType dtype, const void* from, size_t count, float* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    const hn::ScalableTag<float> df;
    const auto* typed = static_cast<const decltype(type)*>(from);
    hn::StoreU(LoadF32N(df, typed, count), df, to);
  });
}

void StoreVectorImpl(const float* from, DType dtype, void* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    const hn::ScalableTag<float> df;
    StoreF32(hn::LoadU(df, from), df, static_cast<decltype(type)*>(to));
  });
}

void StoreVectorNImpl(const float* from, size_t count, DType dtype, void* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    const hn::ScalableTag<float> df;
    StoreF32N(hn::LoadU(df, from), df, static_cast<decltype(type)*>(to), count);
  });
}

void StoreTwoImpl(const float* from, DType dtype, void* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    const hn::ScalableTag<float> df;
    StoreTwo(hn::LoadU(df, from), hn::LoadU(df, from + hn::Lanes(df)), df,
             static_cast<decltype(type)*>(to));
  });
}

void StreamTwoImpl(const float* from, DType dtype, void* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    const hn::ScalableTag<float> df;
    StreamTwo(hn::LoadU(df, from), hn::LoadU(df, from + hn::Lanes(df)), df,
              static_cast<decltype(type)*>(to));
  });
  hwy::FlushStream();
}

void LoadRowImpl(DType dtype, const void* from, int64_t stride, int64_t size,
                 float* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    LoadRow(static_cast<const decltype(type)*>(from), stride, size, to);
  });
}

void StoreRowImpl(const float* from, int64_t stride, int64_t size, DType dtype,
                  void* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    StoreRow(from, stride, size, static_cast<decltype(type)*>(to));
  });
}

void StreamRowImpl(DType dtype, const void* from, int64_t size, void* to) {
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    using T = decltype(type);
    StreamRow(static_cast<const T*>(from), size, static_cast<T*>(to));
  });
  hwy::FlushStream();
}

void RoundRowImpl(DType dtype, int64_t size, float* row) {
  VisitFloat(dtype,
             [&](auto type) HWY_ATTR { RoundRow<decltype(type)>(size, row); });
}

float SumImpl(DType dtype, const void* x, int64_t size) {
  float sum = 0;
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    sum = SumOfMapped(static_cast<const decltype(type)*>(x), size,
                      [](auto v) HWY_ATTR { return v; });
  });
  return sum;
}

float SumOfSquaresImpl(DType dtype, const void* x, int64_t size) {
  float sum = 0;
  VisitFloat(dtype, [&](auto type) HWY_ATTR {
    sum = SumOfSquares(static_cast<const decltype(type)*>(x), size);
  });
  return sum;
}

float MaxOfImpl(const float* x, int64_t size) { return MaxOf(x, size); }

void MapImpl(Function function, const float* from, int64_t size, float* to) {
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto x = LoadUpTo(df, from + i, count);
    switch (function) {
      case Function::kExp:
        StoreUpTo(Exp(df, x), df, to + i, count);
        break;
      case Function::kSigmoid:
        StoreUpTo(Sigmoid(df, x), df, to + i, count);
        break;
      case Function::kSilu:
        StoreUpTo(Silu(df, x), df, to + i, count);
        break;
      case Function::kSwish:
        StoreUpTo(SigmoidGated(df, hn::Set(df, 1.702f), x), df, to + i, count);
        break;
      case Function::kTanh:
        StoreUpTo(Tanh(df, x), df, to + i, count);
        break;
      case Function::kGelu:
        StoreUpTo(Gelu(df, x), df, to + i, count);
        break;
      case Function::kGeluTanh:
        StoreUpTo(GeluTanh(df, x), df, to + i, count);
        break;
    }
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(LanesImpl);
HWY_EXPORT(LoadVectorImpl);
HWY_EXPORT(LoadVectorNImpl);
HWY_EXPORT(StoreVectorImpl);
HWY_EXPORT(StoreVectorNImpl);
HWY_EXPORT(StoreTwoImpl);
HWY_EXPORT(StreamTwoImpl);
HWY_EXPORT(LoadRowImpl);
HWY_EXPORT(StoreRowImpl);
HWY_EXPORT(StreamRowImpl);
HWY_EXPORT(RoundRowImpl);
HWY_EXPORT(SumImpl);
HWY_EXPORT(SumOfSquaresImpl);
HWY_EXPORT(MaxOfImpl);
HWY_EXPORT(MapImpl);

namespace simd_testing {

size_t Lanes() { return HWY_DYNAMIC_DISPATCH(LanesImpl)(); }

void LoadVector(DType dtype, const void* from, float* to) {
  HWY_DYNAMIC_DISPATCH(LoadVectorImpl)(dtype, from, to);
}

void LoadVectorN(DType dtype, const void* from, size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(LoadVectorNImpl)(dtype, from, count, to);
}

void StoreVector(const float* from, DType dtype, void* to) {
  HWY_DYNAMIC_DISPATCH(StoreVectorImpl)(from, dtype, to);
}

void StoreVectorN(const float* from, size_t count, DType dtype, void* to) {
  HWY_DYNAMIC_DISPATCH(StoreVectorNImpl)(from, count, dtype, to);
}

void StoreTwo(const float* from, DType dtype, void* to) {
  HWY_DYNAMIC_DISPATCH(StoreTwoImpl)(from, dtype, to);
}

void StreamTwo(const float* from, DType dtype, void* to) {
  HWY_DYNAMIC_DISPATCH(StreamTwoImpl)(from, dtype, to);
}

void LoadRow(DType dtype, const void* from, int64_t stride, int64_t size,
             float* to) {
  HWY_DYNAMIC_DISPATCH(LoadRowImpl)(dtype, from, stride, size, to);
}

void StoreRow(const float* from, int64_t stride, int64_t size, DType dtype,
              void* to) {
  HWY_DYNAMIC_DISPATCH(StoreRowImpl)(from, stride, size, dtype, to);
}

void StreamRow(DType dtype, const void* from, int64_t size, void* to) {
  HWY_DYNAMIC_DISPATCH(StreamRowImpl)(dtype, from, size, to);
}

void RoundRow(DType dtype, int64_t size, float* row) {
  HWY_DYNAMIC_DISPATCH(RoundRowImpl)(dtype, size, row);
}

float Sum(DType dtype, const void* x, int64_t size) {
  return HWY_DYNAMIC_DISPATCH(SumImpl)(dtype, x, size);
}

float SumOfSquares(DType dtype, const void* x, int64_t size) {
  return HWY_DYNAMIC_DISPATCH(SumOfSquaresImpl)(dtype, x, size);
}

float MaxOf(const float* x, int64_t size) {
  return HWY_DYNAMIC_DISPATCH(MaxOfImpl)(x, size);
}

void Map(Function function, const float* from, int64_t size, float* to) {
  HWY_DYNAMIC_DISPATCH(MapImpl)(function, from, size, to);
}

}  // namespace simd_testing
}  // namespace tilework
#endif  // HWY_ONCE
