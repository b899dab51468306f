// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Matrix products of a warpgroup: D = A B + D of 64 x N, asynchronous (PTX ISA,
// "Asynchronous Warpgroup Level Matrix Instructions"; sm_90a).
//
//   float d[N / 2];  // how it is spread over threads: tiling/fragment.h
//   WgmmaFence();
//   for (...) WgmmaMmaAsync<BFloat16, BFloat16>(d, a, b, accumulate);
//   WgmmaCommitGroup();
//   WgmmaWaitGroup<0>(d);
//
// A warpgroup is four warps, the first of which has a number that is a multiple
// of four. All its threads execute the same instructions with the same
// descriptors.
//
// Rules of order:
// - Registers: WgmmaFence() stands between what writes registers (of D or A)
//   and the instruction that uses them. Instructions that follow each other
//   with the same D and N need none in between.
// - From WgmmaMmaAsync() to the wait for its group, D (and A in registers) may
//   be neither read nor written. The wait names the D that are to be used then;
//   to the compiler their values come from there.
// - Shared memory is read through the async proxy: what threads wrote with
//   ordinary stores needs FenceProxyAsync() by them before a barrier; what TMA
//   wrote needs the wait for its mbarrier alone.
// - Shared memory may be written again only after the wait.

#ifndef TILEWORK_COMMON_DEVICE_WGMMA_H_
#define TILEWORK_COMMON_DEVICE_WGMMA_H_

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tilework/common/device/cuda.h"
#include "tilework/common/device/delay.h"
#include "tilework/common/device/site.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/narrow.h"
#include "tilework/common/tiling/operand_layout.h"
#if defined(TILEWORK_EMULATED)
#include "tilework/testing/emulator/wgmma.h"
#else
#include "tilework/common/device/wgmma_asm.h"
#endif

namespace tilework {

// What an instruction does with its operands before it multiplies them.
struct WgmmaOptions {
  // How they lie in shared memory; kMN for 16-bit types alone.
  Major a_major = Major::kK;
  Major b_major = Major::kK;
  // Changes signs.
  bool negate_a = false;
  bool negate_b = false;
};

namespace device_internal {

template <class A, class B>
constexpr bool kWgmma16 = std::is_same_v<A, B> &&
                          (std::is_same_v<A, BFloat16> ||
                           std::is_same_v<A, Float16>);
template <class T>
constexpr bool kWgmma8 =
    std::is_same_v<T, Float8E4M3> || std::is_same_v<T, Float8E5M2>;

template <class A, class B, WgmmaOptions kOptions, size_t kRegisters>
constexpr void CheckWgmma() {
  static_assert(kWgmma16<A, B> || (kWgmma8<A> && kWgmma8<B>),
                "both bf16, both f16, or any of f8e4m3 and f8e5m2");
  static_assert(kRegisters % 4 == 0 && kRegisters >= 4 && kRegisters <= 128,
                "N is a multiple of 8, at most 256");
  static_assert(kWgmma16<A, B> || (kOptions.a_major == Major::kK &&
                                   kOptions.b_major == Major::kK),
                "operands of 8 bits are K-major");
}

#if !defined(TILEWORK_EMULATED)
template <class A, class B>
constexpr WgmmaTypes WgmmaTypesOf() {
  if constexpr (std::is_same_v<A, BFloat16>) return WgmmaTypes::kBF16;
  if constexpr (std::is_same_v<A, Float16>) return WgmmaTypes::kF16;
  constexpr bool kAIsE4M3 = std::is_same_v<A, Float8E4M3>;
  if constexpr (std::is_same_v<B, Float8E4M3>) {
    return kAIsE4M3 ? WgmmaTypes::kE4M3E4M3 : WgmmaTypes::kE5M2E4M3;
  } else {
    return kAIsE4M3 ? WgmmaTypes::kE4M3E5M2 : WgmmaTypes::kE5M2E5M2;
  }
}

// To the compiler, the registers get new values here, after all that is
// before.
template <size_t kCount>
__device__ __forceinline__ void FenceRegisters(float (&registers)[kCount]) {
#pragma unroll
  for (size_t i = 0; i < kCount; ++i) {
    asm volatile("" : "+f"(registers[i])::"memory");
  }
}
#endif

}  // namespace device_internal

// wgmma.fence.sync.aligned
__device__ inline void WgmmaFence(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  emulator::WgmmaFence(site);
#else
  asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
#endif
}

// wgmma.commit_group.sync.aligned: the instructions since the last one are a
// group. Without any it is an empty group.
__device__ inline void WgmmaCommitGroup(TILEWORK_SITE_ONLY) {
#if defined(TILEWORK_EMULATED)
  emulator::WgmmaCommitGroup(site);
#else
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
#endif
}

// wgmma.wait_group.sync.aligned: until at most the kPending (0 to 7) groups
// committed last are not done. Names the results that may be used from here on,
// if any: all instructions on them are done.
template <int kPending>
__device__ inline void WgmmaWaitGroup(TILEWORK_SITE_ONLY) {
  static_assert(kPending >= 0 && kPending <= 7);
  device_internal::DelayPoint();
#if defined(TILEWORK_EMULATED)
  emulator::WgmmaWaitGroup(kPending, {}, site);
#else
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(kPending)
               : "memory");
#endif
}

