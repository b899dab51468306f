// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The inner loops of attention: packing of a block of K and V, and the two
// products of a tile of query rows with it. Include after hwy/highway.h inside
// a foreach_target file.
//
// Operands are rows of 32-bit words, typed float: one f32 number each, or, for
// bf16 on targets with a bf16 dot product, a pair of neighbours of the
// contraction (D for scores, keys for the weighted sum of V). The right operand
// lies in panels of kVectors vectors of columns; in a panel the rows of words
// follow one another.

#if defined(TILEWORK_KERNELS_ATTENTION_ATTENTION_TILE_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_KERNELS_ATTENTION_ATTENTION_TILE_INL_H_
#undef TILEWORK_KERNELS_ATTENTION_ATTENTION_TILE_INL_H_
#else
#define TILEWORK_KERNELS_ATTENTION_ATTENTION_TILE_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/simd/convert-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/kernels/attention/attention_plan.h"
#include "tilework/kernels/attention/key_range.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The products keep kTileRows * kVectors sums in registers: 24 of AVX-512's 32,
// 12 of the 16 of other x86 targets.
constexpr int kTileRows = 6;
#if HWY_TARGET <= HWY_AVX3
constexpr int kVectors = 4;
#else
constexpr int kVectors = 2;
#endif

constexpr int64_t kLanes = hn::MaxLanes(hn::ScalableTag<float>());
constexpr int64_t kPanel = kVectors * kLanes;  // columns
static_assert(kKeyBlock % kPanel == 0);

// Whether T is kept in pairs, and how many elements a word holds.
template <typename T>
constexpr bool kPairs = HWY_NATIVE_DOT_BF16&& std::is_same_v<T, BFloat16>;
template <typename T>
constexpr int64_t kPerWord = kPairs<T> ? 2 : 1;

constexpr int64_t RoundUp(int64_t a, int64_t multiple) {
  return (a + multiple - 1) / multiple * multiple;
}
// Words of `size` elements, and their number padded as PackKeys writes them.
template <typename T>
constexpr int64_t NumWords(int64_t size) {
  return (size + kPerWord<T> - 1) / kPerWord<T>;
}
template <typename T>
constexpr int64_t PaddedWords(int64_t size) {
  return RoundUp(NumWords<T>(size), 4);
}

// Rows with unit stride in memory.
template <typename T>
struct RowBlock {
  const T* data;
  int64_t stride;
};

// Rows of K or V of one head along the key axis.
template <typename T>
struct KeyRows {
  struct Part {
    const T* data = nullptr;
    int64_t row_stride = 0;
    int64_t stride = 0;
  };
  Part prior, active;
  int64_t num_prior = 0;  // keys below are rows of `prior`
  int64_t num_keys = 0;   // of the axis
  int64_t size = 0;       // elements of a row
  KeyRange visible;       // rows outside read as zeros

  // Rows [key, key + kLanes): in place if they lie there as they should, else
  // copied to `scratch`.
  HWY_INLINE RowBlock<T> Get(int64_t key, T* HWY_RESTRICT scratch) const {
    const bool is_prior = key < num_prior;
    const Part& part = is_prior ? prior : active;
    if (part.stride == 1 && key >= visible.begin &&
        key + kLanes <= std::min(visible.end, PartEnd(is_prior))) {
      return {Row(key), part.row_stride};
    }
    for (int64_t r = 0; r < kLanes; ++r) {
      CopyRow(key + r, scratch + r * size);
    }
    return {scratch, size};
  }

  // Starts to read row key + kKeyBlock, which has the place of row `key` in the
  // next block: memory works while this block is computed.
  HWY_INLINE void PrefetchNext(int64_t key) const {
    const bool is_prior = key < num_prior;
    if ((is_prior ? prior : active).stride != 1) return;
    if (key + kKeyBlock >= PartEnd(is_prior)) return;
    constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
    const T* from = Row(key + kKeyBlock);
    for (int64_t i = 0; i < size; i += kLine) hwy::Prefetch(from + i);
  }

