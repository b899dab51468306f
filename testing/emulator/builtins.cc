// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/builtins.h"

#include <cstddef>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {
namespace {

// The most shared memory that a block of Hopper can have.
constexpr size_t kMostSharedBytes = size_t{227} << 10;

// How many threads have a predicate that is not zero.
int SyncThreads(const char* operation, bool predicate, const Site& site) {
  return static_cast<int>(ThisMachine(site).ArriveAtBarrier(
      0, 0, /*wait=*/true, operation, predicate, site));
}

void MayYield() {
  if (Machine* machine = Machine::Current(); machine != nullptr) {
    machine->Notify();
    machine->MayYield();
  }
}

}  // namespace

void Trap(const char* what, Site site) {
  ThisMachine(site).Fault(absl::StrCat(what, " trapped"), site);
}

void* SharedArena(size_t bytes, Site site) {
  Machine& machine = ThisMachine(site);
  const auto given = static_cast<size_t>(machine.shape().shared_bytes);
  if (bytes > given || bytes > kMostSharedBytes) {
    machine.Fault(
        absl::StrCat("the kernel has ", bytes, " bytes of shared memory, but ",
                     bytes > given ? "the launch gives it " : "there are ",
                     bytes > given ? given : kMostSharedBytes),
        site);
  }
  return machine.block().shared.data();
}

}  // namespace tilework::emulator

using tilework::emulator::Machine;
using tilework::emulator::Site;
using tilework::emulator::SyncThreads;
using tilework::emulator::ThisMachine;

void __syncthreads(Site site) { SyncThreads("__syncthreads()", false, site); }

int __syncthreads_count(int predicate, Site site) {
  return SyncThreads("__syncthreads_count()", predicate != 0, site);
}

int __syncthreads_and(int predicate, Site site) {
  return SyncThreads("__syncthreads_and()", predicate == 0, site) == 0;
}

int __syncthreads_or(int predicate, Site site) {
  return SyncThreads("__syncthreads_or()", predicate != 0, site) != 0;
}

void __threadfence() { tilework::emulator::MayYield(); }
void __threadfence_block() { tilework::emulator::MayYield(); }
void __threadfence_system() { tilework::emulator::MayYield(); }

void __nanosleep(unsigned) { ThisMachine(Site::current()).Yield(); }

long long clock64() {
  return static_cast<long long>(ThisMachine(Site::current()).num_switches());
}

unsigned __activemask(Site site) {
  ThisMachine(site).Fault(
      "__activemask() is not modelled: lanes that happen to run together are "
      "nothing to rest on",
      site);
}
