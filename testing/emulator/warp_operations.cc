// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/warp_operations.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/rng.h"

namespace tilework::emulator {
namespace {

// A shuffle's parameter: operand, width and kind.
constexpr uint32_t kWidthShift = 8;
constexpr uint32_t kKindShift = 16;

uint32_t SourceLane(ShuffleKind kind, uint32_t lane, uint32_t operand,
                    uint32_t width) {
  const uint32_t first = lane & ~(width - 1);  // of the lane's segment
  const uint32_t last = lane | (width - 1);
  uint32_t source = lane;
  switch (kind) {
    case ShuffleKind::kIndex:
      return first | (operand & (width - 1));
    case ShuffleKind::kUp:
      source = lane - operand;
      // Also if it is below 0.
      return source >= first && source <= lane ? source : lane;
    case ShuffleKind::kDown:
      source = lane + operand;
      break;
    case ShuffleKind::kXor:
      source = lane ^ operand;  // may be in a segment before
      break;
  }
  return source <= last ? source : lane;
}

uint64_t PoisonValue(const Warp& warp, uint32_t lane) {
  const uint32_t word = PoisonWord(warp.block->ordinal * 1024 + lane);
  return uint64_t{word} << 32 | word;
}

void CombineShuffle(Warp& warp, uint32_t lanes) {
  for (uint32_t left = lanes; left != 0; left &= left - 1) {
    const auto lane = static_cast<uint32_t>(std::countr_zero(left));
    Thread& thread = warp.threads[lane];
    const uint32_t source =
        SourceLane(static_cast<ShuffleKind>(thread.parameter >> kKindShift),
                   lane, thread.parameter & (kWarpSize - 1),
                   (thread.parameter >> kWidthShift) & 0xFF);
    thread.result = (lanes >> source & 1) != 0 ? warp.threads[source].operand
                                               : PoisonValue(warp, lane);
  }
}

void CombineBallot(Warp& warp, uint32_t lanes) {
  uint32_t ballot = 0;
  for (uint32_t left = lanes; left != 0; left &= left - 1) {
    const auto lane = static_cast<uint32_t>(std::countr_zero(left));
    ballot |= static_cast<uint32_t>(warp.threads[lane].operand != 0) << lane;
  }
  for (uint32_t left = lanes; left != 0; left &= left - 1) {
    warp.threads[std::countr_zero(left)].result = ballot;
  }
}

void CombineMatch(Warp& warp, uint32_t lanes) {
  for (uint32_t a = lanes; a != 0; a &= a - 1) {
    Thread& thread = warp.threads[std::countr_zero(a)];
    thread.result = 0;
    for (uint32_t b = lanes; b != 0; b &= b - 1) {
      const auto lane = static_cast<uint32_t>(std::countr_zero(b));
      if (warp.threads[lane].operand == thread.operand) {
        thread.result |= uint64_t{1} << lane;
      }
    }
  }
}

uint32_t Apply(WarpReduction reduction, uint32_t a, uint32_t b) {
  switch (reduction) {
    case WarpReduction::kAdd:
      return a + b;
    case WarpReduction::kMin:
      return std::min(a, b);
    case WarpReduction::kMax:
      return std::max(a, b);
    case WarpReduction::kMinSigned:
      return static_cast<uint32_t>(
          std::min(static_cast<int32_t>(a), static_cast<int32_t>(b)));
    case WarpReduction::kMaxSigned:
      return static_cast<uint32_t>(
          std::max(static_cast<int32_t>(a), static_cast<int32_t>(b)));
    case WarpReduction::kAnd:
      return a & b;
    case WarpReduction::kOr:
      return a | b;
    case WarpReduction::kXor:
      break;
  }
  return a ^ b;
}

void CombineReduce(Warp& warp, uint32_t lanes) {
  const Thread& first = warp.threads[std::countr_zero(lanes)];
  auto total = static_cast<uint32_t>(first.operand);
  for (uint32_t left = lanes & (lanes - 1); left != 0; left &= left - 1) {
    total = Apply(
        static_cast<WarpReduction>(first.parameter), total,
        static_cast<uint32_t>(warp.threads[std::countr_zero(left)].operand));
  }
  for (uint32_t left = lanes; left != 0; left &= left - 1) {
    warp.threads[std::countr_zero(left)].result = total;
  }
}

const char* Name(ShuffleKind kind) {
  switch (kind) {
    case ShuffleKind::kIndex:
      return "__shfl_sync()";
    case ShuffleKind::kUp:
      return "__shfl_up_sync()";
    case ShuffleKind::kDown:
      return "__shfl_down_sync()";
    case ShuffleKind::kXor:
      break;
  }
  return "__shfl_xor_sync()";
}

const char* Name(WarpReduction reduction) {
  switch (reduction) {
    case WarpReduction::kAdd:
      return "__reduce_add_sync()";
    case WarpReduction::kMin:
    case WarpReduction::kMinSigned:
      return "__reduce_min_sync()";
    case WarpReduction::kMax:
    case WarpReduction::kMaxSigned:
      return "__reduce_max_sync()";
    case WarpReduction::kAnd:
      return "__reduce_and_sync()";
    case WarpReduction::kOr:
      return "__reduce_or_sync()";
    case WarpReduction::kXor:
      break;
  }
  return "__reduce_xor_sync()";
}

}  // namespace

uint64_t Shuffle(ShuffleKind kind, uint32_t mask, uint64_t value,
                 uint32_t operand, int width, const Site& site) {
  Machine& machine = ThisMachine(site);
  if (width < 1 || width > kWarpSize || (width & (width - 1)) != 0) {
    machine.Fault(absl::StrCat(Name(kind), " of width ", width,
                               ", which is no power of two up to 32"),
                  site);
  }
  // The instruction takes five bits of the operand.
  const uint32_t parameter = static_cast<uint32_t>(kind) << kKindShift |
                             static_cast<uint32_t>(width) << kWidthShift |
                             (operand & (kWarpSize - 1));
  return machine.Meet(mask, Name(kind), value, parameter, &CombineShuffle,
                      site);
}

uint32_t Ballot(const char* operation, uint32_t mask, bool predicate,
                const Site& site) {
  return static_cast<uint32_t>(ThisMachine(site).Meet(
      mask, operation, predicate, 0, &CombineBallot, site));
}

uint32_t MatchAny(const char* operation, uint32_t mask, uint64_t value,
                  const Site& site) {
  return static_cast<uint32_t>(
      ThisMachine(site).Meet(mask, operation, value, 0, &CombineMatch, site));
}

uint32_t Reduce(WarpReduction reduction, uint32_t mask, uint32_t value,
                const Site& site) {
  return static_cast<uint32_t>(ThisMachine(site).Meet(
      mask, Name(reduction), value, static_cast<uint32_t>(reduction),
      &CombineReduce, site));
}

}  // namespace tilework::emulator

void __syncwarp(unsigned mask, tilework::emulator::Site site) {
  tilework::emulator::ThisMachine(site).Meet(mask, "__syncwarp()", 0, 0,
                                             nullptr, site);
}
