// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How AmxTiles (amx.h) uses the unit, for any Unit that has its instructions:
// the real one (amx_unit.h), or a model of it in tests (amx_model.h).
//
//   void Configure(const AmxConfig& config);      LDTILECFG
//   void Release();                               TILERELEASE
//   template <int kTile> void Zero();             TILEZERO
//   template <int kTile> void Load(const void* from, int64_t stride_bytes);
//   template <int kTile> void Store(void* to, int64_t stride_bytes);
//   template <int kSum, int kA, int kB> void MultiplyAdd();     TDPBF16PS
//
// Tiles 0 to 3 are sums: two rows of tiles times one panel, or one row of tiles
// times two panels, a panel being two tiles wide. Each takes 16 cycles to
// multiply and 52 until it can be added to again, so that four keep the unit
// busy. Tiles 4 and 5 are of a, 6 and 7 of b.
//
// The configuration says how many rows there are. So few rows are read and
// written in place, without copies that zeros fill up, and they take as many
// cycles less; it costs something only when the number changes, which within a
// product is once or twice (RowGroups).

#ifndef TILEWORK_COMMON_GEMM_AMX_PANEL_H_
#define TILEWORK_COMMON_GEMM_AMX_PANEL_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/amx.h"
#include "tilework/common/gemm/packed_matrix.h"

#if defined(__x86_64__) && defined(__linux__) && \
    (__has_include(<amxbf16intrin.h>) || __has_include(<amxintrin.h>))
#define TILEWORK_HAVE_AMX 1
// Of all functions that the instructions are inlined into.
#define TILEWORK_AMX_TARGET __attribute__((target("amx-tile,amx-bf16")))
#else
#define TILEWORK_HAVE_AMX 0
#define TILEWORK_AMX_TARGET
#endif

namespace tilework {

// The operand of LDTILECFG.
struct AmxConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(AmxConfig) == 64);

namespace amx_internal {

inline constexpr int64_t kTileRows = 16;
inline constexpr int64_t kTileBytes = 64;  // of a row
// Bytes from a pair of rows of a panel to the next.
inline constexpr int64_t kPairBytes = 4 * PackedMatrix::kPanelCols;
static_assert(kPairBytes == 2 * kTileBytes);
inline constexpr int64_t kPanelStep = kAmxStep * PackedMatrix::kPanelCols;

constexpr AmxConfig ConfigFor(int64_t rows) {
  AmxConfig config;
  const auto set = [&config](int tile, int64_t tile_rows) {
    config.row_bytes[tile] = kTileBytes;
    config.rows[tile] = static_cast<uint8_t>(tile_rows);
  };
  const bool two = rows > kTileRows;
  const int64_t upper = two ? kTileRows : rows;
  const int64_t lower = two ? rows - kTileRows : rows;
  set(0, upper);
  set(1, upper);
  set(2, lower);
  set(3, lower);
  set(4, upper);
  if (two) set(5, lower);
  set(6, kTileRows);
  set(7, kTileRows);
  return config;
}

// In memory that nobody writes: the instruction's operand, as compilers see it,
// may be but a part of it.
inline constexpr auto kConfigs = [] {
  std::array<AmxConfig, kAmxMostRows + 1> configs;
  for (int64_t rows = 1; rows <= kAmxMostRows; ++rows) {
    configs[static_cast<size_t>(rows)] = ConfigFor(rows);
  }
  return configs;
}();

// One block: kRowTiles rows of tiles and kPanels panels from `panel` on, 2 and
// 1, 1 and 2, or 1 and 1.
template <class Unit, int kRowTiles, int kPanels>
class BlockKernel {
  static_assert(kRowTiles * kPanels <= 2);

 public:
  TILEWORK_AMX_TARGET static void Run(Unit& unit, const AmxBlock& block,
                                      int panel, AmxScratch& scratch) {
    Sums<0>(unit, block, panel);
    if constexpr (kRowTiles + kPanels > 2) Sums<1>(unit, block, panel);

    const int64_t steps = block.k / kAmxStep;
    const int64_t lines =
        (block.next_bytes / 64 + steps - 1) / std::max<int64_t>(steps, 1);
    const BFloat16* a = block.a;
    const BFloat16* b[kPanels];
    const char* next[kPanels];
    const char* next_end[kPanels];
    for (int i = 0; i < kPanels; ++i) {
      b[i] = block.b[panel + i];
      next[i] = static_cast<const char*>(block.next[panel + i]);
      next_end[i] = next[i] == nullptr ? next[i] : next[i] + block.next_bytes;
    }
    for (int64_t step = 0; step < steps; ++step) {
      Step(unit, a, block.a_stride, b);
      a += block.a_step;
      for (int i = 0; i < kPanels; ++i) {
        b[i] += kPanelStep;
        const char* const end =
            next[i] + std::min<int64_t>(next_end[i] - next[i], 64 * lines);
        for (; next[i] < end; next[i] += 64) __builtin_prefetch(next[i], 0, 2);
      }
    }
    if (block.k % kAmxStep != 0) LastStep(unit, block, a, b, scratch);

    Store<0>(unit, block, panel);
    if constexpr (kRowTiles + kPanels > 2) Store<1>(unit, block, panel);
  }

