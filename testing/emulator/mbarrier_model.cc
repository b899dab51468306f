// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/mbarrier_model.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/rng.h"
#include "tilework/testing/emulator/shared_model.h"

namespace tilework::emulator {
namespace {

constexpr uint32_t kMostCount = (1u << 20) - 1;
constexpr size_t kBytes = 8;

uint64_t Mark(const void* object) {
  return Mix(reinterpret_cast<uintptr_t>(object));
}

// What PTX has for barriers of all blocks of the cluster, and what it has for
// those of the own block alone.
enum class Reach { kCluster, kBlock };

Mbarrier& Find(void* object, Reach reach, const char* operation,
               const Site& site) {
  Block& block = BlockOfShared(object, kBytes, operation, site);
  Machine& machine = ThisMachine(site);
  if (reach == Reach::kBlock && &block != &machine.block_at_work()) {
    machine.Fault(absl::StrCat(operation, ": on the mbarrier of another block"),
                  site);
  }
  const auto found = block.mbarriers.find(object);
  if (found == block.mbarriers.end()) {
    machine.Fault(absl::StrCat(operation,
                               ": no mbarrier was initialized here, or it was "
                               "invalidated"),
                  site);
  }
  uint64_t mark;
  std::memcpy(&mark, object, kBytes);
  if (mark != Mark(object)) {
    machine.Fault(
        absl::StrCat(operation, ": the mbarrier that was initialized at ",
                     ToString(found->second.site), " was overwritten"),
        site);
  }
  // Others than the own block are reached through the fence too.
  if (&block != &machine.block_at_work() && !found->second.fenced) {
    machine.Fault(
        absl::StrCat(operation,
                     ": the initialization of the other block's mbarrier was "
                     "not followed by fence.mbarrier_init"),
        site);
  }
  return found->second;
}

void CompletePhase(Mbarrier& barrier) {
  if (barrier.pending != 0 || barrier.bytes != 0) return;
  barrier.pending = barrier.expected;
  ++barrier.phase;
  Machine::Current()->Progress();
}

void Arrive(Mbarrier& barrier, uint32_t count, const char* operation,
            const Site& site) {
  if (count > barrier.pending || count == 0) {
    ThisMachine(site).Fault(
        absl::StrCat(operation, ": ", count, " arrive, but phase ",
                     barrier.phase, " awaits ", barrier.pending, " of ",
                     barrier.expected),
        site);
  }
  barrier.pending -= count;
  CompletePhase(barrier);
}

void AddBytes(Mbarrier& barrier, int64_t bytes, const char* operation,
              const Site& site) {
  barrier.bytes += bytes;
  if (barrier.bytes > kMostCount || -barrier.bytes > kMostCount) {
    ThisMachine(site).Fault(
        absl::StrCat(operation, ": the phase awaits ", barrier.bytes,
                     " bytes, beyond what an mbarrier can count"),
        site);
  }
}

void RequireFenced(const Mbarrier& barrier, const char* operation,
                   const Site& site) {
  if (barrier.fenced) return;
  ThisMachine(site).Fault(
      absl::StrCat(operation, ": the initialization of the mbarrier at ",
                   ToString(barrier.site),
                   " was not followed by fence.mbarrier_init or "
                   "fence.proxy.async"),
      site);
}

// Others may run before and after: a barrier is where orders matter.
void AtBarrier(const Site& site) {
  Machine& machine = ThisMachine(site);
  machine.thread().site = site;
  machine.MayYield();
}

}  // namespace

void MbarrierInit(void* object, uint32_t count, const Site& site) {
  static constexpr char kName[] = "mbarrier.init";
  AtBarrier(site);
  Machine& machine = ThisMachine(site);
  Block& block = BlockOfShared(object, kBytes, kName, site);
  if (&block != &machine.block()) {
    machine.Fault(absl::StrCat(kName, ": in the memory of another block"),
                  site);
  }
  if (reinterpret_cast<uintptr_t>(object) % kBytes != 0) {
    machine.Fault(absl::StrCat(kName, ": not at a multiple of 8 bytes"), site);
  }
  if (count == 0 || count > kMostCount) {
    machine.Fault(absl::StrCat(kName, ": a count of ", count, ", where 1 to ",
                               kMostCount, " are possible"),
                  site);
  }
  Mbarrier barrier;
  barrier.expected = count;
  barrier.pending = count;
  barrier.site = site;
  const auto [at, inserted] = block.mbarriers.emplace(object, barrier);
  if (!inserted) {
    machine.Fault(
        absl::StrCat(kName, ": the mbarrier of ", ToString(at->second.site),
                     " was not invalidated"),
        site);
  }
  const uint64_t mark = Mark(object);
  std::memcpy(object, &mark, kBytes);
}

void MbarrierInval(void* object, const Site& site) {
  static constexpr char kName[] = "mbarrier.inval";
  AtBarrier(site);
  Find(object, Reach::kBlock, kName, site);
  Machine& machine = ThisMachine(site);
  machine.block().mbarriers.erase(object);
  PoisonShared(machine.block(), object, kBytes);
  // Whoever waits for it finds that it is gone.
  machine.Notify();
}

void MbarrierArrive(void* object, const Site& site) {
  static constexpr char kName[] = "mbarrier.arrive";
  AtBarrier(site);
  Arrive(Find(object, Reach::kBlock, kName, site), 1, kName, site);
  AtBarrier(site);
}

void MbarrierArriveCluster(void* object, uint32_t rank, const Site& site) {
  static constexpr char kName[] = "mbarrier.arrive";
  AtBarrier(site);
  void* const there = PeerPointer(object, rank, kName, site);
  Arrive(Find(there, Reach::kCluster, kName, site), 1, kName, site);
  AtBarrier(site);
}

void MbarrierExpectTx(void* object, uint32_t bytes, const Site& site) {
  static constexpr char kName[] = "mbarrier.expect_tx";
  AtBarrier(site);
  AddBytes(Find(object, Reach::kBlock, kName, site), bytes, kName, site);
}

void MbarrierArriveExpectTx(void* object, uint32_t bytes, const Site& site) {
  static constexpr char kName[] = "mbarrier.arrive.expect_tx";
  AtBarrier(site);
  Mbarrier& barrier = Find(object, Reach::kBlock, kName, site);
  AddBytes(barrier, bytes, kName, site);
  Arrive(barrier, 1, kName, site);
  AtBarrier(site);
}

void MbarrierCompleteTx(void* object, uint32_t bytes, const Site& site) {
  static constexpr char kName[] = "mbarrier.complete_tx";
  AtBarrier(site);
  Mbarrier& barrier = Find(object, Reach::kCluster, kName, site);
  AddBytes(barrier, -int64_t{bytes}, kName, site);
  CompletePhase(barrier);
}

void MbarrierAsyncCompleteTx(void* object, uint32_t bytes, const Site& site) {
  static constexpr char kName[] = "mbarrier.complete_tx";
  Mbarrier& barrier = Find(object, Reach::kCluster, kName, site);
  RequireFenced(barrier, kName, site);
  AddBytes(barrier, -int64_t{bytes}, kName, site);
  CompletePhase(barrier);
}

void MbarrierAddPending(void* object, const Site& site) {
  static constexpr char kName[] = "cp.async.mbarrier.arrive";
  Mbarrier& barrier = Find(object, Reach::kBlock, kName, site);
  if (++barrier.pending > kMostCount) {
    ThisMachine(site).Fault(absl::StrCat(kName, ": too many arrivals"), site);
  }
}

void MbarrierAsyncArrive(void* object, const Site& site) {
  static constexpr char kName[] = "cp.async.mbarrier.arrive";
  Arrive(Find(object, Reach::kBlock, kName, site), 1, kName, site);
}

namespace {

// The object may be gone since it was looked at before.
bool IsComplete(void* object, uint32_t parity, const char* operation,
                const Site& site) {
  return Find(object, Reach::kBlock, operation, site).phase % 2 != parity;
}

void CheckParity(uint32_t parity, const char* operation, const Site& site) {
  if (parity <= 1) return;
  ThisMachine(site).Fault(
      absl::StrCat(operation, ": ", parity, " is no parity"), site);
}

}  // namespace

bool MbarrierTestWaitParity(void* object, uint32_t parity, const Site& site) {
  static constexpr char kName[] = "mbarrier.test_wait.parity";
  AtBarrier(site);
  CheckParity(parity, kName, site);
  if (IsComplete(object, parity, kName, site)) return true;
  ThisMachine(site).LookedInVain(kName, site);
  return false;
}

void MbarrierWaitParity(void* object, uint32_t parity, const Site& site) {
  static constexpr char kName[] = "mbarrier.try_wait.parity";
  AtBarrier(site);
  CheckParity(parity, kName, site);
  // Two phases that pass unseen are none to hardware, which has the parity.
  ThisMachine(site).WaitUntil(
      [&] { return IsComplete(object, parity, kName, site); }, kName, site);
}

void FenceMbarrierInit(const Site& site) {
  for (auto& [object, barrier] : ThisMachine(site).block().mbarriers) {
    barrier.fenced = true;
  }
}

}  // namespace tilework::emulator
