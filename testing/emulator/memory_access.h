// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Loads and stores with a hint for the caches. The emulator checks that their
// addresses are aligned, as it cannot for others.

#ifndef TILEWORK_TESTING_EMULATOR_MEMORY_ACCESS_H_
#define TILEWORK_TESTING_EMULATOR_MEMORY_ACCESS_H_

#include <cstddef>
#include <type_traits>

#include "tilework/testing/emulator/atomics.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

// What one instruction moves.
template <typename T>
concept OneAccess = std::is_trivially_copyable_v<T> &&
    (sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8 ||
     sizeof(T) == 16);

void CheckAligned(const volatile void* address, size_t bytes,
                  const char* operation, const Site& site);

}  // namespace tilework::emulator

#define TILEWORK_EMULATOR_LOAD(NAME)                                          \
  template <::tilework::emulator::OneAccess T>                                \
  T NAME(const T* address, ::tilework::emulator::Site site =                  \
                               ::tilework::emulator::Site::current()) {       \
    ::tilework::emulator::CheckAligned(address, sizeof(T), #NAME "()", site); \
    return *address;                                                          \
  }
#define TILEWORK_EMULATOR_STORE(NAME)                                         \
  template <::tilework::emulator::OneAccess T>                                \
  void NAME(T* address, std::type_identity_t<T> value,                        \
            ::tilework::emulator::Site site =                                 \
                ::tilework::emulator::Site::current()) {                      \
    ::tilework::emulator::CheckAligned(address, sizeof(T), #NAME "()", site); \
    *address = value;                                                         \
  }

TILEWORK_EMULATOR_LOAD(__ldg)
TILEWORK_EMULATOR_LOAD(__ldcg)
TILEWORK_EMULATOR_LOAD(__ldca)
TILEWORK_EMULATOR_LOAD(__ldcs)
TILEWORK_EMULATOR_LOAD(__ldlu)
TILEWORK_EMULATOR_LOAD(__ldcv)
TILEWORK_EMULATOR_STORE(__stwb)
TILEWORK_EMULATOR_STORE(__stcg)
TILEWORK_EMULATOR_STORE(__stcs)
TILEWORK_EMULATOR_STORE(__stwt)

#undef TILEWORK_EMULATOR_LOAD
#undef TILEWORK_EMULATOR_STORE

#endif  // TILEWORK_TESTING_EMULATOR_MEMORY_ACCESS_H_
