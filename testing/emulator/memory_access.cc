// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/memory_access.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/atomics.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

void CheckAligned(const volatile void* address, size_t bytes,
                  const char* operation, const Site& site) {
  const auto value = reinterpret_cast<uintptr_t>(address);
  if (value % bytes == 0) return;
  ThisMachine(site).Fault(
      absl::StrCat(operation, " of ", bytes,
                   " bytes at an address that is not a multiple: its "
                   "remainder is ",
                   value % bytes),
      site);
}

void BeforeAccess(const volatile void* address, size_t bytes,
                  const char* operation, const Site& site) {
  CheckAligned(address, bytes, operation, site);
  Machine& machine = ThisMachine(site);
  machine.MayYield();
  machine.Notify();
}

}  // namespace tilework::emulator
