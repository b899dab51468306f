// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/quantize/fp8_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/quantize/fp8_rows.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/narrow-inl.h"
// After narrow-inl.h.
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/store_four-inl.h"
#include "tilework/common/simd/stream-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// The bits of a floating-point type without the sign, as an integer: ordered
// like the magnitudes, a NaN above all.
template <typename X>
using Magnitude = std::conditional_t<sizeof(X) == 4, int32_t, int16_t>;

template <typename X>
float FromMagnitude(Magnitude<X> bits) {
  if constexpr (sizeof(X) == 4) {
    return std::bit_cast<float>(bits);
  } else {
    return static_cast<float>(X::FromBits(static_cast<uint16_t>(bits)));
  }
}

// By four maxima at once, to keep the loads coming.
template <typename X>
float AmaxOf(const void* x, int64_t size, ReadAhead& next) {
  const hn::ScalableTag<Magnitude<X>> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* HWY_RESTRICT from = static_cast<const Magnitude<X>*>(x);
  const auto mask = hn::Set(d, std::numeric_limits<Magnitude<X>>::max());
  const auto load = [&](int64_t i) HWY_ATTR {
    return hn::And(hn::LoadU(d, from + i), mask);
  };
  auto max0 = hn::Zero(d), max1 = max0, max2 = max0, max3 = max0;
  int64_t i = 0;
  for (; i + 4 * lanes <= size; i += 4 * lanes) {
    if (i % 256 == 0) next.AdvanceBytes(kAheadBytes / 4);
    max0 = hn::Max(max0, load(i));
    max1 = hn::Max(max1, load(i + lanes));
    max2 = hn::Max(max2, load(i + 2 * lanes));
    max3 = hn::Max(max3, load(i + 3 * lanes));
  }
  for (; i + lanes <= size; i += lanes) max0 = hn::Max(max0, load(i));
  if (i < size) {
    const auto rest = hn::LoadN(d, from + i, static_cast<size_t>(size - i));
    max1 = hn::Max(max1, hn::And(rest, mask));
  }
  return FromMagnitude<X>(
      hn::ReduceMax(d, hn::Max(hn::Max(max0, max1), hn::Max(max2, max3))));
}

// v with magnitudes of at most `clip`; NaN stays.
template <class DF, class VF = hn::Vec<DF>>
HWY_INLINE VF Clip(DF df, VF v, float clip) {
  const hn::RebindToSigned<DF> di32;
  const auto magnitude = hn::BitCast(di32, hn::Abs(v));
  const auto clipped =
      hn::Min(magnitude, hn::Set(di32, std::bit_cast<int32_t>(clip)));
  const auto is_nan = hn::Gt(magnitude, hn::Set(di32, 0x7F800000));
  const auto result = hn::IfThenElse(is_nan, magnitude, clipped);
  return hn::CopySign(hn::BitCast(df, result), v);
}

template <typename X, typename F, bool kClip, bool kInRange>
HWY_INLINE void EncodeAll(const X* HWY_RESTRICT from, int64_t size, float clip,
                          float qs, bool stream, F* HWY_RESTRICT to,
                          ReadAhead& next) {
  const hn::ScalableTag<float> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const auto scale = hn::Set(df, qs);
  const auto scaled = [&](auto v) HWY_ATTR {
    return hn::Mul(kClip ? Clip(df, v, clip) : v, scale);
  };
  const int64_t i = size / (4 * lanes) * (4 * lanes);
  StoreByFours<kInRange>(df, from, i, scaled, stream, to, next);
  ForEachVector(size - i, [&](auto d, int64_t j, size_t count) HWY_ATTR {
    StoreUpTo(scaled(LoadUpTo(d, from + i + j, count)), d, to + i + j, count);
  });
}

template <typename X, typename F>
void EncodeOf(const void* x, int64_t size, float clip, float qs, bool in_range,
              bool stream, void* codes, ReadAhead& next) {
  const auto* from = static_cast<const X*>(x);
  auto* to = static_cast<F*>(codes);
  if (clip != kNoClip) {
    EncodeAll<X, F, true, false>(from, size, clip, qs, stream, to, next);
  } else if (in_range) {
    EncodeAll<X, F, false, true>(from, size, clip, qs, stream, to, next);
  } else {
    EncodeAll<X, F, false, false>(from, size, clip, qs, stream, to, next);
  }
}

using AmaxFunction = float(const void* x, int64_t size, ReadAhead& next);
using EncodeFunction = void(const void* x, int64_t size, float clip, float qs,
                            bool in_range, bool stream, void* codes,
                            ReadAhead& next);

AmaxFunction* AmaxFor(DType from) {
  AmaxFunction* result = nullptr;
  VisitFloat(from, [&](auto x) { result = &AmaxOf<decltype(x)>; });
  return result;
}

EncodeFunction* EncodeFor(DType from, DType to) {
  EncodeFunction* result = nullptr;
  VisitFloat(from, [&](auto x) {
    VisitFloat8(to,
                [&](auto f) { result = &EncodeOf<decltype(x), decltype(f)>; });
  });
  return result;
}

