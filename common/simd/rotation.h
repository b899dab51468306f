// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_SIMD_ROTATION_H_
#define TILEWORK_COMMON_SIMD_ROTATION_H_

#include <cstdint>

namespace tilework {

// What rotary position embedding does to a head (rotate-inl.h).
struct Rotation {
  int64_t rotary_dim = 0;   // R, even
  int64_t table_width = 0;  // R / 2 or R
  bool contiguous_layout = true;
  bool inverse = false;
  // Whether the pairs are written in the other layout.
  bool changes_layout = false;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_SIMD_ROTATION_H_
