// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Micro-kernels: a few rows of the left operand (left-inl.h) times one panel of
// the right one (pack.h), all sums in registers. Include after hwy/highway.h
// inside a foreach_target file.

#if defined(TILEWORK_COMMON_GEMM_MICRO_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_GEMM_MICRO_INL_H_
#undef TILEWORK_COMMON_GEMM_MICRO_INL_H_
#else
#define TILEWORK_COMMON_GEMM_MICRO_INL_H_
#endif

#include <cstdint>
#include <type_traits>
#include <utility>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/expand-inl.h"
#include "tilework/common/gemm/left-inl.h"
#include "tilework/common/gemm/pack.h"
#include "tilework/common/gemm/packed_matrix.h"
#include "tilework/common/simd/convert-inl.h"

// Whether codes can be expanded in registers, for a dot product.
#undef TILEWORK_GEMM_DOTS_OF_CODES
#define TILEWORK_GEMM_DOTS_OF_CODES \
  (TILEWORK_GEMM_WIDE_CODES && HWY_NATIVE_DOT_BF16)

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of a group: with two vectors of columns, 24 sums in AVX-512's 32
// registers, 8 in AVX2's 16.
#if HWY_TARGET <= HWY_AVX3
inline constexpr int kMaxRows = 12;
#else
inline constexpr int kMaxRows = 4;
#endif
inline constexpr int kVectors = 2;
// Up to this many rows, two panels are taken at a time: sums must be many to
// hide the time that each addition takes.
inline constexpr int kMaxPairRows = kMaxRows / 2;
// Up to this many rows, codes are expanded in registers; for more, once into
// memory.
inline constexpr int kMaxCodeRows = 4;

// With few rows a product is as fast as the right operand comes from memory,
// and what the hardware fetches ahead is not enough: ask for each step's cache
// lines this many bytes early. Panels follow one another, so the end of one
// fetches the beginning of the next.
inline constexpr int64_t kAheadBytes = 4096;

template <int kRows, int kLines>
HWY_INLINE void FetchAhead(const void* HWY_RESTRICT b) {
  if constexpr (kRows <= kMaxPairRows) {
    const auto* ahead = static_cast<const uint8_t*>(b) + kAheadBytes;
    HWY_UNROLL(2)
    for (int i = 0; i < kLines; ++i) hwy::Prefetch(ahead + 64 * i);
  }
}

// Brings what is multiplied next to the L2 cache, a line each step: one or two
// pieces of memory.
class FetchNext {
 public:
  // `bytes` is a multiple of 64.
  void Add(const void* begin, int64_t bytes) {
    const char* first = static_cast<const char*>(begin);
    if (next_ == end_) {
      next_ = first;
      end_ = first + bytes;
    } else {
      after_ = first;
      after_end_ = first + bytes;
    }
  }

  HWY_INLINE void Line() {
    if (next_ == end_) return;
    __builtin_prefetch(next_, 0, 2);
    next_ += 64;
    if (next_ == end_) {
      next_ = after_;
      end_ = after_end_;
      after_ = after_end_;
    }
  }

 private:
  const char* next_ = nullptr;
  const char* end_ = nullptr;
  const char* after_ = nullptr;
  const char* after_end_ = nullptr;
};

// Scales of one block of the contraction: of each row of a, and of the panel.
struct BlockFactors {
  const float* rows = nullptr;  // null: 1
  int64_t row_stride = 0;
  float column = 1;

  float OfRow(int64_t r) const {
    return rows == nullptr ? column : rows[r * row_stride] * column;
  }
};

// Where the sums of a group of rows and a panel go.
struct MicroTarget {
  float* values;
  int64_t stride;
  bool first;                   // begin at 0, else add
  const BlockFactors* factors;  // null: none. Else the sums begin at 0 and are
                                // multiplied before they are added.
};

// Sums of kRows rows and two vectors of columns.
template <int kRows>
struct Sums {
  // At most half a panel, so that it is whole steps.
  using Tag = hn::CappedTag<float, PackedMatrix::kPanelCols / kVectors>;
  using V = hn::Vec<Tag>;

  V v[kRows][kVectors];

