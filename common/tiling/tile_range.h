// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How a range of numbers is cut into tiles.

#ifndef TILEWORK_COMMON_TILING_TILE_RANGE_H_
#define TILEWORK_COMMON_TILING_TILE_RANGE_H_

#include <algorithm>
#include <cstdint>

namespace tilework {

// Of a >= 0 and b > 0.
constexpr int64_t CeilDiv(int64_t a, int64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}
constexpr int64_t RoundUp(int64_t a, int64_t b) { return CeilDiv(a, b) * b; }

// [begin, end)
struct TileRange {
  int64_t begin = 0;
  int64_t end = 0;

  constexpr int64_t size() const { return end - begin; }

  friend constexpr bool operator==(const TileRange&,
                                   const TileRange&) = default;
};

// Tile `index` of [0, extent), all of `tile` numbers but the last one. Empty
// beyond the last one.
constexpr TileRange Tile(int64_t index, int64_t tile, int64_t extent) {
  const int64_t begin = std::min(index * tile, extent);
  return {begin, std::min(begin + tile, extent)};
}

// Part `index` of `parts` parts of [0, extent), whose sizes are multiples of
// `unit` (the last one's may not be) and differ by one unit at most: depends on
// these numbers alone.
constexpr TileRange Part(int64_t index, int64_t parts, int64_t extent,
                         int64_t unit = 1) {
  const int64_t units = CeilDiv(extent, unit);
  const int64_t larger = units % parts;
  const int64_t begin = units / parts * index + std::min(index, larger);
  const int64_t size = units / parts + (index < larger ? 1 : 0);
  return {std::min(begin * unit, extent),
          std::min((begin + size) * unit, extent)};
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_TILING_TILE_RANGE_H_
