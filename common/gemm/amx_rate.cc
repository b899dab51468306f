// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/amx_rate.h"

#include <cstdint>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/gemm/amx.h"
#include "tilework/common/gemm/amx_panel.h"
#include "tilework/common/gemm/amx_unit.h"
#include "tilework/common/parallel/flop_rate.h"
#include "tilework/common/parallel/thread_pool.h"

namespace tilework {

#if TILEWORK_HAVE_AMX
namespace {

constexpr int64_t kTileElements = 16 * 32;

TILEWORK_AMX_TARGET double MultiplyTiles(int64_t repetitions, float& result) {
  // Numbers in (-1, 1), each tile its own.
  BFloat16 operands[4 * kTileElements];
  uint32_t state = 1;
  for (BFloat16& x : operands) {
    state = state * 1664525u + 1013904223u;
    x = BFloat16(static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31f);
  }
  constexpr int64_t kRowBytes = 64;
  AmxUnit::Configure(amx_internal::kConfigs[kAmxMostRows]);
  AmxUnit::Zero<0>();
  AmxUnit::Zero<1>();
  AmxUnit::Zero<2>();
  AmxUnit::Zero<3>();
  AmxUnit::Load<4>(operands, kRowBytes);
  AmxUnit::Load<5>(operands + kTileElements, kRowBytes);
  AmxUnit::Load<6>(operands + 2 * kTileElements, kRowBytes);
  AmxUnit::Load<7>(operands + 3 * kTileElements, kRowBytes);
  for (int64_t i = 0; i < repetitions; ++i) {
    AmxUnit::MultiplyAdd<0, 4, 6>();
    AmxUnit::MultiplyAdd<2, 5, 6>();
    AmxUnit::MultiplyAdd<1, 4, 7>();
    AmxUnit::MultiplyAdd<3, 5, 7>();
  }
  float sums[16 * 16];
  AmxUnit::Store<0>(sums, kRowBytes);
  AmxUnit::Release();
  result = sums[0];
  return 4 * 2.0 * 16 * 16 * 32 * static_cast<double>(repetitions);
}

}  // namespace

double MeasureAmxRate(const ThreadPool& pool) {
  return AmxUsable() ? BestFlopRate(pool, MultiplyTiles) : 0;
}
#else
double MeasureAmxRate(const ThreadPool& /*pool*/) { return 0; }
#endif  // TILEWORK_HAVE_AMX

}  // namespace tilework