 private:
  // Where the sums 2 * kPair and 2 * kPair + 1 belong.
  template <int kPair>
  TILEWORK_AMX_TARGET static float* Values(const AmxBlock& block, int panel) {
    return kRowTiles == 2
               ? block.values[panel] + kPair * kTileRows * block.stride
               : block.values[panel + kPair];
  }

  template <int kPair>
  TILEWORK_AMX_TARGET static void Sums(Unit& unit, const AmxBlock& block,
                                       int panel) {
    if (block.first) {
      unit.template Zero<2 * kPair>();
      unit.template Zero<2 * kPair + 1>();
    } else {
      const float* values = Values<kPair>(block, panel);
      const int64_t stride = block.stride * int64_t{sizeof(float)};
      unit.template Load<2 * kPair>(values, stride);
      unit.template Load<2 * kPair + 1>(values + kTileBytes / 4, stride);
    }
  }

  template <int kPair>
  TILEWORK_AMX_TARGET static void Store(Unit& unit, const AmxBlock& block,
                                        int panel) {
    float* values = Values<kPair>(block, panel);
    const int64_t stride = block.stride * int64_t{sizeof(float)};
    unit.template Store<2 * kPair>(values, stride);
    unit.template Store<2 * kPair + 1>(values + kTileBytes / 4, stride);
  }

  // 32 rows of k. What is loaded is used at once, before what comes next, and
  // the same sum comes again after the other three.
  TILEWORK_AMX_TARGET static void Step(Unit& unit, const BFloat16* a,
                                       int64_t a_stride,
                                       const BFloat16* const (&b)[kPanels]) {
    const int64_t a_bytes = a_stride * int64_t{sizeof(BFloat16)};
    unit.template Load<6>(b[0], kPairBytes);
    unit.template Load<4>(a, a_bytes);
    unit.template MultiplyAdd<0, 4, 6>();
    if constexpr (kRowTiles == 2) {
      unit.template Load<5>(a + kTileRows * a_stride, a_bytes);
      unit.template MultiplyAdd<2, 5, 6>();
    }
    unit.template Load<7>(b[0] + kTileBytes / 2, kPairBytes);
    unit.template MultiplyAdd<1, 4, 7>();
    if constexpr (kRowTiles == 2) unit.template MultiplyAdd<3, 5, 7>();
    if constexpr (kPanels == 2) {
      unit.template Load<6>(b[1], kPairBytes);
      unit.template MultiplyAdd<2, 4, 6>();
      unit.template Load<7>(b[1] + kTileBytes / 2, kPairBytes);
      unit.template MultiplyAdd<3, 4, 7>();
    }
  }

  // Fewer than 32 rows of k: both operands are filled up with zeros, as what
  // lies behind them may be NaN.
  TILEWORK_AMX_TARGET static void LastStep(Unit& unit, const AmxBlock& block,
                                           const BFloat16* a,
                                           const BFloat16* const (&b)[kPanels],
                                           AmxScratch& scratch) {
    const int64_t k = block.k % kAmxStep;
    const int64_t size = (k + 1) / 2 * (kPairBytes / 2);
    for (int64_t r = 0; r < block.rows; ++r) {
      BFloat16* row = scratch.a + r * kAmxStep;
      std::memset(row, 0, kTileBytes);
      std::copy_n(a + r * block.a_stride, k, row);
    }
    const BFloat16* filled[kPanels];
    for (int i = 0; i < kPanels; ++i) {
      std::memset(scratch.b[i], 0, sizeof(scratch.b[i]));
      std::copy_n(b[i], size, scratch.b[i]);
      filled[i] = scratch.b[i];
    }
    Step(unit, scratch.a, kAmxStep, filled);
  }
};

// All of a block, by a unit that is configured for its rows.
template <class Unit>
TILEWORK_AMX_TARGET void MultiplyBlock(Unit& unit, const AmxBlock& block,
                                       AmxScratch& scratch) {
  const bool two = block.b[1] != nullptr;
  if (block.rows > kTileRows) {
    BlockKernel<Unit, 2, 1>::Run(unit, block, 0, scratch);
    if (two) BlockKernel<Unit, 2, 1>::Run(unit, block, 1, scratch);
  } else if (two) {
    BlockKernel<Unit, 1, 2>::Run(unit, block, 0, scratch);
  } else {
    BlockKernel<Unit, 1, 1>::Run(unit, block, 0, scratch);
  }
}

}  // namespace amx_internal
}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_AMX_PANEL_H_
