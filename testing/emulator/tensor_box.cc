// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/tensor_box.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "tilework/common/device/tensor_map.h"
#include "tilework/common/dtype/dtype.h"

namespace tilework::emulator {
namespace {

constexpr int64_t kChunk = 16;

// One line of the box along the innermost dimension.
class BoxLine {
 public:
  BoxLine(const TensorMapFields& map, int64_t coordinate)
      : element_bytes_(static_cast<int64_t>(SizeOf(map.dtype))),
        bytes_(map.box[0] * element_bytes_),
        begin_(-coordinate * element_bytes_),
        end_(begin_ + static_cast<int64_t>(map.dims[0]) * element_bytes_) {}

  int64_t bytes() const { return bytes_; }

  // `row` is the first element of the row of the tensor; null if the row is
  // outside.
  void Visit(int64_t offset, std::byte* row,
             absl::FunctionRef<void(const BoxPiece&)> visit) const {
    int64_t position = 0;
    while (position < bytes_) {
      const bool inside =
          row != nullptr && position >= begin_ && position < end_;
      int64_t next = std::min(bytes_, position / kChunk * kChunk + kChunk);
      for (int64_t border : {begin_, end_}) {
        if (border > position) next = std::min(next, border);
      }
      visit({.offset = static_cast<uint32_t>(offset + position),
             .global = inside ? row + (position - begin_) : nullptr,
             .bytes = static_cast<uint32_t>(next - position)});
      position = next;
    }
  }

 private:
  int64_t element_bytes_;
  int64_t bytes_;
  // The tensor's elements, from the start of the line.
  int64_t begin_;
  int64_t end_;
};

}  // namespace

void ForEachPiece(const TensorMapFields& map,
                  absl::Span<const int32_t> coordinates,
                  absl::FunctionRef<void(const BoxPiece&)> visit) {
  const BoxLine line(map, coordinates[0]);
  uint32_t index[TensorMapFields::kMaxRank] = {};  // of a line in the box
  for (int64_t offset = 0;; offset += line.bytes()) {
    std::byte* row = static_cast<std::byte*>(map.address);
    for (int i = 1; i < map.rank; ++i) {
      const int64_t coordinate = coordinates[static_cast<size_t>(i)] +
                                 int64_t{index[i]} * map.element_strides[i];
      if (coordinate < 0 || coordinate >= static_cast<int64_t>(map.dims[i])) {
        row = nullptr;
        break;
      }
      row += coordinate * static_cast<int64_t>(map.strides[i]);
    }
    line.Visit(offset, row, visit);
    int i = 1;
    while (i < map.rank && ++index[i] == map.BoxElements(i)) index[i++] = 0;
    if (i >= map.rank) return;
  }
}

}  // namespace tilework::emulator
