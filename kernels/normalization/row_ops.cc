// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/row_ops.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "tilework/common/dtype/dtype.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/normalization/row_ops.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/store_two-inl.h"
#include "tilework/kernels/normalization/norm_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

template <typename T>
const T* Data(const ContiguousRow& row) {
  return static_cast<const T*>(row.data);
}

float RmsFactorImpl(const ContiguousRow& h, int64_t size, int64_t divisor,
                    float eps, ReadAhead& next) {
  float result = 0;
  VisitFloat(h.dtype, [&](auto type) HWY_ATTR {
    result = RmsFactorOf(Data<decltype(type)>(h), size, divisor, eps, next);
  });
  return result;
}

// out[i] = map(h[i], i), rounded to R; returns the largest magnitude.
template <typename R, typename H, class Map>
HWY_INLINE float MapRow(const H* HWY_RESTRICT h, int64_t size, const Map& map,
                        R* HWY_RESTRICT out, ReadAhead& next) {
  const hn::ScalableTag<float> df;
  const hn::RebindToSigned<decltype(df)> di32;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const auto magnitude = [&](auto v)
                             HWY_ATTR { return hn::BitCast(di32, hn::Abs(v)); };
  // As integers, a NaN is the largest.
  auto largest0 = hn::Zero(di32), largest1 = largest0;
  for (int64_t first = 0; first < size; first += kChunk) {
    next.AdvanceBytes(2 * kChunk);
    const int64_t last = std::min(size, first + kChunk);
    int64_t i = first;
    for (; i + 2 * lanes <= last; i += 2 * lanes) {
      const auto low = map(df, LoadF32(df, h + i), i, hn::Lanes(df));
      const auto high =
          map(df, LoadF32(df, h + i + lanes), i + lanes, hn::Lanes(df));
      largest0 = hn::Max(largest0, magnitude(low));
      largest1 = hn::Max(largest1, magnitude(high));
      StoreTwo(low, high, df, out + i);
    }
    for (; i < last; i += lanes) {
      const size_t count = static_cast<size_t>(std::min(lanes, last - i));
      const auto v = map(df, LoadUpTo(df, h + i, count), i, count);
      largest0 = hn::Max(largest0, magnitude(v));
      StoreUpTo(v, df, out + i, count);
    }
  }
  // Rounding keeps the order.
  const auto largest = hn::ReduceMax(di32, hn::Max(largest0, largest1));
  return static_cast<float>(R(std::bit_cast<float>(largest)));
}

// W: the type of the weight.
template <typename W, typename R, typename H>
float NormalizeBy(const H* h, float r, const ContiguousRow& weight,
                  int64_t size, R* out, ReadAhead& next) {
  const W* by = Data<W>(weight);
  return MapRow(
      h, size,
      [&](auto df, auto v, int64_t i, size_t count) HWY_ATTR {
        // Lanes beyond the row are 0 times something.
        return hn::Mul(hn::Mul(v, hn::Set(df, r)), LoadUpTo(df, by + i, count));
      },
      out, next);
}

template <typename R, typename H>
float NormalizeAs(const H* h, float r, const ContiguousRow& weight,
                  int64_t size, R* out, ReadAhead& next) {
  if (weight.data == nullptr) {
    return MapRow(
        h, size,
        [&](auto df, auto v, int64_t, size_t)
            HWY_ATTR { return hn::Mul(v, hn::Set(df, r)); },
        out, next);
  }
  if (weight.dtype == DType::kF32) {
    return NormalizeBy<float>(h, r, weight, size, out, next);
  }
  return NormalizeBy<H>(h, r, weight, size, out, next);
}

float NormalizeImpl(const ContiguousRow& h, float r,
                    const ContiguousRow& weight, int64_t size, DType dtype,
                    void* out, ReadAhead& next) {
  float largest = 0;
  VisitFloat(h.dtype, [&](auto type) HWY_ATTR {
    const auto* from = Data<decltype(type)>(h);
    VisitFloat(dtype, [&](auto round) HWY_ATTR {
      auto* to = static_cast<decltype(round)*>(out);
      largest = NormalizeAs(from, r, weight, size, to, next);
    });
  });
  return largest;
}

void AddImpl(const ContiguousRow& x, const ContiguousRow& residual,
             int64_t size, void* out) {
  VisitFloat(x.dtype, [&](auto x_type) HWY_ATTR {
    const auto* from = Data<decltype(x_type)>(x);
    VisitFloat(residual.dtype, [&](auto type) HWY_ATTR {
      using R = decltype(type);
      const R* added = Data<R>(residual);
      R* to = static_cast<R*>(out);
      ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
        StoreUpTo(hn::Add(LoadUpTo(df, from + i, count),
                          LoadUpTo(df, added + i, count)),
                  df, to + i, count);
      });
    });
  });
}

void WidenImpl(const ContiguousRow& x, int64_t stride, int64_t size,
               float* out) {
  VisitFloat(x.dtype, [&](auto type) HWY_ATTR {
    LoadRow(Data<decltype(type)>(x), stride, size, out);
  });
}

void ConvertImpl(const ContiguousRow& row, int64_t size, DType dtype,
                 void* out) {
  VisitFloat(row.dtype, [&](auto from_type) HWY_ATTR {
    const auto* from = Data<decltype(from_type)>(row);
    VisitFloat(dtype, [&](auto type) HWY_ATTR {
      auto* to = static_cast<decltype(type)*>(out);
      ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
        StoreUpTo(LoadUpTo(df, from + i, count), df, to + i, count);
      });
    });
  });
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
namespace {

HWY_EXPORT(RmsFactorImpl);
HWY_EXPORT(NormalizeImpl);
HWY_EXPORT(AddImpl);
HWY_EXPORT(WidenImpl);
HWY_EXPORT(ConvertImpl);

}  // namespace

float RowRmsFactor(const ContiguousRow& h, int64_t size, int64_t divisor,
                   float eps, ReadAhead& next) {
  return HWY_DYNAMIC_DISPATCH(RmsFactorImpl)(h, size, divisor, eps, next);
}

float NormalizeRow(const ContiguousRow& h, float r, const ContiguousRow& weight,
                   int64_t size, DType dtype, void* out, ReadAhead& next) {
  return HWY_DYNAMIC_DISPATCH(NormalizeImpl)(h, r, weight, size, dtype, out,
                                             next);
}

void AddRows(const ContiguousRow& x, const ContiguousRow& residual,
             int64_t size, void* out) {
  HWY_DYNAMIC_DISPATCH(AddImpl)(x, residual, size, out);
}

void WidenRow(const ContiguousRow& x, int64_t stride, int64_t size,
              float* out) {
  HWY_DYNAMIC_DISPATCH(WidenImpl)(x, stride, size, out);
}

void ConvertRow(const ContiguousRow& row, int64_t size, DType dtype,
                void* out) {
  HWY_DYNAMIC_DISPATCH(ConvertImpl)(row, size, dtype, out);
}

}  // namespace tilework
#endif  // HWY_ONCE
