// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/examples/generate/unicode.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace tilework {
namespace {

constexpr uint32_t kRanges[] = {
#include "tilework/examples/generate/unicode_ranges.inc"
};

}  // namespace

CharClass ClassOf(uint32_t code_point) {
  // The last range that starts at or before `code_point`; the first starts at
  // 0.
  const uint32_t* next = std::upper_bound(
      std::begin(kRanges), std::end(kRanges), code_point * 8 + 7);
  return static_cast<CharClass>(next[-1] % 8);
}

}  // namespace tilework
