// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Which elements of a matrix each thread of a warpgroup holds in registers
// (PTX ISA, "Register Fragments" of wgmma.mma_async).
//
// Warp w has rows 16 w to 16 w + 15. Of them, lane l has rows l / 4 and
// l / 4 + 8, and in each the columns that are a group of `width` after the
// other, one group every 4 * width columns:
//
//   fragment                    width  elements of a thread
//   accumulator, 64 x N          2      N / 2, one a 32-bit register
//   A of 16 bits, 64 x 16        2      8, two a register
//   A of 8 bits, 64 x 32         4      16, four a register
//
// Elements are counted as they lie in the registers, from the lowest bits.

#ifndef TILEWORK_COMMON_TILING_FRAGMENT_H_
#define TILEWORK_COMMON_TILING_FRAGMENT_H_

#include <cstdint>

namespace tilework {

inline constexpr int kWarpgroupThreads = 128;

// One element of a fragment, and of the matrix.
struct FragmentElement {
  int warp = 0;  // of the warpgroup
  int lane = 0;
  int element = 0;

  friend constexpr bool operator==(const FragmentElement&,
                                   const FragmentElement&) = default;
};
struct MatrixElement {
  int row = 0;
  int column = 0;

  friend constexpr bool operator==(const MatrixElement&,
                                   const MatrixElement&) = default;
};

// The kind of fragment that has this width. Static members alone: device code
// cannot call those of a global constant.
template <int kWidth>
struct Fragment {
  static constexpr MatrixElement ToMatrix(const FragmentElement& place) {
    const int group = place.element / kWidth;  // alternates between the rows
    return {.row = 16 * place.warp + place.lane / 4 + 8 * (group % 2),
            .column = 4 * kWidth * (group / 2) + place.lane % 4 * kWidth +
                      place.element % kWidth};
  }

  static constexpr FragmentElement ToFragment(const MatrixElement& place) {
    const int group = place.column / (4 * kWidth) * 2 + place.row % 16 / 8;
    return {.warp = place.row / 16,
            .lane = place.row % 8 * 4 + place.column / kWidth % 4,
            .element = group * kWidth + place.column % kWidth};
  }
};

using AccumulatorFragment = Fragment<2>;
using OperandFragment16 = Fragment<2>;
using OperandFragment8 = Fragment<4>;

}  // namespace tilework

#endif  // TILEWORK_COMMON_TILING_FRAGMENT_H_
