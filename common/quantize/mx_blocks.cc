// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/quantize/mx_blocks.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/dtype/narrow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/quantize/mx_blocks.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/mx-inl.h"
#include "tilework/common/simd/narrow-inl.h"
// After narrow-inl.h.
#include "tilework/common/simd/store_four-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kBlock = kMxBlockSize;
// Blocks that are worked on at a time, so that they stay in the first level of
// cache.
constexpr int64_t kMostBlocks = 32;

// The element of storage type F.
template <typename F>
using ElementOf =
    std::conditional_t<std::is_same_v<F, Float4E2M1Pair>, Float4E2M1, F>;
// Where element i of type F is.
template <typename F>
constexpr int64_t At(int64_t i) {
  return i / PackFactor(kDTypeOf<F>);
}

template <typename X>
using Magnitude = std::conditional_t<sizeof(X) == 4, int32_t, int16_t>;

// The element-wise largest magnitudes of a block, in one vector. As integers,
// a NaN is above all.
template <typename X, class D>
HWY_INLINE hn::Vec<D> BlockMaxima(D d, const Magnitude<X>* HWY_RESTRICT from) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto mask = hn::Set(d, std::numeric_limits<Magnitude<X>>::max());
  auto max = hn::And(hn::LoadU(d, from), mask);
  for (int64_t i = lanes; i < kBlock; i += lanes) {
    max = hn::Max(max, hn::And(hn::LoadU(d, from + i), mask));
  }
  return max;
}

// Interleaves lanes of `a` and `b`, in pieces of type T, so that the maximum
// has half as many candidates of each.
template <typename T, class D, class V = hn::Vec<D>>
HWY_INLINE V Merge(D d, V a, V b) {
  const hn::Repartition<T, D> dt;
  const auto at = hn::BitCast(dt, a);
  const auto bt = hn::BitCast(dt, b);
  return hn::Max(hn::BitCast(d, hn::InterleaveLower(dt, at, bt)),
                 hn::BitCast(d, hn::InterleaveUpper(dt, at, bt)));
}

