// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_SIMD_READ_AHEAD_H_
#define TILEWORK_COMMON_SIMD_READ_AHEAD_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "hwy/base.h"
#include "hwy/cache_control.h"

namespace tilework {

// Rows that will be read soon. Fetching them bit by bit during all passes over
// a row keeps the memory busy: long rows are 1.4 times as fast. More than a few
// lines at once are forgotten by the processor.
class ReadAhead {
 public:
  // How many rows ahead: far enough for the data to arrive in time.
  static int64_t Distance(int64_t size) {
    return std::max<int64_t>(1, 2048 / size);
  }
  template <typename T>
  void Add(const T* row, int64_t size) {
    rows_[num_++] = {reinterpret_cast<const char*>(row),
                     reinterpret_cast<const char*>(row + size), sizeof(T)};
  }
  void AddBytes(const char* row, int64_t bytes) {
    rows_[num_++] = {row, row + bytes, 1};
  }
  // Fetches the next `elements` of each row.
  HWY_INLINE void Advance(int64_t elements) {
    for (size_t k = 0; k < num_; ++k) {
      Advance(elements * rows_[k].size, rows_[k]);
    }
  }
  HWY_INLINE void AdvanceBytes(int64_t bytes) {
    for (size_t k = 0; k < num_; ++k) Advance(bytes, rows_[k]);
  }

 private:
  struct Row {
    const char* at;
    const char* end;
    int64_t size;  // of an element
  };
  static HWY_INLINE void Advance(int64_t bytes, Row& row) {
    constexpr int64_t kLine = 64;
    bytes = std::min<int64_t>(bytes, row.end - row.at);
    for (int64_t i = 0; i < bytes; i += kLine) hwy::Prefetch(row.at + i);
    row.at += bytes;
  }

  std::array<Row, 3> rows_;
  size_t num_ = 0;
};

}  // namespace tilework

#endif  // TILEWORK_COMMON_SIMD_READ_AHEAD_H_
