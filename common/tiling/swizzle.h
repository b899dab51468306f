// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How Hopper permutes bytes of shared memory, so that the eight rows of a small
// matrix lie in different banks.
//
// Shared memory is seen as rows of 32, 64 or 128 bytes (the span). Within
// each, the chunks of 16 bytes are permuted: the bits of the address that
// number the chunk are XORed with as many bits from 7 on.
//
//   mode   span  chunk bits  XORed with bits  pattern repeats after
//   k32B     32  4           7                 256 bytes
//   k64B     64  4..5        7..8              512 bytes
//   k128B   128  4..6        7..9             1024 bytes
//
// The bits are those of the address, not of the offset within a tile: tiles
// start at a multiple of the pattern. (PTX ISA, "Swizzling modes" of tensors
// and "Shared Memory Matrix Layout" of wgmma.)

#ifndef TILEWORK_COMMON_TILING_SWIZZLE_H_
#define TILEWORK_COMMON_TILING_SWIZZLE_H_

#include <cstdint>
#include <string_view>

namespace tilework {

// Values are those of the driver's CUtensorMapSwizzle.
enum class Swizzle : uint8_t { kNone = 0, k32B = 1, k64B = 2, k128B = 3 };

inline constexpr Swizzle kAllSwizzles[] = {Swizzle::kNone, Swizzle::k32B,
                                           Swizzle::k64B, Swizzle::k128B};

// Bytes of a row within which chunks are permuted; 16 for kNone.
constexpr uint32_t SwizzleSpan(Swizzle swizzle) {
  return 16u << static_cast<uint32_t>(swizzle);
}

// Bytes after which the permutation repeats: eight rows, which is also what
// matrices of eight rows need without a swizzle.
constexpr uint32_t SwizzlePattern(Swizzle swizzle) {
  return 8 * SwizzleSpan(swizzle);
}

// Where the byte is that would be at `address` without a swizzle. Its own
// inverse. `address` counts from a multiple of the pattern.
constexpr uint32_t ApplySwizzle(Swizzle swizzle, uint32_t address) {
  const uint32_t chunk_bits = SwizzleSpan(swizzle) - 16;
  return address ^ ((address >> 3) & chunk_bits);
}

constexpr std::string_view Name(Swizzle swizzle) {
  switch (swizzle) {
    case Swizzle::kNone:
      return "none";
    case Swizzle::k32B:
      return "32B";
    case Swizzle::k64B:
      return "64B";
    case Swizzle::k128B:
      return "128B";
  }
  return "invalid";
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_TILING_SWIZZLE_H_