// The largest lane i of all 128-bit parts of v, in the first part.
template <class D, class V = hn::Vec<D>>
HWY_INLINE auto FoldParts(D /*d*/, V v) {
  if constexpr (HWY_MAX_LANES_D(D) * sizeof(hn::TFromD<D>) <= 16) {
    return v;
  } else {
    const hn::Half<D> half;
    return FoldParts(half,
                     hn::Max(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The largest magnitudes of as many blocks as 128 bits have lanes of X: a tree
// over all of them costs little more than one block alone.
template <typename X>
HWY_INLINE void GroupAmax(const X* HWY_RESTRICT x, float* HWY_RESTRICT amax) {
  using Bits = Magnitude<X>;
  const hn::CappedTag<Bits, kBlock> d;
  const auto* from = reinterpret_cast<const Bits*>(x);
  const auto block = [&](int64_t b) HWY_ATTR {
    return BlockMaxima<X>(d, from + b * kBlock);
  };
  const hn::CappedTag<Bits, 16 / sizeof(Bits)> d128;
  HWY_ALIGN Bits bits[16 / sizeof(Bits)];
  if constexpr (sizeof(X) == 2) {
    const auto pair = [&](int64_t b) HWY_ATTR {
      return Merge<int16_t>(d, block(b), block(b + 1));
    };
    const auto four = [&](int64_t b) HWY_ATTR {
      return Merge<int32_t>(d, pair(b), pair(b + 2));
    };
    hn::Store(FoldParts(d, Merge<int64_t>(d, four(0), four(4))), d128, bits);
    for (int64_t b = 0; b < 8; ++b) {
      const auto code = static_cast<uint16_t>(bits[b]);
      amax[b] = static_cast<float>(X::FromBits(code));
    }
  } else {
    const auto pair = [&](int64_t b) HWY_ATTR {
      return Merge<int32_t>(d, block(b), block(b + 1));
    };
    hn::Store(FoldParts(d, Merge<int64_t>(d, pair(0), pair(2))), d128, bits);
    for (int64_t b = 0; b < 4; ++b) amax[b] = std::bit_cast<float>(bits[b]);
  }
}

template <typename X>
HWY_INLINE float BlockAmax(const X* HWY_RESTRICT x) {
  const hn::CappedTag<Magnitude<X>, kBlock> d;
  const auto* from = reinterpret_cast<const Magnitude<X>*>(x);
  const auto bits = hn::ReduceMax(d, BlockMaxima<X>(d, from));
  if constexpr (sizeof(X) == 4) {
    return std::bit_cast<float>(bits);
  } else {
    return static_cast<float>(X::FromBits(static_cast<uint16_t>(bits)));
  }
}

// The codes of a block whose scale is a number.
template <typename X, typename F>
HWY_INLINE void EncodeBlock(const X* HWY_RESTRICT from, float reciprocal,
                            F* HWY_RESTRICT to) {
  const hn::CappedTag<float, kBlock> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  const auto factor = hn::Set(df, reciprocal);
  for (int64_t i = 0; i < kBlock; i += lanes) {
    StoreF32(hn::Mul(LoadF32(df, from + i), factor), df, to + At<F>(i));
  }
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3

// A block of one vector of 16-bit words, two at a time: the division by a power
// of two and the rounding become integer arithmetic on bf16, to which wider
// numbers are rounded to odd.
template <typename X, Float8 F>
class WordBlocks {
 public:
  // Encodes blocks b and b + 1.
  HWY_INLINE void Encode(const X* HWY_RESTRICT from,
                         const uint8_t* HWY_RESTRICT scales,
                         F* HWY_RESTRICT to) {
    const auto codes = store_four_internal::LowerBytes<kInTurn>(
        Words(), Block(from, scales[0]), Block(from + kBlock, scales[1]));
    hn::StoreU(codes, hn::Repartition<uint8_t, Words>(),
               reinterpret_cast<uint8_t*>(to));
  }

  // Whether all blocks so far have the right codes: elements below F's smallest
  // normal number have not.
  HWY_INLINE bool right() const {
    return hn::AllFalse(Words(), hn::Ne(wrong_, hn::Zero(Words())));
  }

  // Scales below are too small for this.
  static constexpr uint8_t kLeastScale = F::kBias;

  HWY_INLINE WordBlocks() : wrong_(hn::Zero(Words())) {}

 private:
  using Words = hn::CappedTag<uint16_t, kBlock>;
  static_assert(HWY_MAX_LANES_D(Words) == kBlock);
  // Words of elements in the order of these.
  static constexpr bool kInTurn = std::is_same_v<X, BFloat16>;
  // The exponent of the smallest normal number, biased as that of f32.
  static constexpr int kSmallestExponent = 128 - F::kBias;

  static HWY_INLINE hn::Vec<Words> Load(const X* HWY_RESTRICT from) {
    if constexpr (kInTurn) {
      return hn::LoadU(Words(), reinterpret_cast<const uint16_t*>(from));
    } else {
      const hn::Repartition<float, Words> df;
      return store_four_internal::RoundToOdd(df, LoadF32(df, from),
                                             LoadF32(df, from + kBlock / 2));
    }
  }

  HWY_INLINE hn::Vec<Words> Block(const X* HWY_RESTRICT from, uint8_t scale) {
    const Words d;
    constexpr int kShift = 7 - F::kMantissaBits;
    constexpr uint16_t kBelowHalf = (1 << (kShift - 1)) - 1;
    const auto one = hn::Set(d, uint16_t{1});
    const auto word = Load(from);
    const auto magnitude = hn::And(word, hn::Set(d, uint16_t{0x7FFF}));
    const int exponent = kSmallestExponent + scale - 127;
    const auto smallest =
        hn::Set(d, static_cast<uint16_t>((exponent << 7) - 1));
    wrong_ =
        hn::Or(wrong_, hn::SaturatedSub(smallest, hn::Sub(magnitude, one)));
    const auto lsb = hn::And(hn::ShiftRight<kShift>(magnitude), one);
    const auto rounded = hn::ShiftRight<kShift>(
        hn::Add(magnitude, hn::Add(lsb, hn::Set(d, kBelowHalf))));
    const auto bias =
        hn::Set(d, static_cast<uint16_t>((exponent - 1) << F::kMantissaBits));
    const auto code = hn::Min(hn::SaturatedSub(rounded, bias),
                              hn::Set(d, uint16_t{F::kMaxBits}));
    const auto sign =
        hn::And(hn::ShiftRight<8>(word), hn::Set(d, uint16_t{F::kSignMask}));
    return hn::Or(code, sign);
  }

  hn::Vec<Words> wrong_;
};

// Encodes the first blocks, those of whole groups, and returns how many. Their
// scales are numbers.
template <typename X, typename F>
HWY_INLINE int64_t EncodeByWords(const X* HWY_RESTRICT from, int64_t num,
                                 const uint8_t* HWY_RESTRICT scales,
                                 const float* HWY_RESTRICT reciprocals,
                                 F* HWY_RESTRICT to) {
  if constexpr (Float8<F>) {
    constexpr int64_t kGroup = 8;
    const int64_t end = num / kGroup * kGroup;
    for (int64_t begin = 0; begin < end; begin += kGroup) {
      WordBlocks<X, F> blocks;
      for (int64_t b = begin; b < begin + kGroup; b += 2) {
        blocks.Encode(from + b * kBlock, scales + b, to + b * kBlock);
      }
      const uint8_t least =
          *std::min_element(scales + begin, scales + begin + kGroup);
      if (HWY_LIKELY(blocks.right() && least >= blocks.kLeastScale)) continue;
      for (int64_t b = begin; b < begin + kGroup; ++b) {
        EncodeBlock(from + b * kBlock, reciprocals[b], to + b * kBlock);
      }
    }
    return end;
  } else {
    return 0;
  }
}

#else

template <typename X, typename F>
HWY_INLINE int64_t EncodeByWords(const X*, int64_t, const uint8_t*,
                                 const float*, F*) {
  return 0;
}

#endif  // HWY_TARGET

// At most kMostBlocks blocks.
template <typename X, typename F>
HWY_INLINE void EncodeSome(const X* HWY_RESTRICT from, int64_t num,
                           MxScaleMode mode, F* HWY_RESTRICT to,
                           uint8_t* HWY_RESTRICT scales) {
  const hn::CappedTag<float, kBlock> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  constexpr int64_t kGroup = 16 / sizeof(X);
  HWY_ALIGN float amax[kMostBlocks] = {};
  HWY_ALIGN float reciprocals[kMostBlocks];
  HWY_ALIGN uint8_t codes[kMostBlocks];
  int64_t b = 0;
  for (; b + kGroup <= num; b += kGroup) {
    GroupAmax(from + b * kBlock, amax + b);
  }
  for (; b < num; ++b) amax[b] = BlockAmax(from + b * kBlock);
  const hn::Rebind<uint8_t, decltype(df)> du8;
  const hn::RebindToUnsigned<decltype(df)> du32;
  for (b = 0; b < num; b += lanes) {
    const auto scale =
        MxScaleCodes<ElementOf<F>>(df, hn::Load(df, amax + b), mode);
    hn::Store(MxReciprocals(df, scale), df, reciprocals + b);
    hn::StoreU(hn::TruncateTo(du8, hn::BitCast(du32, scale)), du8, codes + b);
  }
  std::copy(codes, codes + num, scales);
  const auto* nan = std::find(codes, codes + num, E8M0::kNaNBits);
  if (HWY_LIKELY(nan == codes + num)) {
    b = EncodeByWords(from, num, codes, reciprocals, to);
  } else {
    b = 0;
  }
  for (; b < num; ++b) {
    F* block = to + At<F>(b * kBlock);
    if (codes[b] == E8M0::kNaNBits) {
      std::memset(block, 0, static_cast<size_t>(At<F>(kBlock)));
    } else {
      EncodeBlock(from + b * kBlock, reciprocals[b], block);
    }
  }
}

template <typename X, typename F>
void EncodeOf(const void* x, int64_t num, MxScaleMode mode, void* codes,
              uint8_t* scales) {
  for (int64_t b = 0; b < num; b += kMostBlocks) {
    EncodeSome(static_cast<const X*>(x) + b * kBlock,
               std::min(kMostBlocks, num - b), mode,
               static_cast<F*>(codes) + At<F>(b * kBlock), scales + b);
  }
}

using EncodeFunction = void(const void* x, int64_t num, MxScaleMode mode,
                            void* codes, uint8_t* scales);

EncodeFunction* EncodeFor(DType from, DType to) {
  EncodeFunction* result = nullptr;
  VisitFloat(from, [&](auto x) {
    using X = decltype(x);
    switch (to) {
      case DType::kF8E4M3:
        result = &EncodeOf<X, Float8E4M3>;
        return;
      case DType::kF8E5M2:
        result = &EncodeOf<X, Float8E5M2>;
        return;
      default:
        result = &EncodeOf<X, Float4E2M1Pair>;
    }
  });
  return result;
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(EncodeFor);

MxBlockEncoder::MxBlockEncoder(DType from, DType to, MxScaleMode mode)
    : encode_(HWY_DYNAMIC_DISPATCH(EncodeFor)(from, to)), mode_(mode) {}

}  // namespace tilework
#endif  // HWY_ONCE
