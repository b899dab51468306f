// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Philox4x32-10, the counter-based random number engine of the library: a
// stream of 32-bit words in which every word is a function of its address
// alone, so that it can be computed anywhere, in any order, by any number of
// threads. Host, device and tests share this constexpr definition.
//
// (J. Salmon and others, "Parallel random numbers: as easy as 1, 2, 3", 2011.
// The same words as cuRAND's Philox4_32_10 with subsequence = stream and
// offset = 4 * block.)

#ifndef TILEWORK_COMMON_RANDOM_PHILOX_H_
#define TILEWORK_COMMON_RANDOM_PHILOX_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace tilework {

// Four words of the stream, in order.
using PhiloxBlock = std::array<uint32_t, 4>;

namespace philox_internal {

constexpr uint32_t Low(uint64_t value) { return static_cast<uint32_t>(value); }
constexpr uint32_t High(uint64_t value) {
  return static_cast<uint32_t>(value >> 32);
}

constexpr PhiloxBlock Round(const PhiloxBlock& c, uint32_t k0, uint32_t k1) {
  const uint64_t p0 = uint64_t{0xD2511F53} * c[0];
  const uint64_t p1 = uint64_t{0xCD9E8D57} * c[2];
  return {High(p1) ^ c[1] ^ k0, Low(p1), High(p0) ^ c[3] ^ k1, Low(p0)};
}

}  // namespace philox_internal

// Block `block` of stream `stream` of the generator with `seed`.
constexpr PhiloxBlock Philox(uint64_t seed, uint64_t stream, uint64_t block) {
  using philox_internal::High;
  using philox_internal::Low;
  uint32_t k0 = Low(seed);
  uint32_t k1 = High(seed);
  PhiloxBlock words = {Low(block), High(block), Low(stream), High(stream)};
  for (int round = 0; round < 10; ++round) {
    words = philox_internal::Round(words, k0, k1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return words;
}

// A place in the stream.
struct PhiloxState {
  uint64_t seed = 0;
  uint64_t stream = 0;
  uint64_t offset = 0;  // in blocks

  // Word n from here on. The block number wraps at 2^64 within the stream.
  constexpr uint32_t Word(uint64_t n) const {
    return Philox(seed, stream, offset + n / 4)[static_cast<size_t>(n % 4)];
  }
  // The state after an operation that used `words` words: each operation
  // starts at a block of its own.
  constexpr PhiloxState After(uint64_t words) const {
    return {seed, stream, offset + words / 4 + (words % 4 != 0 ? 1 : 0)};
  }
};

// A number in [0, 1): the upper 24 bits of a word, exact.
constexpr float Unit24(uint32_t word) {
  return static_cast<float>(word >> 8) * 0x1p-24f;
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_RANDOM_PHILOX_H_
