// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_SIMD_STREAM_BYTES_H_
#define TILEWORK_COMMON_SIMD_STREAM_BYTES_H_

#include <cstdint>

namespace tilework {

// Bytes from which on an output goes past the caches. A smaller one may still
// be in the last level of cache when it is read again.
inline constexpr int64_t kStreamBytes = int64_t{32} << 20;

}  // namespace tilework

#endif  // TILEWORK_COMMON_SIMD_STREAM_BYTES_H_
