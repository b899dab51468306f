// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Masks as exact ranges of keys. The keys of one batch form an axis: first the
// cached ones, then those of the call, in the order of the sequence. A query
// sees a range of it; nothing outside is ever read for it.

#ifndef TILEWORK_KERNELS_ATTENTION_KEY_RANGE_H_
#define TILEWORK_KERNELS_ATTENTION_KEY_RANGE_H_

#include <algorithm>
#include <cstdint>

namespace tilework {

// Keys [begin, end); empty if begin >= end.
struct KeyRange {
  int64_t begin = 0;
  int64_t end = 0;

  constexpr bool empty() const { return begin >= end; }
  friend constexpr bool operator==(const KeyRange&, const KeyRange&) = default;
};

constexpr KeyRange Intersect(const KeyRange& a, const KeyRange& b) {
  return {std::max(a.begin, b.begin), std::min(a.end, b.end)};
}

// Which keys the queries of one batch see.
struct KeyMask {
  int64_t num_keys = 0;
  bool causal = false;
  // The place of query 0 on the key axis: a causal query i sees the keys up to
  // and including first_query + i.
  int64_t first_query = 0;
};

constexpr KeyRange VisibleKeys(const KeyMask& mask, int64_t query) {
  if (!mask.causal) return {0, mask.num_keys};
  return {0, std::min(mask.num_keys, mask.first_query + query + 1)};
}

// The smallest range that holds the ranges of queries [begin, end), begin <
// end. Both ends of VisibleKeys never fall from a query to the next.
constexpr KeyRange VisibleKeys(const KeyMask& mask, int64_t begin,
                               int64_t end) {
  return {VisibleKeys(mask, begin).begin, VisibleKeys(mask, end - 1).end};
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ATTENTION_KEY_RANGE_H_