  int64_t PartEnd(bool is_prior) const {
    return is_prior ? num_prior : num_keys;
  }
  HWY_INLINE const T* Row(int64_t key) const {
    return key < num_prior
               ? prior.data + key * prior.row_stride
               : active.data + (key - num_prior) * active.row_stride;
  }
  HWY_NOINLINE void CopyRow(int64_t key, T* HWY_RESTRICT to) const {
    if (key < visible.begin || key >= visible.end) {
      hwy::ZeroBytes(to, static_cast<size_t>(size) * sizeof(T));
      return;
    }
    const T* from = Row(key);
    const int64_t stride = (key < num_prior ? prior : active).stride;
    for (int64_t i = 0; i < size; ++i) to[i] = from[i * stride];
  }
};

// Four words from `from`; if not kFull it has only `count` elements, and zeros
// follow.
template <bool kFull, class D4, typename T>
HWY_INLINE hn::Vec<D4> LoadFourWords(D4 d4, const T* HWY_RESTRICT from,
                                     size_t count) {
  if constexpr (kPairs<T>) {
    const hn::Repartition<uint16_t, D4> du16;
    const auto* bits = reinterpret_cast<const uint16_t*>(from);
    return hn::BitCast(
        d4, kFull ? hn::LoadU(du16, bits) : hn::LoadN(du16, bits, count));
  } else {
    return kFull ? LoadF32(d4, from) : LoadF32N(d4, from, count);
  }
}

// Blocks of four words: block i from data + 4 * i * stride.
template <int64_t kSize, bool kFull, typename T>
HWY_INLINE auto LoadBlocks(const T* HWY_RESTRICT data, int64_t stride,
                           size_t count) {
  const hn::FixedTag<float, kSize> d;
  constexpr int64_t kHalf = kSize / 2;
  if constexpr (kSize == 4) {
    return LoadFourWords<kFull>(d, data, count);
  } else {
    return hn::Combine(
        d, LoadBlocks<kHalf, kFull>(data + kHalf * stride, stride, count),
        LoadBlocks<kHalf, kFull>(data, stride, count));
  }
}

// Transposes four words of kLanes rows into four vectors of a panel.
template <bool kFull, typename T>
HWY_INLINE void PackFourWords(const T* HWY_RESTRICT data, int64_t stride,
                              size_t count, float* HWY_RESTRICT to) {
  const hn::FixedTag<float, kLanes> df;
  const hn::Repartition<double, decltype(df)> dd;
  const auto load = [&](int64_t r) HWY_ATTR {
    return LoadBlocks<kLanes, kFull>(data + r * stride, stride, count);
  };
  const auto row0 = load(0);
  const auto row1 = load(1);
  const auto row2 = load(2);
  const auto row3 = load(3);
  const auto low01 = hn::BitCast(dd, hn::InterleaveLower(df, row0, row1));
  const auto low23 = hn::BitCast(dd, hn::InterleaveLower(df, row2, row3));
  const auto high01 = hn::BitCast(dd, hn::InterleaveUpper(df, row0, row1));
  const auto high23 = hn::BitCast(dd, hn::InterleaveUpper(df, row2, row3));
  const auto store = [&](auto v, int64_t i) HWY_ATTR {
    hn::StoreU(hn::BitCast(df, v), df, to + i * kPanel);
  };
  store(hn::InterleaveLower(dd, low01, low23), 0);
  store(hn::InterleaveUpper(dd, low01, low23), 1);
  store(hn::InterleaveLower(dd, high01, high23), 2);
  store(hn::InterleaveUpper(dd, high01, high23), 3);
}