template <int kPending, size_t kCount>
__device__ inline void WgmmaWaitGroup(
    float (&d)[kCount] TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  emulator::WgmmaWaitGroup(kPending, {{d, kCount}}, site);
#else
  WgmmaWaitGroup<kPending>();
  device_internal::FenceRegisters(d);
#endif
}

// Of several instructions: rows 64 i to 64 i + 63, or columns, are d[i].
template <int kPending, size_t kParts, size_t kCount>
__device__ inline void WgmmaWaitGroup(
    float (&d)[kParts][kCount] TILEWORK_SITE_PARAMETER) {
#if defined(TILEWORK_EMULATED)
  absl::Span<float> parts[kParts];
  for (size_t i = 0; i < kParts; ++i) parts[i] = d[i];
  emulator::WgmmaWaitGroup(kPending, parts, site);
#else
  WgmmaWaitGroup<kPending>();
#pragma unroll
  for (size_t i = 0; i < kParts; ++i) device_internal::FenceRegisters(d[i]);
#endif
}

// wgmma.mma_async.sync.aligned.m64nNkK.f32.A.B, N = 2 * kCount, K = 16 for
// types of 16 bits, 32 for those of 8: d = A B + (scale_d ? d : 0). `a` and `b`
// are matrix descriptors (tiling/operand_layout.h).
//
// Products are exact; how the tensor cores add them up is not documented. Of
// types of 8 bits they are known to keep about 14 bits of each sum: results of
// long sums must be added up elsewhere in between.
template <class A, class B, WgmmaOptions kOptions = WgmmaOptions{},
          size_t kCount>
__device__ inline void WgmmaMmaAsync(float (&d)[kCount], uint64_t a, uint64_t b,
                                     bool scale_d TILEWORK_SITE_PARAMETER) {
  device_internal::CheckWgmma<A, B, kOptions, kCount>();
#if defined(TILEWORK_EMULATED)
  emulator::WgmmaMmaAsync({.a = kDTypeOf<A>,
                           .b = kDTypeOf<B>,
                           .a_major = kOptions.a_major,
                           .b_major = kOptions.b_major,
                           .negate = kOptions.negate_a != kOptions.negate_b,
                           .scale_d = scale_d,
                           .a_descriptor = a,
                           .b_descriptor = b},
                          {d, kCount}, site);
#else
  device_internal::WgmmaAsm<2 * kCount>::template MmaAsync<
      device_internal::WgmmaTypesOf<A, B>(), kOptions.negate_a ? -1 : 1,
      kOptions.negate_b ? -1 : 1, kOptions.a_major == Major::kMN,
      kOptions.b_major == Major::kMN>(d, a, b, scale_d);
#endif
}

// The same with A in registers: the thread's fragment, 8 elements of 16 bits
// or 16 of 8.
template <class A, class B, WgmmaOptions kOptions = WgmmaOptions{},
          size_t kCount>
__device__ inline void WgmmaMmaAsync(float (&d)[kCount], const uint32_t (&a)[4],
                                     uint64_t b,
                                     bool scale_d TILEWORK_SITE_PARAMETER) {
  device_internal::CheckWgmma<A, B, kOptions, kCount>();
  static_assert(kOptions.a_major == Major::kK, "A is in registers");
#if defined(TILEWORK_EMULATED)
  emulator::WgmmaMmaAsync({.a = kDTypeOf<A>,
                           .b = kDTypeOf<B>,
                           .b_major = kOptions.b_major,
                           .negate = kOptions.negate_a != kOptions.negate_b,
                           .scale_d = scale_d,
                           .a_in_registers = true,
                           .a_registers = {a[0], a[1], a[2], a[3]},
                           .b_descriptor = b},
                          {d, kCount}, site);
#else
  device_internal::WgmmaAsm<2 * kCount>::template MmaAsync<
      device_internal::WgmmaTypesOf<A, B>(), kOptions.negate_a ? -1 : 1,
      kOptions.negate_b ? -1 : 1, kOptions.b_major == Major::kMN>(d, a, b,
                                                                  scale_d);
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_WGMMA_H_