  static HWY_INLINE int64_t Lanes() {
    return static_cast<int64_t>(hn::Lanes(Tag()));
  }
  HWY_INLINE void Load(const MicroTarget& target, int64_t col) {
    const bool zero = target.first || target.factors != nullptr;
    HWY_UNROLL(12)
    for (int r = 0; r < kRows; ++r) {
      const float* row = target.values + r * target.stride + col;
      v[r][0] = zero ? hn::Zero(Tag()) : hn::LoadU(Tag(), row);
      v[r][1] = zero ? hn::Zero(Tag()) : hn::LoadU(Tag(), row + Lanes());
    }
  }
  HWY_INLINE void Store(const MicroTarget& target, int64_t col) {
    HWY_UNROLL(12)
    for (int r = 0; r < kRows; ++r) {
      float* row = target.values + r * target.stride + col;
      if (target.factors != nullptr) {
        const V factor = hn::Set(Tag(), target.factors->OfRow(r));
        HWY_UNROLL(2)
        for (int i = 0; i < kVectors; ++i) {
          const V sum = hn::Mul(v[r][i], factor);
          v[r][i] = target.first
                        ? sum
                        : hn::Add(hn::LoadU(Tag(), row + i * Lanes()), sum);
        }
      }
      hn::StoreU(v[r][0], Tag(), row);
      hn::StoreU(v[r][1], Tag(), row + Lanes());
    }
  }
};

// The right operand of one step, as f32: rows k and (for bf16, which is packed
// in pairs) k + 1.
template <typename TB, int kRow, class DF>
HWY_INLINE hn::Vec<DF> LoadPackedRow(DF df, const TB* HWY_RESTRICT b) {
  if constexpr (std::is_same_v<TB, BFloat16>) {
    const hn::RebindToUnsigned<DF> du32;
    const auto pair = hn::LoadU(du32, reinterpret_cast<const uint32_t*>(b));
    return hn::BitCast(df, kRow == 0
                               ? hn::ShiftLeft<16>(pair)
                               : hn::And(pair, hn::Set(du32, 0xFFFF0000u)));
  } else {
    return LoadF32(df, b);
  }
}

// sums[r][v] += a[r] * (vector v of packed row k + kRow).
template <typename TB, int kRow, int kRows>
HWY_INLINE void AddRow(const float* HWY_RESTRICT a, const TB* HWY_RESTRICT b,
                       Sums<kRows>& sums) {
  const typename Sums<kRows>::Tag df;
  const int64_t step = Sums<kRows>::Lanes() * kPackedRowGroup<TB>;
  const auto b0 = LoadPackedRow<TB, kRow>(df, b);
  const auto b1 = LoadPackedRow<TB, kRow>(df, b + step);
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    const auto x = hn::Set(df, a[r]);
    sums.v[r][0] = hn::MulAdd(x, b0, sums.v[r][0]);
    sums.v[r][1] = hn::MulAdd(x, b1, sums.v[r][1]);
  }
}

// sums[j] += f32 times any packed type, k steps.
template <typename TB, int kRows, int kPanels>
HWY_INLINE void Accumulate(const float* HWY_RESTRICT a,
                           const TB* const (&b)[kPanels], int64_t k,
                           FetchNext& fetch, Sums<kRows> (&sums)[kPanels]) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  constexpr int64_t kGroup = kPackedRowGroup<TB>;
  int64_t i = 0;
  for (; i + kGroup <= k; i += kGroup) {
    fetch.Line();
    HWY_UNROLL(2)
    for (int j = 0; j < kPanels; ++j) {
      const TB* HWY_RESTRICT rows = b[j] + i * kCols;
      FetchAhead<kRows, 2>(rows);
      AddRow<TB, 0>(a + i * kRows, rows, sums[j]);
      if constexpr (kGroup == 2) {
        AddRow<TB, 1>(a + (i + 1) * kRows, rows, sums[j]);
      }
    }
  }
  if (i == k) return;
  HWY_UNROLL(2)
  for (int j = 0; j < kPanels; ++j) {
    AddRow<TB, 0>(a + i * kRows, b[j] + i * kCols, sums[j]);
  }
}

#if HWY_NATIVE_DOT_BF16
// sums[r][v] += the products of pairs[r] with a pair of rows of b.
template <int kRows, class VB>
HWY_INLINE void AddPairs(const uint32_t* HWY_RESTRICT pairs, VB b0, VB b1,
                         Sums<kRows>& sums) {
  const typename Sums<kRows>::Tag df;
  const hn::RebindToUnsigned<decltype(df)> du32;
  const hn::Repartition<hwy::bfloat16_t, decltype(df)> dbf16;
  auto unused = hn::Zero(df);
  HWY_UNROLL(12)
  for (int r = 0; r < kRows; ++r) {
    const auto x = hn::BitCast(dbf16, hn::Set(du32, pairs[r]));
    sums.v[r][0] =
        hn::ReorderWidenMulAccumulate(df, x, b0, sums.v[r][0], unused);
    sums.v[r][1] =
        hn::ReorderWidenMulAccumulate(df, x, b1, sums.v[r][1], unused);
  }
}