// Writes K^T of the keys [first_key, first_key + count), as whole panels of
// PaddedWords(k.size) rows each. `scratch` holds kLanes rows.
template <typename T>
HWY_NOINLINE void PackKeys(const KeyRows<T>& k, int64_t first_key,
                           int64_t count, T* HWY_RESTRICT scratch,
                           float* HWY_RESTRICT panels) {
  const int64_t words = PaddedWords<T>(k.size);
  for (int64_t i = 0; i < RoundUp(count, kPanel); i += kLanes) {
    const RowBlock<T> rows = k.Get(first_key + i, scratch);
    float* to = panels + i / kPanel * kPanel * words + i % kPanel;
    // As many prefetches as there are rows, spread over the loop.
    int64_t prefetched = 0;
    for (int64_t w = 0; w < words; w += 4) {
      const int64_t first = w * kPerWord<T>;
      if (first + 4 * kPerWord<T> <= k.size) {
        PackFourWords<true>(rows.data + first, rows.stride, 0, to + w * kPanel);
      } else {
        PackFourWords<false>(rows.data + first, rows.stride,
                             static_cast<size_t>(k.size - first),
                             to + w * kPanel);
      }
      for (; prefetched * words < kLanes * (w + 4); ++prefetched) {
        k.PrefetchNext(first_key + i + prefetched);
      }
    }
  }
}

// A vector of words of the rows v0 and, for pairs, v1; if not kFull, `count`
// words, followed by zeros.
template <bool kFull, class DF, typename T>
HWY_INLINE hn::Vec<DF> LoadValueWords(DF df, const T* HWY_RESTRICT v0,
                                      const T* HWY_RESTRICT v1, size_t count) {
  if constexpr (kPairs<T>) {
    const hn::RebindToUnsigned<DF> du32;
    const hn::Rebind<uint16_t, DF> du16;
    const auto load = [&](const T* v) HWY_ATTR {
      const auto* bits = reinterpret_cast<const uint16_t*>(v);
      return hn::PromoteTo(
          du32, kFull ? hn::LoadU(du16, bits) : hn::LoadN(du16, bits, count));
    };
    return hn::BitCast(df, hn::Or(load(v0), hn::ShiftLeft<16>(load(v1))));
  } else {
    return kFull ? LoadF32(df, v0) : LoadF32N(df, v0, count);
  }
}

// Writes one row of words of V, from the rows v0 and, for pairs, v1.
template <typename T>
HWY_INLINE void PackValueRow(const T* HWY_RESTRICT v0, const T* HWY_RESTRICT v1,
                             int64_t size, float* HWY_RESTRICT panels) {
  const hn::FixedTag<float, kLanes> df;
  constexpr int64_t kPanelSize = kKeyBlock / kPerWord<T> * kPanel;
  int64_t c = 0;
  for (; c + kPanel <= size; c += kPanel) {
    float* to = panels + c / kPanel * kPanelSize;
    HWY_UNROLL(4)
    for (int64_t i = 0; i < kPanel; i += kLanes) {
      hn::StoreU(LoadValueWords<true>(df, v0 + c + i, v1 + c + i, 0), df,
                 to + i);
    }
  }
  for (; c < size; c += kLanes) {
    float* to = panels + c / kPanel * kPanelSize + c % kPanel;
    const int64_t count = std::min(kLanes, size - c);
    hn::StoreU(count == kLanes
                   ? LoadValueWords<true>(df, v0 + c, v1 + c, 0)
                   : LoadValueWords<false>(df, v0 + c, v1 + c,
                                           static_cast<size_t>(count)),
               df, to);
  }
}

// Writes V of the keys [first_key, first_key + count), rounded up to kLanes, as
// panels of kKeyBlock / kPerWord rows each. `scratch` holds kLanes rows.
template <typename T>
HWY_NOINLINE void PackValues(const KeyRows<T>& v, int64_t first_key,
                             int64_t count, T* HWY_RESTRICT scratch,
                             float* HWY_RESTRICT panels) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const RowBlock<T> rows = v.Get(first_key + i, scratch);
    for (int64_t r = 0; r < kLanes; r += kPerWord<T>) {
      for (int64_t j = 0; j < kPerWord<T>; ++j) {
        v.PrefetchNext(first_key + i + r + j);
      }
      const T* v0 = rows.data + r * rows.stride;
      PackValueRow(v0, kPairs<T> ? v0 + rows.stride : v0, v.size,
                   panels + (i + r) / kPerWord<T> * kPanel);
    }
  }
}

