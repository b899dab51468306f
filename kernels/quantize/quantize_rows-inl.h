// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Boxes of a tensor as codes of 8 bits: the largest magnitude, and the
// conversion. Include after hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_INL_H_
#undef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_INL_H_
#else
#define TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_INL_H_
#endif

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/narrow-inl.h"
// After narrow-inl.h.
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/stream-inl.h"
#include "tilework/common/tensor/row_offsets.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

inline constexpr float kNoClip = std::numeric_limits<float>::infinity();

namespace quantize_internal {

// Elements that are worked on at a time where the strides ask for a buffer.
inline constexpr int64_t kPiece = 1024;

// The bits of a floating-point type without the sign, as an integer: ordered
// like the magnitudes, a NaN above all.
template <typename X>
using Magnitude = std::conditional_t<sizeof(X) == 4, int32_t, int16_t>;
template <typename X>
inline constexpr Magnitude<X> kMagnitudeMask =
    std::numeric_limits<Magnitude<X>>::max();

template <typename X>
HWY_INLINE float FromMagnitude(Magnitude<X> bits) {
  if constexpr (sizeof(X) == 4) {
    return std::bit_cast<float>(bits);
  } else {
    return static_cast<float>(X::FromBits(static_cast<uint16_t>(bits)));
  }
}

// The largest magnitude of x[0 .. size), by four sums at once to keep the loads
// coming.
template <typename X>
HWY_INLINE Magnitude<X> LargestMagnitude(const X* HWY_RESTRICT x,
                                         int64_t size) {
  const hn::ScalableTag<Magnitude<X>> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* from = reinterpret_cast<const Magnitude<X>*>(x);
  const auto mask = hn::Set(d, kMagnitudeMask<X>);
  const auto load = [&](int64_t i) HWY_ATTR {
    return hn::And(hn::LoadU(d, from + i), mask);
  };
  auto max0 = hn::Zero(d), max1 = max0, max2 = max0, max3 = max0;
  int64_t i = 0;
  for (; i + 4 * lanes <= size; i += 4 * lanes) {
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
  return hn::ReduceMax(d, hn::Max(hn::Max(max0, max1), hn::Max(max2, max3)));
}
template <typename X>
HWY_INLINE Magnitude<X> LargestMagnitude(const X* x, int64_t stride,
                                         int64_t size) {
  if (stride == 1) return LargestMagnitude(x, size);
  Magnitude<X> largest = 0;
  for (int64_t i = 0; i < size; ++i) {
    const auto bits = std::bit_cast<Magnitude<X>>(x[i * stride]);
    largest = std::max<Magnitude<X>>(largest, bits & kMagnitudeMask<X>);
  }
  return largest;
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

// to[i] = cvt(clip(from[i]) * qs).
template <typename X, typename F>
HWY_INLINE void EncodeRow(const X* HWY_RESTRICT from, int64_t size, float clip,
                          float qs, F* HWY_RESTRICT to) {
  if (clip == kNoClip) {
    ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
      const auto v = LoadUpTo(df, from + i, count);
      StoreUpTo(hn::Mul(v, hn::Set(df, qs)), df, to + i, count);
    });
    return;
  }
  ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
    const auto v = Clip(df, LoadUpTo(df, from + i, count), clip);
    StoreUpTo(hn::Mul(v, hn::Set(df, qs)), df, to + i, count);
  });
}

}  // namespace quantize_internal

// A tensor [..., H] of type X and its codes of type F.
template <typename X, Float8 F>
class QuantizeRows {
 public:
  QuantizeRows(const ConstTensor& x, const Tensor& codes)
      : x_(x.data<X>()),
        codes_(codes.data<F>()),
        x_offsets_(x, x.rank() - 1),
        codes_offsets_(codes, codes.rank() - 1),
        x_stride_(x.stride(-1)),
        codes_stride_(codes.stride(-1)),
        stream_(codes_stride_ == 1 && codes.NumBytes() >= kStreamBytes) {}

  // The largest magnitude in a box; NaN if there is a NaN.
  float Amax(const Box& box) const {
    quantize_internal::Magnitude<X> largest = 0;
    for (int64_t row = box.row; row < box.row + box.num_rows; ++row) {
      const X* from = x_ + x_offsets_[row] + box.begin * x_stride_;
      largest = std::max(largest, quantize_internal::LargestMagnitude(
                                      from, x_stride_, box.end - box.begin));
    }
    return quantize_internal::FromMagnitude<X>(largest);
  }

  // Writes cvt(clip(x) * qs), where clip(x) is x if `clip` is kNoClip. To fetch
  // the elements of `next` meanwhile keeps the memory busy during the search
  // for their largest magnitude.
  void Encode(const Box& box, const Box& next, float clip, float qs) const {
    for (int64_t i = 0; i < box.num_rows; ++i) {
      const int64_t row = box.row + i;
      const X* from = x_ + x_offsets_[row];
      F* to = codes_ + codes_offsets_[row];
      const bool fetch = i < next.num_rows && x_stride_ == 1;
      const X* ahead = fetch ? x_ + x_offsets_[next.row + i] : nullptr;
      for (int64_t begin = box.begin; begin < box.end;
           begin += quantize_internal::kPiece) {
        const int64_t end =
            std::min(box.end, begin + quantize_internal::kPiece);
        if (fetch) {
          const int64_t first = next.begin + (begin - box.begin);
          Fetch(ahead, first, std::min(next.end, first + end - begin));
        }
        EncodePiece(from, begin, end - begin, clip, qs, to);
      }
    }
  }
  // The same with nothing to fetch.
  void Encode(const Box& box, float clip, float qs) const {
    Encode(box, Box{0, 0, 0, 0}, clip, qs);
  }

  // Ends a task that encoded.
  void Finish() const {
    if (stream_) hwy::FlushStream();
  }

 private:
  static void Fetch(const X* row, int64_t begin, int64_t end) {
    constexpr int64_t kLine = 64 / sizeof(X);
    for (int64_t i = begin; i < end; i += kLine) hwy::Prefetch(row + i);
  }

  void EncodePiece(const X* from, int64_t begin, int64_t size, float clip,
                   float qs, F* to) const {
    constexpr int64_t kPiece = quantize_internal::kPiece;
    HWY_ALIGN F buffer[kPiece];
    F* target = codes_stride_ == 1 && !stream_ ? to + begin : buffer;
    if (x_stride_ == 1) {
      quantize_internal::EncodeRow(from + begin, size, clip, qs, target);
    } else {
      HWY_ALIGN float gathered[kPiece];
      LoadRow(from + begin * x_stride_, x_stride_, size, gathered);
      quantize_internal::EncodeRow(gathered, size, clip, qs, target);
    }
    if (stream_) {
      StreamRow(buffer, size, to + begin);
    } else if (codes_stride_ != 1) {
      for (int64_t i = 0; i < size; ++i) {
        to[(begin + i) * codes_stride_] = buffer[i];
      }
    }
  }

  const X* x_;
  F* codes_;
  RowOffsets x_offsets_;
  RowOffsets codes_offsets_;
  int64_t x_stride_;
  int64_t codes_stride_;
  bool stream_;  // past the caches
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_QUANTIZE_QUANTIZE_ROWS_INL_H_