void StreamCodes(const uint8_t* codes, int64_t size, uint8_t* to) {
  StreamRow(codes, size, to);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
namespace {

HWY_EXPORT(AmaxFor);
HWY_EXPORT(EncodeFor);
HWY_EXPORT(StreamCodes);

// Elements that are worked on at a time where the strides ask for a buffer.
constexpr int64_t kPiece = 1024;

// Calls f(x) with x typed.
template <typename F>
void WithType(DType dtype, const void* x, const F& f) {
  VisitFloat(dtype,
             [&](auto type) { f(static_cast<const decltype(type)*>(x)); });
}

const void* Advance(const void* x, DType dtype, int64_t elements) {
  return static_cast<const char*>(x) +
         elements * static_cast<int64_t>(SizeOf(dtype));
}

// As integers, a NaN is the largest.
float LargerMagnitude(float a, float b) {
  return std::bit_cast<uint32_t>(a) < std::bit_cast<uint32_t>(b) ? b : a;
}

}  // namespace

void StreamBytes(const uint8_t* from, int64_t size, uint8_t* to) {
  HWY_DYNAMIC_DISPATCH(StreamCodes)(from, size, to);
}

Fp8RowEncoder::Fp8RowEncoder(DType from, DType to)
    : from_(from),
      to_(to),
      amax_(HWY_DYNAMIC_DISPATCH(AmaxFor)(from)),
      encode_(HWY_DYNAMIC_DISPATCH(EncodeFor)(from, to)),
      encode_f32_(HWY_DYNAMIC_DISPATCH(EncodeFor)(DType::kF32, to)) {}

float Fp8RowEncoder::Amax(const void* x, int64_t stride, int64_t size,
                          ReadAhead& next) const {
  if (stride == 1) return amax_(x, size, next);
  float largest = 0;
  WithType(from_, x, [&](const auto* from) {
    for (int64_t i = 0; i < size; ++i) {
      const float value = static_cast<float>(from[i * stride]);
      largest = LargerMagnitude(largest, std::abs(value));
    }
  });
  return largest;
}

void Fp8RowEncoder::Encode(const void* x, int64_t stride, int64_t size,
                           float clip, float qs, const CodeRow& to,
                           ReadAhead& next) const {
  EncodeRow(x, stride, size, clip, qs, /*in_range=*/false, to, next);
}

void Fp8RowEncoder::EncodeScaled(const void* x, int64_t stride, int64_t size,
                                 float amax, float clip, float scale,
                                 const CodeRow& to, ReadAhead& next) const {
  // A subnormal scale may be far from exact, and its reciprocal infinite.
  constexpr float kLeastNormal = std::numeric_limits<float>::min();
  const bool in_range = std::isfinite(amax) && scale >= kLeastNormal;
  EncodeRow(x, stride, size, amax > clip ? clip : kNoClip, 1.0f / scale,
            in_range, to, next);
}

void Fp8RowEncoder::EncodeRow(const void* x, int64_t stride, int64_t size,
                              float clip, float qs, bool in_range,
                              const CodeRow& to, ReadAhead& next) const {
  const bool aligned = reinterpret_cast<uintptr_t>(to.data) % 64 == 0;
  if (stride == 1 && to.stride == 1 && (aligned || !to.stream)) {
    encode_(x, size, clip, qs, in_range, to.stream, to.data, next);
    return;
  }
  for (int64_t i = 0; i < size; i += kPiece) {
    CodeRow piece = to;
    piece.data = static_cast<uint8_t*>(to.data) + i * to.stride;
    EncodePiece(Advance(x, from_, i * stride), stride,
                std::min(kPiece, size - i), clip, qs, in_range, piece, next);
  }
}

void Fp8RowEncoder::EncodePiece(const void* x, int64_t stride, int64_t size,
                                float clip, float qs, bool in_range,
                                const CodeRow& to, ReadAhead& next) const {
  HWY_ALIGN uint8_t buffer[kPiece];
  const bool direct = to.stride == 1 && !to.stream;
  void* codes = direct ? to.data : buffer;
  if (stride == 1) {
    encode_(x, size, clip, qs, in_range, /*stream=*/false, codes, next);
  } else {
    HWY_ALIGN float gathered[kPiece];
    WithType(from_, x, [&](const auto* from) {
      for (int64_t i = 0; i < size; ++i) {
        gathered[i] = static_cast<float>(from[i * stride]);
      }
    });
    encode_f32_(gathered, size, clip, qs, in_range, /*stream=*/false, codes,
                next);
  }
  auto* target = static_cast<uint8_t*>(to.data);
  if (to.stream) {
    StreamBytes(buffer, size, target);
  } else if (!direct) {
    for (int64_t i = 0; i < size; ++i) target[i * to.stride] = buffer[i];
  }
}

void Fp8RowEncoder::Flush() { hwy::FlushStream(); }

float Fp8RowEncoder::Scale(float amax, float clip, float min_scale) const {
  float largest = 0;
  VisitFloat8(to_, [&](auto f) { largest = decltype(f)::kMax; });
  const float clipped = amax > clip ? clip : amax;
  const float quotient = clipped / largest;
  // A NaN stays.
  return quotient < min_scale ? min_scale : quotient;
}

}  // namespace tilework
#endif  // HWY_ONCE
