// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the lanes of a warp do together: shuffles, votes, matches, reductions.
// All lanes of the mask that have not returned must meet at the same operation
// with the same mask; what a lane reads from one outside of the mask is poison.

#ifndef TILEWORK_TESTING_EMULATOR_WARP_OPERATIONS_H_
#define TILEWORK_TESTING_EMULATOR_WARP_OPERATIONS_H_

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

// The types of CUDA's shuffles; smaller integers are promoted.
template <typename T>
concept Shuffled = std::is_arithmetic_v<T> && sizeof(T) <= 8;

enum class ShuffleKind { kIndex, kUp, kDown, kXor };

uint64_t Shuffle(ShuffleKind kind, uint32_t mask, uint64_t value,
                 uint32_t operand, int width, const Site& site);

template <typename T>
auto ShuffleValue(ShuffleKind kind, uint32_t mask, T value, uint32_t operand,
                  int width, const Site& site) {
  const auto promoted = +value;
  uint64_t bits = 0;
  std::memcpy(&bits, &promoted, sizeof(promoted));
  bits = Shuffle(kind, mask, bits, operand, width, site);
  auto result = promoted;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

uint32_t Ballot(const char* operation, uint32_t mask, bool predicate,
                const Site& site);
// The lanes of `mask` whose value is the caller's.
uint32_t MatchAny(const char* operation, uint32_t mask, uint64_t value,
                  const Site& site);

enum class WarpReduction {
  kAdd,
  kMin,
  kMax,
  kMinSigned,
  kMaxSigned,
  kAnd,
  kOr,
  kXor
};
uint32_t Reduce(WarpReduction reduction, uint32_t mask, uint32_t value,
                const Site& site);

template <typename T>
concept Matched = std::is_arithmetic_v<T> &&(sizeof(T) == 4 || sizeof(T) == 8);

template <Matched T>
uint64_t MatchedBits(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(value));
  return bits;
}

}  // namespace tilework::emulator

#define TILEWORK_EMULATOR_SITE \
  ::tilework::emulator::Site site = ::tilework::emulator::Site::current()

template <tilework::emulator::Shuffled T>
auto __shfl_sync(unsigned mask, T value, int lane, int width = 32,
                 TILEWORK_EMULATOR_SITE) {
  return tilework::emulator::ShuffleValue(
      tilework::emulator::ShuffleKind::kIndex, mask, value,
      static_cast<uint32_t>(lane), width, site);
}

template <tilework::emulator::Shuffled T>
auto __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                    TILEWORK_EMULATOR_SITE) {
  return tilework::emulator::ShuffleValue(tilework::emulator::ShuffleKind::kUp,
                                          mask, value, delta, width, site);
}

template <tilework::emulator::Shuffled T>
auto __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                      TILEWORK_EMULATOR_SITE) {
  return tilework::emulator::ShuffleValue(
      tilework::emulator::ShuffleKind::kDown, mask, value, delta, width, site);
}

template <tilework::emulator::Shuffled T>
auto __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                     TILEWORK_EMULATOR_SITE) {
  return tilework::emulator::ShuffleValue(
      tilework::emulator::ShuffleKind::kXor, mask, value,
      static_cast<uint32_t>(lane_mask), width, site);
}

void __syncwarp(unsigned mask = 0xFFFFFFFFu, TILEWORK_EMULATOR_SITE);

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              TILEWORK_EMULATOR_SITE) {
  return tilework::emulator::Ballot("__ballot_sync()", mask, predicate != 0,
                                    site);
}

inline int __any_sync(unsigned mask, int predicate, TILEWORK_EMULATOR_SITE) {
  return tilework::emulator::Ballot("__any_sync()", mask, predicate != 0,
                                    site) != 0;
}

inline int __all_sync(unsigned mask, int predicate, TILEWORK_EMULATOR_SITE) {
  return tilework::emulator::Ballot("__all_sync()", mask, predicate == 0,
                                    site) == 0;
}

template <tilework::emulator::Matched T>
unsigned __match_any_sync(unsigned mask, T value, TILEWORK_EMULATOR_SITE) {
  return tilework::emulator::MatchAny(
      "__match_any_sync()", mask, tilework::emulator::MatchedBits(value), site);
}

template <tilework::emulator::Matched T>
unsigned __match_all_sync(unsigned mask, T value, int* predicate,
                          TILEWORK_EMULATOR_SITE) {
  const unsigned same = tilework::emulator::MatchAny(
      "__match_all_sync()", mask, tilework::emulator::MatchedBits(value), site);
  *predicate = same == mask;
  return same == mask ? mask : 0;
}

#define TILEWORK_EMULATOR_REDUCE(NAME, T, REDUCTION)              \
  inline T NAME(unsigned mask, T value, TILEWORK_EMULATOR_SITE) { \
    return static_cast<T>(tilework::emulator::Reduce(             \
        tilework::emulator::WarpReduction::REDUCTION, mask,       \
        static_cast<uint32_t>(value), site));                     \
  }

TILEWORK_EMULATOR_REDUCE(__reduce_add_sync, unsigned, kAdd)
TILEWORK_EMULATOR_REDUCE(__reduce_add_sync, int, kAdd)
TILEWORK_EMULATOR_REDUCE(__reduce_min_sync, unsigned, kMin)
TILEWORK_EMULATOR_REDUCE(__reduce_min_sync, int, kMinSigned)
TILEWORK_EMULATOR_REDUCE(__reduce_max_sync, unsigned, kMax)
TILEWORK_EMULATOR_REDUCE(__reduce_max_sync, int, kMaxSigned)
TILEWORK_EMULATOR_REDUCE(__reduce_and_sync, unsigned, kAnd)
TILEWORK_EMULATOR_REDUCE(__reduce_or_sync, unsigned, kOr)
TILEWORK_EMULATOR_REDUCE(__reduce_xor_sync, unsigned, kXor)

#undef TILEWORK_EMULATOR_REDUCE
#undef TILEWORK_EMULATOR_SITE

#endif  // TILEWORK_TESTING_EMULATOR_WARP_OPERATIONS_H_
