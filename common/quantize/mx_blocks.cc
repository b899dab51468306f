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
#include "hwy/cache_control.h"
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
// Blocks whose scales are computed at a time.
constexpr int64_t kMostBlocks = 16;

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

// 128 bits of magnitudes.
template <typename X>
using GroupTag = hn::CappedTag<Magnitude<X>, 16 / sizeof(X)>;

// The largest magnitudes of as many blocks as 128 bits have lanes of X: a tree
// over all of them costs little more than one block alone.
template <typename X>
HWY_INLINE hn::Vec<GroupTag<X>> GroupAmax(const X* HWY_RESTRICT x) {
  const hn::CappedTag<Magnitude<X>, kBlock> d;
  const auto* from = reinterpret_cast<const Magnitude<X>*>(x);
  const auto block = [&](int64_t b) HWY_ATTR {
    return BlockMaxima<X>(d, from + b * kBlock);
  };
  if constexpr (sizeof(X) == 2) {
    const auto pair = [&](int64_t b) HWY_ATTR {
      return Merge<int16_t>(d, block(b), block(b + 1));
    };
    const auto four = [&](int64_t b) HWY_ATTR {
      return Merge<int32_t>(d, pair(b), pair(b + 2));
    };
    return FoldParts(d, Merge<int64_t>(d, four(0), four(4)));
  } else {
    const auto pair = [&](int64_t b) HWY_ATTR {
      return Merge<int32_t>(d, block(b), block(b + 1));
    };
    return FoldParts(d, Merge<int64_t>(d, pair(0), pair(2)));
  }
}

template <typename X>
HWY_INLINE X BlockAmax(const X* HWY_RESTRICT x) {
  const hn::CappedTag<Magnitude<X>, kBlock> d;
  const auto* from = reinterpret_cast<const Magnitude<X>*>(x);
  const auto bits = hn::ReduceMax(d, BlockMaxima<X>(d, from));
  if constexpr (sizeof(X) == 4) {
    return std::bit_cast<float>(bits);
  } else {
    return X::FromBits(static_cast<uint16_t>(bits));
  }
}

// The largest magnitudes of kMostBlocks blocks.
template <typename X>
HWY_INLINE void AllAmax(const X* HWY_RESTRICT x, X* HWY_RESTRICT amax) {
  constexpr int64_t kGroup = 16 / sizeof(X);
  constexpr int64_t kStep = kGroup * kBlock;
  auto* to = reinterpret_cast<Magnitude<X>*>(amax);
  if constexpr (HWY_MAX_BYTES >= 64) {
    // By one store, as long as the load that follows, which need not wait then.
    const hn::Twice<GroupTag<X>> d2;
    const auto low = hn::Combine(d2, GroupAmax(x + kStep), GroupAmax(x));
    if constexpr (sizeof(X) == 2) {
      hn::Store(low, d2, to);
    } else {
      const hn::Twice<decltype(d2)> d4;
      const auto high =
          hn::Combine(d2, GroupAmax(x + 3 * kStep), GroupAmax(x + 2 * kStep));
      hn::Store(hn::Combine(d4, high, low), d4, to);
    }
  } else {
    for (int64_t b = 0; b < kMostBlocks; b += kGroup) {
      hn::Store(GroupAmax(x + b * kBlock), GroupTag<X>(), to + b);
    }
  }
}

// The scales of some blocks, and what encoding takes of them.
struct BlockScales {
  HWY_ALIGN float reciprocals[kMostBlocks];
  HWY_ALIGN uint8_t codes[kMostBlocks];
  // Of each block the same words twice, for WordBlocks.
  HWY_ALIGN uint32_t floors[kMostBlocks];
  HWY_ALIGN uint32_t smallest[kMostBlocks];
  bool any_nan;
  bool any_small;  // too small for WordBlocks
};

