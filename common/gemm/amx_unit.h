// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The instructions of AMX, as amx_panel.h calls them.

#ifndef TILEWORK_COMMON_GEMM_AMX_UNIT_H_
#define TILEWORK_COMMON_GEMM_AMX_UNIT_H_

#include "tilework/common/gemm/amx_panel.h"

#if TILEWORK_HAVE_AMX
#include <immintrin.h>

#include <atomic>
#include <cstdint>

namespace tilework {

// GCC's intrinsics want tiles as literals, and GCC 12 does not know that they
// read memory (those that write say so): what was stored before must have been.
class AmxUnit {
 public:
  TILEWORK_AMX_TARGET static void Configure(const AmxConfig& config) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    _tile_loadconfig(&config);
  }

  TILEWORK_AMX_TARGET static void Release() { _tile_release(); }

  template <int kTile>
  TILEWORK_AMX_TARGET static void Zero() {
    static_assert(kTile >= 0 && kTile <= 3);
    if constexpr (kTile == 0) _tile_zero(0);
    if constexpr (kTile == 1) _tile_zero(1);
    if constexpr (kTile == 2) _tile_zero(2);
    if constexpr (kTile == 3) _tile_zero(3);
  }

  template <int kTile>
  TILEWORK_AMX_TARGET static void Load(const void* from, int64_t stride) {
    static_assert(kTile >= 0 && kTile <= 7);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if constexpr (kTile == 0) _tile_loadd(0, from, stride);
    if constexpr (kTile == 1) _tile_loadd(1, from, stride);
    if constexpr (kTile == 2) _tile_loadd(2, from, stride);
    if constexpr (kTile == 3) _tile_loadd(3, from, stride);
    if constexpr (kTile == 4) _tile_loadd(4, from, stride);
    if constexpr (kTile == 5) _tile_loadd(5, from, stride);
    if constexpr (kTile == 6) _tile_loadd(6, from, stride);
    if constexpr (kTile == 7) _tile_loadd(7, from, stride);
  }

  template <int kTile>
  TILEWORK_AMX_TARGET static void Store(void* to, int64_t stride) {
    static_assert(kTile >= 0 && kTile <= 3);
    if constexpr (kTile == 0) _tile_stored(0, to, stride);
    if constexpr (kTile == 1) _tile_stored(1, to, stride);
    if constexpr (kTile == 2) _tile_stored(2, to, stride);
    if constexpr (kTile == 3) _tile_stored(3, to, stride);
  }

  template <int kSum, int kA, int kB>
  TILEWORK_AMX_TARGET static void MultiplyAdd() {
    constexpr int kTiles = kSum * 100 + kA * 10 + kB;
    static_assert(kTiles == 46 || kTiles == 147 || kTiles == 246 ||
                  kTiles == 256 || kTiles == 347 || kTiles == 357);
    if constexpr (kTiles == 46) _tile_dpbf16ps(0, 4, 6);
    if constexpr (kTiles == 147) _tile_dpbf16ps(1, 4, 7);
    if constexpr (kTiles == 246) _tile_dpbf16ps(2, 4, 6);
    if constexpr (kTiles == 256) _tile_dpbf16ps(2, 5, 6);
    if constexpr (kTiles == 347) _tile_dpbf16ps(3, 4, 7);
    if constexpr (kTiles == 357) _tile_dpbf16ps(3, 5, 7);
  }
};

}  // namespace tilework
#endif  // TILEWORK_HAVE_AMX

#endif  // TILEWORK_COMMON_GEMM_AMX_UNIT_H_
