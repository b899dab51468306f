// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How the rows of a normalization are dealt to the threads of a device.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_DEVICE_PLAN_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_DEVICE_PLAN_H_

#include <cstdint>
#include <ostream>
#include <string>

namespace tilework {

// Packs are eight elements (common/device/row.h).
struct NormDevicePlan {
  int threads_per_row = 0;  // a power of two up to 32, or a multiple of it
  int rows_per_block = 0;   // more than one only of up to 32 threads each
  int packs_per_tile = 0;   // what a thread holds at a time
  int64_t tiles = 0;        // 1: the row stays in registers

  int threads() const { return threads_per_row * rows_per_block; }
  // "64 threads a row, 1 rows a block, 4 packs, 1 tiles"
  std::string ToString() const;

  friend bool operator==(const NormDevicePlan&,
                         const NormDevicePlan&) = default;
};

std::ostream& operator<<(std::ostream& os, const NormDevicePlan& plan);

// Packs that a thread holds of long rows, forward and backward: the backward
// passes hold two rows, and sums of both.
inline constexpr int kForwardPacks = 4;
inline constexpr int kBackwardPacks = 2;

// For rows of `size` elements, of which 16-byte accesses are possible if
// `aligned`; tiles are of one pack or `most_packs`. The threads of a row depend
// on the size alone: they are what the order of a row's sums depends on.
NormDevicePlan PlanNorm(int64_t size, bool aligned,
                        int most_packs = kForwardPacks);

// Rows whose parameter gradients a block sums up, a multiple of
// `rows_per_block`: many blocks for few rows, but no more than 64 rows, so that
// sums in f32 are accurate. By shape alone.
int64_t RowsPerSlice(int64_t rows, int rows_per_block);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_DEVICE_PLAN_H_
