// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Atomic functions on global and shared memory, for the types that CUDA has.

#ifndef TILEWORK_TESTING_EMULATOR_ATOMICS_H_
#define TILEWORK_TESTING_EMULATOR_ATOMICS_H_

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

template <typename T, typename... Ts>
concept OneOf = (std::same_as<T, Ts> || ...);

// Faults if `address` is not aligned to `bytes`; others may run first.
void BeforeAccess(const volatile void* address, size_t bytes,
                  const char* operation, const Site& site);

// Sets *address to change(*address); returns what was there.
template <typename T, typename Change>
T Atomically(T* address, const char* operation, const Site& site,
             const Change& change) {
  BeforeAccess(address, sizeof(T), operation, site);
  const T old = *address;
  *address = change(old);
  return old;
}

}  // namespace tilework::emulator

#define TILEWORK_EMULATOR_ATOMIC(NAME, RESULT, ...)          \
  template <::tilework::emulator::OneOf<__VA_ARGS__> T>      \
  T NAME(T* address, std::type_identity_t<T> value,          \
         ::tilework::emulator::Site site =                   \
             ::tilework::emulator::Site::current()) {        \
    return ::tilework::emulator::Atomically(                 \
        address, #NAME "()", site,                           \
        [&](T old) -> T { return static_cast<T>(RESULT); }); \
  }

// Sums wrap.
TILEWORK_EMULATOR_ATOMIC(atomicAdd, old + value, unsigned, unsigned long long,
                         float, double)
TILEWORK_EMULATOR_ATOMIC(atomicSub, old - value, unsigned)
TILEWORK_EMULATOR_ATOMIC(atomicExch, value, int, unsigned, unsigned long long,
                         float)
TILEWORK_EMULATOR_ATOMIC(atomicMin, value < old ? value : old, int, unsigned,
                         long long, unsigned long long)
TILEWORK_EMULATOR_ATOMIC(atomicMax, value > old ? value : old, int, unsigned,
                         long long, unsigned long long)
TILEWORK_EMULATOR_ATOMIC(atomicAnd, old& value, int, unsigned,
                         unsigned long long)
TILEWORK_EMULATOR_ATOMIC(atomicOr, old | value, int, unsigned,
                         unsigned long long)
TILEWORK_EMULATOR_ATOMIC(atomicXor, old ^ value, int, unsigned,
                         unsigned long long)
TILEWORK_EMULATOR_ATOMIC(atomicInc, old >= value ? 0 : old + 1, unsigned)
TILEWORK_EMULATOR_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1,
                         unsigned)

#undef TILEWORK_EMULATOR_ATOMIC

inline int atomicAdd(
    int* address, int value,
    tilework::emulator::Site site = tilework::emulator::Site::current()) {
  return static_cast<int>(atomicAdd(reinterpret_cast<unsigned*>(address),
                                    static_cast<unsigned>(value), site));
}

inline int atomicSub(
    int* address, int value,
    tilework::emulator::Site site = tilework::emulator::Site::current()) {
  return static_cast<int>(atomicSub(reinterpret_cast<unsigned*>(address),
                                    static_cast<unsigned>(value), site));
}

template <
    tilework::emulator::OneOf<int, unsigned, unsigned long long, unsigned short>
        T>
T atomicCAS(
    T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value,
    tilework::emulator::Site site = tilework::emulator::Site::current()) {
  return tilework::emulator::Atomically(
      address, "atomicCAS()", site,
      [&](T old) { return old == expected ? value : old; });
}

#endif  // TILEWORK_TESTING_EMULATOR_ATOMICS_H_