// sums[r][i] += a[r][0, words) times vector i of the panel rows at b.
template <bool kPair, int kRows, int kCols, class DF, class VF>
HWY_INLINE void AddProducts(DF df, const float* HWY_RESTRICT a,
                            int64_t a_stride, const float* HWY_RESTRICT b,
                            int64_t words, VF (&sums)[kRows][kCols]) {
  for (int64_t w = 0; w < words; ++w) {
    VF right[kCols];
    HWY_UNROLL(4)
    for (int i = 0; i < kCols; ++i) {
      right[i] = hn::LoadU(df, b + w * kPanel + i * kLanes);
    }
    HWY_UNROLL(6)
    for (int r = 0; r < kRows; ++r) {
      const VF left = hn::Set(df, a[r * a_stride + w]);
      HWY_UNROLL(4)
      for (int i = 0; i < kCols; ++i) {
        if constexpr (kPair) {
          const hn::Repartition<hwy::bfloat16_t, DF> dbf16;
          VF unused = hn::Zero(df);
          sums[r][i] = hn::ReorderWidenMulAccumulate(
              df, hn::BitCast(dbf16, left), hn::BitCast(dbf16, right[i]),
              sums[r][i], unused);
        } else {
          sums[r][i] = hn::MulAdd(left, right[i], sums[r][i]);
        }
      }
    }
  }
}

// scores[r][c] = scale * (q row r . K row c) for one panel of keys.
template <bool kPair, int kRows>
HWY_NOINLINE void ScorePanel(const float* HWY_RESTRICT q, int64_t q_stride,
                             const float* HWY_RESTRICT panel, int64_t words,
                             float scale, float* HWY_RESTRICT scores) {
  const hn::FixedTag<float, kLanes> df;
  using VF = hn::Vec<decltype(df)>;
  VF sums[kRows][kVectors];
  HWY_UNROLL(6)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (int i = 0; i < kVectors; ++i) sums[r][i] = hn::Zero(df);
  }
  AddProducts<kPair>(df, q, q_stride, panel, words, sums);
  const VF factor = hn::Set(df, scale);
  HWY_UNROLL(6)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (int i = 0; i < kVectors; ++i) {
      hn::StoreU(hn::Mul(sums[r][i], factor), df,
                 scores + r * kKeyBlock + i * kLanes);
    }
  }
}

// out[r] = alpha[r] * out[r] + weights[r] . V for kCols vectors of columns.
template <bool kPair, int kRows, int kCols>
HWY_NOINLINE void WeighPanel(const float* HWY_RESTRICT weights,
                             const float* HWY_RESTRICT panel, int64_t words,
                             const float* HWY_RESTRICT alpha,
                             float* HWY_RESTRICT out, int64_t out_stride) {
  const hn::FixedTag<float, kLanes> df;
  using VF = hn::Vec<decltype(df)>;
  VF sums[kRows][kCols];
  HWY_UNROLL(6)
  for (int r = 0; r < kRows; ++r) {
    const VF factor = hn::Set(df, alpha[r]);
    HWY_UNROLL(4)
    for (int i = 0; i < kCols; ++i) {
      sums[r][i] =
          hn::Mul(hn::LoadU(df, out + r * out_stride + i * kLanes), factor);
    }
  }
  AddProducts<kPair>(df, weights, kKeyBlock, panel, words, sums);
  HWY_UNROLL(6)
  for (int r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (int i = 0; i < kCols; ++i) {
      hn::StoreU(sums[r][i], df, out + r * out_stride + i * kLanes);
    }
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_KERNELS_ATTENTION_ATTENTION_TILE_INL_H_