// The same for bf16 times bf16; the last pair of an odd k has zeros.
template <typename TB, int kRows, int kPanels>
HWY_INLINE void Accumulate(const BFloat16* HWY_RESTRICT a,
                           const TB* const (&b)[kPanels], int64_t k,
                           FetchNext& fetch, Sums<kRows> (&sums)[kPanels]) {
  static_assert(std::is_same_v<TB, BFloat16>);
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  const typename Sums<kRows>::Tag df;
  const hn::Repartition<hwy::bfloat16_t, decltype(df)> dbf16;
  const auto lanes = static_cast<int64_t>(hn::Lanes(dbf16));
  const auto* pairs = reinterpret_cast<const uint32_t*>(a);
  for (int64_t i = 0; i < k; i += 2) {
    fetch.Line();
    HWY_UNROLL(2)
    for (int j = 0; j < kPanels; ++j) {
      const auto* from =
          reinterpret_cast<const hwy::bfloat16_t*>(b[j] + i * kCols);
      FetchAhead<kRows, 2>(from);
      AddPairs(pairs, hn::LoadU(dbf16, from), hn::LoadU(dbf16, from + lanes),
               sums[j]);
    }
    pairs += kRows;
  }
}
#endif  // HWY_NATIVE_DOT_BF16

// target (+)= sum over k of a[.., r] * b[j][.., c] for kRows rows and panels
// that lie side by side in the target.
template <int kRows, int kPanels, typename TA, typename TB>
HWY_NOINLINE void MicroKernel(const TA* HWY_RESTRICT a,
                              const TB* const (&b)[kPanels], int64_t k,
                              FetchNext& fetch, const MicroTarget& target) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  const int64_t width = kVectors * Sums<kRows>::Lanes();
  FetchNext rest = fetch;
  for (int64_t c = 0; c < kCols; c += width) {
    Sums<kRows> sums[kPanels];
    const TB* columns[kPanels];
    HWY_UNROLL(2)
    for (int j = 0; j < kPanels; ++j) {
      sums[j].Load(target, j * kCols + c);
      columns[j] = b[j] + c * kPackedRowGroup<TB>;
    }
    Accumulate<TB, kRows, kPanels>(a, columns, k, rest, sums);
    HWY_UNROLL(2)
    for (int j = 0; j < kPanels; ++j) sums[j].Store(target, j * kCols + c);
  }
  fetch = rest;
}

#if TILEWORK_GEMM_DOTS_OF_CODES
// The same with panels of codes.
template <int kRows, int kPanels, DType kType, bool kScaled>
HWY_NOINLINE void MicroKernelOfCodes(const BFloat16* HWY_RESTRICT a,
                                     const CodePanel (&panels)[kPanels],
                                     int64_t k, const MicroTarget& target) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  const typename Sums<kRows>::Tag df;
  const hn::Repartition<hwy::bfloat16_t, decltype(df)> dbf16;
  const auto* pairs = reinterpret_cast<const uint32_t*>(a);
  Sums<kRows> sums[kPanels];
  HWY_UNROLL(2)
  for (int j = 0; j < kPanels; ++j) sums[j].Load(target, j * kCols);
  ForEachPair<kType, kScaled>(
      panels, k, [&](const WordPair* words, int64_t pair) HWY_ATTR {
        HWY_UNROLL(2)
        for (int j = 0; j < kPanels; ++j) {
          AddPairs(pairs + pair * kRows, hn::BitCast(dbf16, words[j].low),
                   hn::BitCast(dbf16, words[j].high), sums[j]);
        }
      });
  HWY_UNROLL(2)
  for (int j = 0; j < kPanels; ++j) sums[j].Store(target, j * kCols);
}
#endif  // TILEWORK_GEMM_DOTS_OF_CODES

// f(std::integral_constant<int, rows>()) for 1 <= rows <= kMost.
template <int kMost, class F>
HWY_INLINE void VisitRows(int64_t rows, const F& f) {
  if constexpr (kMost > 1) {
    if (rows < kMost) return VisitRows<kMost - 1>(rows, f);
  }
  f(std::integral_constant<int, kMost>());
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_GEMM_MICRO_INL_H_
