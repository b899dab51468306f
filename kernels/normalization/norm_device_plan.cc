// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/normalization/norm_device_plan.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <ostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "tilework/common/tiling/tile_range.h"

namespace tilework {
namespace {

constexpr int64_t kPack = 8;       // elements
constexpr int64_t kWarp = 32;      // threads
constexpr int64_t kMost = 512;     // threads of a block
constexpr int64_t kFewRows = 128;  // threads of blocks of several rows

int64_t PowerOfTwoFrom(int64_t n) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(n)));
}

// Threads of a row, and packs that each of them holds if it can.
struct Deal {
  int64_t threads;
  int64_t packs;
};

Deal DealRow(int64_t packs, int64_t most) {
  // Heads: one 16-byte load a lane. Four lanes share an MX block.
  if (packs <= 16) return {std::max<int64_t>(PowerOfTwoFrom(packs), 4), 1};
  // Several loads under way in each lane, and no barrier.
  if (packs <= most * kWarp) {
    return {std::max<int64_t>(PowerOfTwoFrom(CeilDiv(packs, most)), 8), most};
  }
  // Few threads a row make many rows a multiprocessor, which work while others
  // wait. Beyond kMost, rows are longer than registers.
  const int64_t threads = RoundUp(CeilDiv(packs, most), kWarp);
  return {std::min(threads, kMost), most};
}

}  // namespace

NormDevicePlan PlanNorm(int64_t size, bool aligned, int most_packs) {
  const int64_t packs = CeilDiv(size, kPack);
  const Deal deal = DealRow(packs, most_packs);
  NormDevicePlan plan;
  plan.threads_per_row = static_cast<int>(deal.threads);
  plan.rows_per_block =
      static_cast<int>(deal.threads <= kWarp ? kFewRows / deal.threads : 1);
  plan.packs_per_tile = aligned ? static_cast<int>(deal.packs) : 1;
  plan.tiles = CeilDiv(packs, deal.threads * plan.packs_per_tile);
  return plan;
}

int64_t RowsPerSlice(int64_t rows, int rows_per_block) {
  return RoundUp(std::clamp<int64_t>(rows / 256, 1, 64), rows_per_block);
}

std::string NormDevicePlan::ToString() const {
  return absl::StrCat(threads_per_row, " threads a row, ", rows_per_block,
                      " rows a block, ", packs_per_tile, " packs, ", tiles,
                      " tiles");
}

std::ostream& operator<<(std::ostream& os, const NormDevicePlan& plan) {
  return os << plan.ToString();
}

}  // namespace tilework
