// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rows of a packed panel of codes (pack.h) as bf16, for the micro-kernels.
// Include after hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_GEMM_EXPAND_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_GEMM_EXPAND_INL_H_
#undef TILEWORK_COMMON_GEMM_EXPAND_INL_H_
#else
#define TILEWORK_COMMON_GEMM_EXPAND_INL_H_
#endif

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/gemm/codes.h"
#include "tilework/common/gemm/pack.h"
#include "tilework/common/gemm/packed_matrix.h"

// Table lookups of single bytes in vectors of 64.
#undef TILEWORK_GEMM_WIDE_CODES
#if HWY_TARGET <= HWY_AVX3_DL && HWY_ARCH_X86
#define TILEWORK_GEMM_WIDE_CODES 1
#else
#define TILEWORK_GEMM_WIDE_CODES 0
#endif

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Part of a packed panel of codes: whole groups of rows, from a multiple of 32
// on where it has scales.
struct CodePanel {
  const uint8_t* codes;
  const uint8_t* scales;  // 32 for each 32 rows; null: none

  CodePanel(const PackedMatrix& matrix, int64_t panel, int64_t row)
      : codes(matrix.Panel<uint8_t>(panel) +
              row / CodeRowGroup(matrix.storage()) * 64),
        scales(matrix.has_mx_scales()
                   ? matrix.MxScales(panel) +
                         row / kMxBlockSize * PackedMatrix::kPanelCols
                   : nullptr) {}
};

#if TILEWORK_GEMM_WIDE_CODES

using Code64 = hn::FixedTag<uint8_t, 64>;
using Word32 = hn::FixedTag<uint16_t, 32>;
using Bytes = hn::Vec<Code64>;
using Words = hn::Vec<Word32>;

// How many bytes early codes are asked for.
inline constexpr int64_t kCodesAhead = 2048;

// A pair of rows: columns 0 to 15, and 16 to 31.
struct WordPair {
  Words low, high;
};

// The low and the high bytes of the bf16 of every code.
template <DType kType>
class CodeTables {
 public:
  HWY_INLINE CodeTables() {
    constexpr Code64 d;
    low_[0] = hn::Load(d, kBytes.low.data());
    low_[1] = hn::Load(d, kBytes.low.data() + 64);
    high_[0] = hn::Load(d, kBytes.high.data());
    high_[1] = hn::Load(d, kBytes.high.data() + 64);
  }

  HWY_INLINE WordPair Expand(Bytes codes) const {
    constexpr Code64 d;
    Bytes low, high;
    if constexpr (kType == DType::kF4E2M1) {
      low = hn::TableLookupBytes(low_[0], codes);
      high = hn::TableLookupBytes(high_[0], codes);
    } else {
      // The sign is no part of the index.
      low.raw = _mm512_permutex2var_epi8(low_[0].raw, codes.raw, low_[1].raw);
      high.raw =
          _mm512_permutex2var_epi8(high_[0].raw, codes.raw, high_[1].raw);
      high = hn::OrAnd(high, codes, hn::Set(d, uint8_t{0x80}));
    }
    constexpr Word32 d16;
    return {hn::BitCast(d16, hn::InterleaveLower(d, low, high)),
            hn::BitCast(d16, hn::InterleaveUpper(d, low, high))};
  }

 private:
  struct Split {
    alignas(64) std::array<uint8_t, 128> low;
    alignas(64) std::array<uint8_t, 128> high;
  };
  // The 16 codes of f4e2m1 are repeated, once for each 16 bytes of a vector.
  static constexpr Split MakeBytes() {
    Split split = {};
    const auto& table = Bf16Table(kType);
    const size_t count = kType == DType::kF4E2M1 ? 16 : 128;
    for (size_t i = 0; i < 128; ++i) {
      split.low[i] = static_cast<uint8_t>(table[i % count] & 0xFFu);
      split.high[i] = static_cast<uint8_t>(table[i % count] >> 8);
    }
    return split;
  }
  static constexpr Split kBytes = MakeBytes();

  Bytes low_[2];
  Bytes high_[2];
};

// What the scales of a block of 32 rows add to the bits of its numbers.
class ScaleWords {
 public:
  HWY_INLINE explicit ScaleWords(const uint8_t* HWY_RESTRICT scales)
      : low_(Load(scales)), high_(Load(scales + 16)) {}

  HWY_INLINE WordPair Apply(const WordPair& words) const {
    return {Add(words.low, low_), Add(words.high, high_)};
  }

 private:
  static HWY_INLINE Words Load(const uint8_t* HWY_RESTRICT scales) {
    constexpr hn::FixedTag<uint32_t, 16> d32;
    constexpr hn::Rebind<uint8_t, decltype(d32)> d8;
    const auto exponents = hn::PromoteTo(d32, hn::LoadU(d8, scales));
    const auto added =
        hn::And(hn::ShiftLeft<7>(hn::Sub(exponents, hn::Set(d32, 127u))),
                hn::Set(d32, 0xFFFFu));
    return hn::BitCast(Word32(), hn::Or(added, hn::ShiftLeft<16>(added)));
  }
  // Zeros stay zeros.
  static HWY_INLINE Words Add(Words words, Words added) {
    constexpr Word32 d;
    return hn::MaskedAddOr(
        words,
        hn::Ne(hn::And(words, hn::Set(d, uint16_t{0x7FFF})), hn::Zero(d)),
        words, added);
  }

  Words low_;
  Words high_;
};

