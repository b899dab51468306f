// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/tensor_box.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "tilework/common/device/tensor_map.h"
#include "tilework/common/dtype/dtype.h"

namespace tilework::emulator {
namespace {

std::byte* const kBase = reinterpret_cast<std::byte*>(uintptr_t{1} << 40);

// Of elements of two bytes in a tensor [.., 5, 21], rows of 64 bytes.
TensorMapFields Map(int rank) {
  TensorMapFields map = {.address = kBase,
                         .dims = {21, 5, 4, 3, 2},
                         .strides = {2, 64, 512, 4096, 65536},
                         .box = {16, 3, 2, 2, 2},
                         .element_strides = {1, 1, 1, 1, 1},
                         .rank = static_cast<uint8_t>(rank),
                         .dtype = DType::kBF16};
  return map;
}

// Element by element: the coordinates of the n-th one of the box.
std::byte* Expected(const TensorMapFields& map,
                    absl::Span<const int32_t> coordinates, uint32_t n) {
  int64_t offset = 0;
  for (int i = 0; i < map.rank; ++i) {
    const uint32_t count = map.BoxElements(i);
    const int64_t at = coordinates[static_cast<size_t>(i)] +
                       int64_t{n % count} * map.element_strides[i];
    n /= count;
    if (at < 0 || at >= static_cast<int64_t>(map.dims[i])) return nullptr;
    offset += at * static_cast<int64_t>(map.strides[i]);
  }
  return static_cast<std::byte*>(map.address) + offset;
}

void Check(const TensorMapFields& map, std::vector<int32_t> coordinates) {
  coordinates.resize(map.rank);
  uint32_t end = 0;
  ForEachPiece(map, coordinates, [&](const BoxPiece& piece) {
    // (1) each piece follows the one before
    ASSERT_EQ(piece.offset, end);
    ASSERT_GT(piece.bytes, 0u);
    end += piece.bytes;
    // (2) and stays in its chunk
    ASSERT_LE(piece.offset % 16 + piece.bytes, 16u);
    // (3) and has the elements that it should have
    for (uint32_t byte = 0; byte < piece.bytes; byte += 2) {
      ASSERT_EQ(piece.global == nullptr ? nullptr : piece.global + byte,
                Expected(map, coordinates, (piece.offset + byte) / 2))
          << "offset " << piece.offset + byte;
    }
  });
  // (4) together they are the box
  EXPECT_EQ(end, map.BoxBytes());
}

TEST(TensorBoxTest, OfAllRanks) {
  for (int rank = 1; rank <= TensorMapFields::kMaxRank; ++rank) {
    for (int32_t x : {-40, -16, -15, -8, -1, 0, 5, 8, 13, 20, 21, 100}) {
      for (int32_t y : {-3, -1, 0, 2, 3, 5}) {
        for (int32_t z : {-1, 0, 1}) Check(Map(rank), {x, y, z, z, z});
      }
    }
  }
}

TEST(TensorBoxTest, ElementStrides) {
  TensorMapFields map = Map(4);
  map.box[1] = 5;
  map.element_strides[1] = 2;  // 3 elements
  map.box[2] = 8;
  map.element_strides[2] = 8;  // 1 element
  EXPECT_EQ(map.BoxBytes(), 16u * 2 * 3 * 1 * 2);
  for (int32_t y : {-3, -2, -1, 0, 1, 4}) Check(map, {3, y, 1, 0, 0});
}

}  // namespace
}  // namespace tilework::emulator