// Of `num` <= kMostBlocks blocks.
template <typename X, typename F>
HWY_INLINE void ComputeScales(const X* HWY_RESTRICT from, int64_t num,
                              MxScaleMode mode, BlockScales& scales) {
  using Element = ElementOf<F>;
  const hn::CappedTag<float, kMostBlocks> df;
  const hn::RebindToSigned<decltype(df)> di32;
  const hn::RebindToUnsigned<decltype(df)> du32;
  const hn::Rebind<uint8_t, decltype(df)> du8;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(df));
  HWY_ALIGN X amax[kMostBlocks];
  if (HWY_LIKELY(num == kMostBlocks)) {
    AllAmax(from, amax);
  } else {
    for (int64_t b = 0; b < num; ++b) amax[b] = BlockAmax(from + b * kBlock);
    std::fill(amax + num, amax + kMostBlocks, X(1.0f));
  }
  const auto bias = hn::Set(di32, Element::kBias);
  auto most = hn::Zero(di32);
  auto least = bias;
  for (int64_t b = 0; b < num; b += lanes) {
    const auto max = LoadF32(df, amax + b);
    const auto code = MxScaleCodes<Element>(df, max, mode);
    hn::Store(MxReciprocals(df, code), df, scales.reciprocals + b);
    hn::StoreU(hn::TruncateTo(du8, hn::BitCast(du32, code)), du8,
               scales.codes + b);
    // Half of F's smallest normal number times the scale, as a bf16. Blocks of
    // zeros need none.
    const auto floor = hn::ShiftLeft<7>(
        hn::BitCast(du32, hn::Max(hn::Sub(code, bias), hn::Zero(di32))));
    const auto smallest = hn::Add(floor, hn::Set(du32, 127u));
    hn::Store(hn::Or(floor, hn::ShiftLeft<16>(floor)), du32, scales.floors + b);
    hn::Store(hn::Or(smallest, hn::ShiftLeft<16>(smallest)), du32,
              scales.smallest + b);
    most = hn::Max(most, code);
    const auto is_zero = hn::RebindMask(di32, hn::Eq(max, hn::Zero(df)));
    least = hn::Min(least, hn::IfThenElse(is_zero, bias, code));
  }
  const auto nan = hn::Set(di32, E8M0::kNaNBits);
  scales.any_nan = !hn::AllFalse(di32, hn::Eq(most, nan));
  scales.any_small = !hn::AllTrue(di32, hn::Eq(least, bias));
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
  HWY_INLINE WordBlocks() : wrong_(hn::Zero(Words())) {}

  using Codes = hn::Vec<hn::CappedTag<uint8_t, 2 * kBlock>>;

  // The codes of blocks b and b + 1 of `from`.
  HWY_INLINE Codes Encode(const X* HWY_RESTRICT from, const BlockScales& scales,
                          int64_t b) {
    return store_four_internal::LowerBytes<kInTurn>(
        Words(), Block(from + b * kBlock, scales, b),
        Block(from + (b + 1) * kBlock, scales, b + 1));
  }

  // Whether all blocks so far have the right codes: elements below F's smallest
  // normal number have not.
  HWY_INLINE bool right() const {
    return hn::AllFalse(Words(), hn::Ne(wrong_, hn::Zero(Words())));
  }

 private:
  using Words = hn::CappedTag<uint16_t, kBlock>;
  static_assert(HWY_MAX_LANES_D(Words) == kBlock);
  // Words of elements in the order of these.
  static constexpr bool kInTurn = std::is_same_v<X, BFloat16>;

  static HWY_INLINE hn::Vec<Words> Load(const X* HWY_RESTRICT from) {
    if constexpr (kInTurn) {
      return hn::LoadU(Words(), reinterpret_cast<const uint16_t*>(from));
    } else {
      const hn::Repartition<float, Words> df;
      return store_four_internal::RoundToOdd(df, LoadF32(df, from),
                                             LoadF32(df, from + kBlock / 2));
    }
  }
  static HWY_INLINE hn::Vec<Words> SetTwice(uint32_t words) {
    const Words d;
    return hn::BitCast(d, hn::Set(hn::Repartition<uint32_t, Words>(), words));
  }

  HWY_INLINE hn::Vec<Words> Block(const X* HWY_RESTRICT from,
                                  const BlockScales& scales, int64_t b) {
    const Words d;
    constexpr int kShift = 7 - F::kMantissaBits;
    constexpr uint16_t kBelowHalf = (1 << (kShift - 1)) - 1;
    const auto one = hn::Set(d, uint16_t{1});
    const auto word = Load(from);
    const auto magnitude = hn::And(word, hn::Set(d, uint16_t{0x7FFF}));
    // 0 becomes the largest.
    const auto below =
        hn::SaturatedSub(SetTwice(scales.smallest[b]), hn::Sub(magnitude, one));
    wrong_ = hn::Or(wrong_, below);
    // `floor` has more zeros at its end than are cut off.
    const auto rest = hn::SaturatedSub(magnitude, SetTwice(scales.floors[b]));
    const auto lsb = hn::And(hn::ShiftRight<kShift>(rest), one);
    const auto rounded = hn::ShiftRight<kShift>(
        hn::Add(hn::Add(rest, hn::Set(d, kBelowHalf)), lsb));
    const auto code = hn::Min(rounded, hn::Set(d, uint16_t{F::kMaxBits}));
    return hn::OrAnd(code, hn::ShiftRight<8>(word),
                     hn::Set(d, uint16_t{F::kSignMask}));
  }

  hn::Vec<Words> wrong_;
};

// Stores codes of two blocks, past the caches or not.
template <typename F>
HWY_INLINE void StorePair(hn::Vec<hn::CappedTag<uint8_t, 2 * kBlock>> codes,
                          bool stream, F* HWY_RESTRICT to) {
  const hn::CappedTag<uint8_t, 2 * kBlock> d;
  auto* bytes = reinterpret_cast<uint8_t*>(to);
  if (stream) {
    hn::Stream(codes, d, bytes);
  } else {
    hn::StoreU(codes, d, bytes);
  }
}

