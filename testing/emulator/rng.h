// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The random numbers of the emulator: small, quick, the same everywhere.

#ifndef TILEWORK_TESTING_EMULATOR_RNG_H_
#define TILEWORK_TESTING_EMULATOR_RNG_H_

#include <cstdint>

namespace tilework::emulator {

// The finalizer of splitmix64: all bits of the result depend on all of `x`.
constexpr uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

class Rng {
 public:
  explicit constexpr Rng(uint64_t seed) : state_(Mix(seed)) {}

  constexpr uint32_t Next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 32);
  }
  // Below `count`, which is above 0.
  constexpr uint32_t Below(uint32_t count) {
    return static_cast<uint32_t>(uint64_t{Next()} * count >> 32);
  }
  constexpr bool OneIn(uint32_t count) { return Below(count) == 0; }

 private:
  uint64_t state_;
};

// Four bytes of poison: a NaN as f32, and two as bf16 and f16; far outside of
// any array as an integer.
constexpr uint32_t PoisonWord(uint64_t seed) {
  const uint64_t bits = Mix(seed);
  return 0x7FC07FC0u | (static_cast<uint32_t>(bits) & 0x803F803Fu);
}

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_RNG_H_
