// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/cp_async_model.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/async.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/mbarrier_model.h"
#include "tilework/testing/emulator/memory_access.h"
#include "tilework/testing/emulator/shared_model.h"

namespace tilework::emulator {

void CpAsync(void* shared, const void* global, uint32_t bytes, uint32_t valid,
             const Site& site) {
  static constexpr char kName[] = "cp.async";
  Machine& machine = ThisMachine(site);
  CheckAligned(shared, bytes, kName, site);
  CheckAligned(global, bytes, kName, site);
  if (valid > bytes) {
    machine.Fault(absl::StrCat(kName, ": ", valid, " of ", bytes, " bytes"),
                  site);
  }
  Block& block = BlockOfShared(shared, bytes, kName, site);
  if (&block != &machine.block()) {
    machine.Fault(absl::StrCat(kName, ": to the memory of another block"),
                  site);
  }
  // Whoever reads it too early sees that.
  for (uint32_t i = 0; i < bytes; i += 4) {
    std::memcpy(static_cast<std::byte*>(shared) + i, &block.poison, 4);
  }
  AsyncOperation operation;
  operation.name = kName;
  operation.kind = AsyncKind::kCopy;
  operation.read_steps = 1;
  operation.steps.push_back([=] {
    std::byte copied[16] = {};
    std::memcpy(copied, global, valid);
    std::memcpy(shared, copied, bytes);
  });
  IssueAsync(std::move(operation), site);
}

void CpAsyncMbarrierArrive(void* object, bool increment, const Site& site) {
  if (increment) MbarrierAddPending(object, site);
  AsyncOperation operation;
  operation.name = "cp.async.mbarrier.arrive";
  operation.kind = AsyncKind::kCopy;
  operation.grouped = false;
  operation.after = PendingAsync(AsyncKind::kCopy, site);
  operation.steps.push_back([=] { MbarrierAsyncArrive(object, site); });
  IssueAsync(std::move(operation), site);
}

}  // namespace tilework::emulator