// Encodes the first blocks, those of whole groups, and returns how many. Their
// scales are numbers.
template <typename X, typename F>
HWY_INLINE int64_t EncodeByWords(const X* HWY_RESTRICT from, int64_t num,
                                 const BlockScales& scales, bool stream,
                                 F* HWY_RESTRICT to) {
  if constexpr (Float8<F>) {
    if (HWY_UNLIKELY(scales.any_small)) return 0;
    constexpr int64_t kGroup = 8;
    const int64_t end = num / kGroup * kGroup;
    for (int64_t b = 0; b < end; b += kGroup) {
      WordBlocks<X, F> blocks;
      const auto codes0 = blocks.Encode(from, scales, b);
      const auto codes2 = blocks.Encode(from, scales, b + 2);
      const auto codes4 = blocks.Encode(from, scales, b + 4);
      const auto codes6 = blocks.Encode(from, scales, b + 6);
      F* group = to + b * kBlock;
      if (HWY_LIKELY(blocks.right())) {
        StorePair(codes0, stream, group);
        StorePair(codes2, stream, group + 2 * kBlock);
        StorePair(codes4, stream, group + 4 * kBlock);
        StorePair(codes6, stream, group + 6 * kBlock);
        continue;
      }
      for (int64_t i = 0; i < kGroup; ++i) {
        EncodeBlock(from + (b + i) * kBlock, scales.reciprocals[b + i],
                    group + i * kBlock);
      }
    }
    return end;
  } else {
    return 0;
  }
}
template <typename F>
constexpr bool CanStream() {
  return Float8<F>;
}

#else

template <typename X, typename F>
HWY_INLINE int64_t EncodeByWords(const X*, int64_t, const BlockScales&, bool,
                                 F*) {
  return 0;
}
template <typename F>
constexpr bool CanStream() {
  return false;
}

#endif  // HWY_TARGET

// At most kMostBlocks blocks.
template <typename X, typename F>
HWY_INLINE void EncodeSome(const X* HWY_RESTRICT from, int64_t num,
                           const BlockScales& scales, bool stream,
                           F* HWY_RESTRICT to) {
  int64_t b = scales.any_nan ? 0 : EncodeByWords(from, num, scales, stream, to);
  for (; b < num; ++b) {
    F* block = to + At<F>(b * kBlock);
    if (scales.codes[b] == E8M0::kNaNBits) {
      std::memset(block, 0, static_cast<size_t>(At<F>(kBlock)));
    } else {
      EncodeBlock(from + b * kBlock, scales.reciprocals[b], block);
    }
  }
}

// What lies behind the blocks of a large tensor is likely to be encoded next.
template <typename X>
HWY_INLINE void FetchAhead(const X* from) {
  constexpr int64_t kBytesAhead = 12288;
  constexpr int64_t kSize = kMostBlocks * kBlock * sizeof(X);
  const char* bytes = reinterpret_cast<const char*>(from) + kBytesAhead;
  for (int64_t i = 0; i < kSize; i += 64) hwy::Prefetch(bytes + i);
}

// Computes scales ahead, so that their latency does not show.
template <typename X, typename F>
void EncodeOf(const void* x, int64_t num, MxScaleMode mode, bool stream,
              bool read_ahead, void* codes, uint8_t* scale_codes) {
  const X* from = static_cast<const X*>(x);
  F* to = static_cast<F*>(codes);
  BlockScales scales[2];
  for (int64_t b = -kMostBlocks; b < num; b += kMostBlocks) {
    const int64_t next = b + kMostBlocks;
    if (next < num) {
      ComputeScales<X, F>(from + next * kBlock,
                          std::min(kMostBlocks, num - next), mode,
                          scales[next / kMostBlocks % 2]);
    }
    if (read_ahead) FetchAhead(from + next * kBlock);
    if (b < 0) continue;
    const BlockScales& current = scales[b / kMostBlocks % 2];
    const int64_t count = std::min(kMostBlocks, num - b);
    EncodeSome(from + b * kBlock, count, current, stream,
               to + At<F>(b * kBlock));
    if (count == kMostBlocks) {
      std::memcpy(scale_codes + b, current.codes, kMostBlocks);
    } else {
      std::copy(current.codes, current.codes + count, scale_codes + b);
    }
  }
}

MxBlockEncoder::Function* EncodeFor(DType from, DType to, bool& can_stream) {
  MxBlockEncoder::Function* result = nullptr;
  const auto set = [&]<typename X, typename F>(X, F) {
    can_stream = CanStream<F>();
    result = &EncodeOf<X, F>;
  };
  VisitFloat(from, [&](auto x) {
    switch (to) {
      case DType::kF8E4M3:
        return set(x, Float8E4M3());
      case DType::kF8E5M2:
        return set(x, Float8E5M2());
      default:
        return set(x, Float4E2M1Pair());
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
    : encode_(HWY_DYNAMIC_DISPATCH(EncodeFor)(from, to, can_stream_)),
      mode_(mode) {}

}  // namespace tilework
#endif  // HWY_ONCE
