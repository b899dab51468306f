// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/amx.h"

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/log/absl_check.h"
#include "hwy/detect_targets.h"
#include "tilework/common/gemm/amx_panel.h"
#include "tilework/common/gemm/amx_unit.h"

#if TILEWORK_HAVE_AMX
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace tilework {
namespace {

std::atomic<const amx_internal::StandIn*> stand_in{nullptr};

#if TILEWORK_HAVE_AMX

// Whether the operating system keeps the tiles' state (XCR0).
__attribute__((target("xsave"))) bool SystemKeepsTiles() {
  constexpr uint64_t kTileState = uint64_t{3} << 17;
  return (_xgetbv(0) & kTileState) == kTileState;
}

bool ProcessorHasTiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kXsaveInUse = 1u << 27;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kXsaveInUse) == 0) {
    return false;
  }
  constexpr unsigned kTilesAndBf16 = 1u << 24 | 1u << 22;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 &&
         (d & kTilesAndBf16) == kTilesAndBf16 && SystemKeepsTiles();
}

// The tiles are 8 KiB more of each thread's state, so Linux wants to be asked.
bool KernelPermitsTiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

#endif  // TILEWORK_HAVE_AMX

}  // namespace

bool AmxUsable() {
#if TILEWORK_HAVE_AMX
  static const bool usable = ProcessorHasTiles() && KernelPermitsTiles();
  return usable;
#else
  return false;
#endif
}

bool UseAmx(int64_t simd_target) {
  const amx_internal::StandIn* other = stand_in.load(std::memory_order_acquire);
  if (other != nullptr) return other->multiply != nullptr;
#if TILEWORK_HAVE_AMX
  // Better targets have lower bits.
  return simd_target <= HWY_AVX3_SPR && AmxUsable();
#else
  return false;
#endif
}

AmxTiles::~AmxTiles() {
#if TILEWORK_HAVE_AMX
  if (rows_ != 0) AmxUnit::Release();
#endif
}

void AmxTiles::Multiply(const AmxBlock& block) {
  ABSL_DCHECK(block.rows >= 1 && block.rows <= kAmxMostRows) << block.rows;
  const amx_internal::StandIn* other = stand_in.load(std::memory_order_acquire);
  if (other != nullptr) return other->multiply(block);
#if TILEWORK_HAVE_AMX
  AmxUnit unit;
  if (block.rows != rows_) {
    AmxUnit::Configure(amx_internal::kConfigs[static_cast<size_t>(block.rows)]);
    rows_ = block.rows;
  }
  amx_internal::MultiplyBlock(unit, block, scratch_);
#else
  ABSL_CHECK(false) << "UseAmx() said no";
#endif
}

namespace amx_internal {

void SetStandIn(const StandIn* other) {
  stand_in.store(other, std::memory_order_release);
}

}  // namespace amx_internal
}  // namespace tilework
