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
  int64_t size = 0;       // elements of a row
  KeyRange visible;       // rows outside read as zeros
  int64_t num_keys = 0;   // of the axis: rows from here on are not prefetched

  // Row `key` with unit stride, copied to `scratch` if need be.
  HWY_INLINE const T* Get(int64_t key, T* HWY_RESTRICT scratch) const {
    alignas(64) static constexpr float kZeros[kMaxAttentionWidth] = {};
    if (key < visible.begin || key >= visible.end) {
      return reinterpret_cast<const T*>(kZeros);
    }
    const Part& part = key < num_prior ? prior : active;
    const T* from = Start(key);
    if (part.stride == 1) return from;
    for (int64_t i = 0; i < size; ++i) scratch[i] = from[i * part.stride];
    return scratch;
  }

  // Fetches the row that has the place of row `key` in the next block: its
  // memory is read while this block is worked on.
  HWY_INLINE void PrefetchNext(int64_t key) const {
    key += kKeyBlock;
    if (key >= num_keys || prior.stride > 1) return;
    constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
    const T* from = Start(key);
    for (int64_t i = 0; i < size; i += kLine) hwy::Prefetch(from + i);
  }

  HWY_INLINE const T* Start(int64_t key) const {
    return key < num_prior
               ? prior.data + key * prior.row_stride
               : active.data + (key - num_prior) * active.row_stride;
  }
};

// Four words from `from`, which has `count` more elements; zeros beyond.
template <class D4, typename T>
HWY_INLINE hn::Vec<D4> LoadFourWords(D4 d4, const T* HWY_RESTRICT from,
                                     int64_t count) {
  const size_t n = static_cast<size_t>(std::min(count, 4 * kPerWord<T>));
  if constexpr (kPairs<T>) {
    const hn::Repartition<uint16_t, D4> du16;
    const auto* bits = reinterpret_cast<const uint16_t*>(from);
    return hn::BitCast(d4, n == hn::Lanes(du16) ? hn::LoadU(du16, bits)
                                                : hn::LoadN(du16, bits, n));
  } else {
    return LoadUpTo(d4, from, n);
  }
}

// Blocks of four words: block i from rows[4 * i] + first.
template <int64_t kSize, typename T>
HWY_INLINE auto LoadBlocks(const T* const* HWY_RESTRICT rows, int64_t first,
                           int64_t count) {
  const hn::FixedTag<float, kSize> d;
  if constexpr (kSize == 4) {
    return LoadFourWords(d, rows[0] + first, count);
  } else {
    return hn::Combine(d, LoadBlocks<kSize / 2>(rows + kSize / 2, first, count),
                       LoadBlocks<kSize / 2>(rows, first, count));
  }
}

// Transposes four words of kLanes rows into four vectors of a panel.
template <typename T>
HWY_INLINE void PackFourWords(const T* const* HWY_RESTRICT rows, int64_t first,
                              int64_t count, float* HWY_RESTRICT to) {
  const hn::FixedTag<float, kLanes> df;
  const hn::Repartition<double, decltype(df)> dd;
  const auto row0 = LoadBlocks<kLanes>(rows, first, count);
  const auto row1 = LoadBlocks<kLanes>(rows + 1, first, count);
  const auto row2 = LoadBlocks<kLanes>(rows + 2, first, count);
  const auto row3 = LoadBlocks<kLanes>(rows + 3, first, count);
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
    const T* rows[kLanes];
    for (int64_t r = 0; r < kLanes; ++r) {
      rows[r] = k.Get(first_key + i + r, scratch + r * k.size);
    }
    float* to = panels + i / kPanel * kPanel * words + i % kPanel;
    // As many prefetches as there are lines, spread over the loop.
    int64_t prefetched = 0;
    for (int64_t w = 0; w < words; w += 4) {
      const int64_t first = w * kPerWord<T>;
      PackFourWords(rows, first, k.size - first, to + w * kPanel);
      for (; prefetched * words < kLanes * (w + 4); ++prefetched) {
        k.PrefetchNext(first_key + i + prefetched);
      }
    }
  }
}

// A vector of words of the rows v0 and, for pairs, v1: `count` of them.
template <class DF, typename T>
HWY_INLINE hn::Vec<DF> LoadValueWords(DF df, const T* HWY_RESTRICT v0,
                                      const T* HWY_RESTRICT v1, size_t count) {
  if constexpr (kPairs<T>) {
    const hn::RebindToUnsigned<DF> du32;
    const auto high = hn::BitCast(du32, LoadUpTo(df, v1, count));
    const auto low = hn::BitCast(du32, LoadUpTo(df, v0, count));
    return hn::BitCast(df, hn::Or(high, hn::ShiftRight<16>(low)));
  } else {
    return LoadUpTo(df, v0, count);
  }
}

// Writes V of the keys [first_key, first_key + count) as panels of
// kKeyBlock / kPerWord rows each, of which the first NumWords(count) are
// written. `scratch` holds two rows.
template <typename T>
HWY_NOINLINE void PackValues(const KeyRows<T>& v, int64_t first_key,
                             int64_t count, T* HWY_RESTRICT scratch,
                             float* HWY_RESTRICT panels) {
  const hn::FixedTag<float, kLanes> df;
  constexpr int64_t kPanelSize = kKeyBlock / kPerWord<T> * kPanel;
  for (int64_t w = 0; w < NumWords<T>(count); ++w) {
    const int64_t key = first_key + w * kPerWord<T>;
    for (int64_t i = 0; i < kPerWord<T>; ++i) v.PrefetchNext(key + i);
    const T* v0 = v.Get(key, scratch);
    const T* v1 = kPairs<T> ? v.Get(key + 1, scratch + v.size) : nullptr;
    for (int64_t c = 0; c < v.size; c += kLanes) {
      float* to = panels + c / kPanel * kPanelSize + w * kPanel + c % kPanel;
      const int64_t n = std::min(kLanes, v.size - c);
      hn::StoreU(LoadValueWords(df, v0 + c, kPairs<T> ? v1 + c : nullptr,
                                static_cast<size_t>(n)),
                 df, to);
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