HWY_INLINE void StoreWords(const WordPair& words, BFloat16* HWY_RESTRICT to) {
  constexpr Word32 d;
  auto* bits = reinterpret_cast<uint16_t*>(to);
  hn::Store(words.low, d, bits);
  hn::Store(words.high, d, bits + 32);
}

// Calls f(words, pair) for every pair of `rows` rows, with the words of each
// panel.
template <DType kType, bool kScaled, int kPanels, class F>
HWY_INLINE void ForEachPair(const CodePanel (&panels)[kPanels], int64_t rows,
                            const F& f) {
  constexpr Code64 d;
  constexpr int64_t kGroup = CodeRowGroup(kType);
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  constexpr int64_t kBlock = kScaled ? kMxBlockSize : 1 << 30;
  const CodeTables<kType> tables;
  for (int64_t block = 0; block < rows; block += kBlock) {
    const int64_t end = std::min(rows, block + kBlock);
    const auto scales_of = [&](int j) HWY_ATTR {
      // Without scales not used: any readable bytes.
      return ScaleWords(kScaled
                            ? panels[j].scales + block / kMxBlockSize * kCols
                            : panels[j].codes);
    };
    const ScaleWords scales[2] = {scales_of(0), scales_of(kPanels - 1)};
    const auto emit = [&](const Bytes* bytes, int64_t row) HWY_ATTR {
      WordPair words[kPanels];
      HWY_UNROLL(2)
      for (int j = 0; j < kPanels; ++j) {
        words[j] = tables.Expand(bytes[j]);
        if constexpr (kScaled) words[j] = scales[j].Apply(words[j]);
      }
      f(words, row / 2);
    };
    for (int64_t row = block; row < end; row += kGroup) {
      Bytes bytes[kPanels];
      HWY_UNROLL(2)
      for (int j = 0; j < kPanels; ++j) {
        const uint8_t* from = panels[j].codes + row / kGroup * 64;
        hwy::Prefetch(from + kCodesAhead);
        bytes[j] = hn::LoadU(d, from);
      }
      if constexpr (kType == DType::kF4E2M1) {
        const Bytes mask = hn::Set(d, uint8_t{0xF});
        const hn::Repartition<uint16_t, Code64> d16;
        Bytes low[kPanels];
        HWY_UNROLL(2)
        for (int j = 0; j < kPanels; ++j) low[j] = hn::And(bytes[j], mask);
        emit(low, row);
        if (row + 2 >= end) break;
        HWY_UNROLL(2)
        for (int j = 0; j < kPanels; ++j) {
          const auto shifted = hn::ShiftRight<4>(hn::BitCast(d16, bytes[j]));
          bytes[j] = hn::And(hn::BitCast(d, shifted), mask);
        }
        emit(bytes, row + 2);
      } else {
        emit(bytes, row);
      }
    }
  }
}

template <DType kType>
HWY_NOINLINE void ExpandType(const CodePanel& panel, int64_t rows,
                             BFloat16* HWY_RESTRICT to) {
  const auto store = [&](const WordPair* words, int64_t pair) HWY_ATTR {
    StoreWords(words[0], to + pair * 2 * PackedMatrix::kPanelCols);
  };
  const CodePanel panels[1] = {panel};
  if (panel.scales != nullptr) {
    ForEachPair<kType, true>(panels, rows, store);
  } else {
    ForEachPair<kType, false>(panels, rows, store);
  }
}

#else

template <DType kType>
HWY_NOINLINE void ExpandType(const CodePanel& panel, int64_t rows,
                             BFloat16* HWY_RESTRICT to) {
  constexpr int64_t kCols = PackedMatrix::kPanelCols;
  constexpr int64_t kGroup = CodeRowGroup(kType);
  const std::array<uint16_t, 256>& table = Bf16Table(kType);
  for (int64_t row = 0; row < rows; row += 2) {
    const uint8_t* codes = panel.codes + row / kGroup * 64;
    const int shift = static_cast<int>(row % kGroup / 2 * 4);
    const uint8_t* scales = panel.scales == nullptr
                                ? nullptr
                                : panel.scales + row / kMxBlockSize * kCols;
    for (int64_t c = 0; c < kCols; ++c) {
      const int added = scales == nullptr ? 0 : (scales[c] - 127) * 128;
      for (int64_t j = 0; j < 2; ++j) {
        const int code = codes[CodePosition(c, j)] >> shift;
        uint16_t bits =
            table[static_cast<size_t>(kGroup == 4 ? code & 0xF : code)];
        if ((bits & 0x7FFFu) != 0) bits = static_cast<uint16_t>(bits + added);
        to[row * kCols + 2 * c + j] = BFloat16::FromBits(bits);
      }
    }
  }
}

#endif  // TILEWORK_GEMM_WIDE_CODES

// `rows` rows of a panel of codes of `type`, times their scales, as a packed
// panel of bf16; `to` is aligned to 64 bytes.
inline void ExpandPanel(DType type, const CodePanel& panel, int64_t rows,
                        BFloat16* HWY_RESTRICT to) {
  switch (type) {
    case DType::kF4E2M1:
      return ExpandType<DType::kF4E2M1>(panel, rows, to);
    case DType::kF8E5M2:
      return ExpandType<DType::kF8E5M2>(panel, rows, to);
    default:
      return ExpandType<DType::kF8E4M3>(panel, rows, to);
  }
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_GEMM_EXPAND_INL_H_
