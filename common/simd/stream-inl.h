// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Stores that go past the caches: a large output then costs half the memory
// traffic (its lines are not read first), and leaves in the caches what is
// there. Include after hwy/highway.h inside a foreach_target file.

#if defined(TILEWORK_COMMON_SIMD_STREAM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TILEWORK_COMMON_SIMD_STREAM_INL_H_
#undef TILEWORK_COMMON_SIMD_STREAM_INL_H_
#else
#define TILEWORK_COMMON_SIMD_STREAM_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "hwy/highway.h"
#include "tilework/common/simd/stream_bytes.h"  // IWYU pragma: export

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// to[i] = from[i], past the caches but for the parts of cache lines at both
// ends. A task that calls it ends with hwy::FlushStream().
template <typename T>
HWY_INLINE void StreamRow(const T* HWY_RESTRICT from, int64_t size,
                          T* HWY_RESTRICT to) {
  const hn::ScalableTag<uint8_t> d;
  const size_t lanes = hn::Lanes(d);
  const size_t line = std::max<size_t>(lanes, 64);
  const auto* source = reinterpret_cast<const uint8_t*>(from);
  auto* target = reinterpret_cast<uint8_t*>(to);
  const size_t bytes = static_cast<size_t>(size) * sizeof(T);
  size_t i = std::min(bytes, -reinterpret_cast<uintptr_t>(target) % line);
  std::memcpy(target, source, i);
  for (; i + line <= bytes; i += line) {
    for (size_t j = i; j < i + line; j += lanes) {
      hn::Stream(hn::LoadU(d, source + j), d, target + j);
    }
  }
  std::memcpy(target + i, source + i, bytes - i);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#endif  // TILEWORK_COMMON_SIMD_STREAM_INL_H_
