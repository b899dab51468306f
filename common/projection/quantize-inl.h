// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rows of a left operand as codes, and codes as the numbers that products read.
// Include after hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_PROJECTION_QUANTIZE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_PROJECTION_QUANTIZE_INL_H_
#undef TILEWORK_COMMON_PROJECTION_QUANTIZE_INL_H_
#else
#define TILEWORK_COMMON_PROJECTION_QUANTIZE_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/gemm/quant_scheme.h"
#include "tilework/common/projection/operand.h"
#include "tilework/common/quantize/fp8_rows.h"
#include "tilework/common/quantize/mx_blocks.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/narrow-inl.h"
#include "tilework/common/simd/read_ahead.h"
#include "tilework/common/tensor/tensor.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

namespace quantize_internal {

// Calls f with the storage type of codes; f8e4m3_240 is read as f8e4m3.
template <typename F>
HWY_INLINE void VisitCodes(DType dtype, const F& f) {
  switch (dtype) {
    case DType::kF8E5M2:
      return f(Float8E5M2{});
    case DType::kF4E2M1:
      return f(Float4E2M1Pair{});
    default:
      return f(Float8E4M3{});
  }
}

// to[i] = from[i] * scale, rounded to T.
template <typename F, typename T>
HWY_INLINE void ExpandScaled(const F* HWY_RESTRICT from, float scale,
                             int64_t size, T* HWY_RESTRICT to) {
  const hn::ScalableTag<float> df;
  constexpr int64_t kPerByte = PackFactor(kDTypeOf<F>);
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const auto factor = hn::Set(df, scale);
  int64_t i = 0;
  for (; i + lanes <= size; i += lanes) {
    StoreF32(hn::Mul(LoadF32(df, from + i / kPerByte), factor), df, to + i);
  }
  if (i == size) return;
  const size_t rest = static_cast<size_t>(size - i);
  StoreF32N(hn::Mul(LoadF32N(df, from + i / kPerByte, rest), factor), df,
            to + i, rest);
}

}  // namespace quantize_internal

// to[i] = number i of `size` codes of `dtype`, rounded to T; bf16 has them all.
template <typename T>
HWY_NOINLINE void ExpandCodes(DType dtype, const void* codes, int64_t size,
                              T* HWY_RESTRICT to) {
  quantize_internal::VisitCodes(dtype, [&](auto type) HWY_ATTR {
    quantize_internal::ExpandScaled(static_cast<const decltype(type)*>(codes),
                                    1.0f, size, to);
  });
}

// The same with a scale for each 32 numbers, at scales[b * stride]. Beyond the
// range of f32 a number is infinite.
inline HWY_NOINLINE void ExpandBlocks(DType dtype, const void* codes,
                                      const E8M0* HWY_RESTRICT scales,
                                      int64_t stride, int64_t size,
                                      BFloat16* HWY_RESTRICT to) {
  quantize_internal::VisitCodes(dtype, [&](auto type) HWY_ATTR {
    using F = decltype(type);
    const F* from = static_cast<const F*>(codes);
    for (int64_t i = 0; i < size; i += kMxBlockSize) {
      const float scale = static_cast<float>(scales[i / kMxBlockSize * stride]);
      quantize_internal::ExpandScaled(from + i / PackFactor(kDTypeOf<F>), scale,
                                      std::min(kMxBlockSize, size - i), to + i);
    }
  });
}

// Quantizes rows of `size` numbers of `from`, f32, bf16 or f16.
class RowQuantizer {
 public:
  RowQuantizer(const QuantizeArgs& args, DType from, int64_t size)
      : type_(args.type),
        from_(from),
        size_(size),
        code_(args.code),
        clip_(args.clip > kNoClipUpTo ? args.clip : kNoClip),
        rows_(from, IsFloat8(args.code) ? args.code : DType::kF8E4M3),
        blocks_(from, args.code, args.scale_mode) {
    if (type_ == ActQuant::kStatic) {
      reciprocal_ = 1.0f / *args.in_scale.data<float>();
    }
  }

  // Bytes of the codes and scales of a row, for the callers of Run().
  static int64_t ScratchBytes(int64_t size) {
    const int64_t blocks = (size + kMxBlockSize - 1) / kMxBlockSize;
    return (blocks * (kMxBlockSize + 1) + 63) / 64 * 64;
  }
  // Scales that Run() stores for each row.
  int64_t num_scales() const {
    if (type_ == ActQuant::kRow) return 1;
    if (type_ != ActQuant::kBlock128) return 0;
    return (size_ + kScaleBlock - 1) / kScaleBlock;
  }

  // out = the codes of the row at `from`, of MX times their scales. `scales`
  // gets num_scales() others.
  void Run(const void* from, uint8_t* scratch, float* scales,
           BFloat16* out) const {
    switch (type_) {
      case ActQuant::kStatic: {
        ReadAhead none;
        rows_.Encode(from, 1, size_, kNoClip, reciprocal_, CodeRow{scratch, 1},
                     none);
        break;
      }
      case ActQuant::kRow:
        EncodeUnit(from, 0, size_, clip_, scratch, scales);
        break;
      case ActQuant::kBlock128:
        for (int64_t i = 0; i < size_; i += kScaleBlock) {
          EncodeUnit(from, i, std::min(kScaleBlock, size_ - i), kNoClip,
                     scratch, scales + i / kScaleBlock);
        }
        break;
      default:
        return RunMx(from, scratch, out);
    }
    ExpandCodes(code_, scratch, size_, out);
  }

 private:
  // Bounds of magnitudes up to this are none, and scales at least this.
  static constexpr float kNoClipUpTo = 1e-6f;
  static constexpr float kLeastScale = 1e-6f;

  const void* At(const void* from, int64_t i) const {
    return static_cast<const char*>(from) +
           i * static_cast<int64_t>(SizeOf(from_));
  }

  // Elements [begin, begin + count), which share a scale.
  void EncodeUnit(const void* from, int64_t begin, int64_t count, float clip,
                  uint8_t* codes, float* scale) const {
    ReadAhead none;
    const void* x = At(from, begin);
    const float amax = rows_.Amax(x, 1, count, none);
    *scale = rows_.Scale(amax, clip, kLeastScale);
    rows_.EncodeScaled(x, 1, count, amax, clip, *scale,
                       CodeRow{codes + begin, 1}, none);
  }

  void RunMx(const void* from, uint8_t* codes, BFloat16* out) const {
    const int64_t whole = size_ / kMxBlockSize;
    const int64_t rest = size_ % kMxBlockSize;
    uint8_t* scales = codes + (whole + (rest > 0 ? 1 : 0)) * kMxBlockSize;
    blocks_.Encode(from, whole, codes, scales);
    if (rest > 0) {
      // The block may not be read past its end: zeros complete it.
      HWY_ALIGN float block[kMxBlockSize] = {};
      const void* last = At(from, whole * kMxBlockSize);
      hwy::CopyBytes(last, block, static_cast<size_t>(rest) * SizeOf(from_));
      blocks_.Encode(block, 1, codes + whole * kMxBlockSize / PackFactor(code_),
                     scales + whole);
    }
    ExpandBlocks(code_, codes, reinterpret_cast<const E8M0*>(scales), 1, size_,
                 out);
  }

  ActQuant type_;
  DType from_;
  int64_t size_;
  DType code_;
  float clip_;
  float reciprocal_ = 0;
  Fp8RowEncoder rows_;
  MxBlockEncoder blocks_;
};

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_PROJECTION_QUANTIZE_INL_H_
