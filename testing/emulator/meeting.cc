// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How threads of a warp and of a block meet.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {
namespace {

bool SamePlace(const Site& a, const Site& b) {
  return a.line() == b.line() && a.column() == b.column() &&
         (a.file_name() == b.file_name() ||
          std::strcmp(a.file_name(), b.file_name()) == 0);
}

}  // namespace

// Lanes may wait for others that are elsewhere first, but not for some that
// wait for them.
void Machine::CheckMeeting(const Rendezvous& mine, const Rendezvous& other) {
  if ((mine.arrived & other.mask) == 0 || (other.arrived & mine.mask) == 0) {
    return;
  }
  Fault(absl::StrFormat("%s with mask %08x, but other lanes of it are in %s "
                        "with mask %08x at %s",
                        mine.operation, mine.mask, other.operation, other.mask,
                        ToString(other.site)),
        mine.site);
}

void Machine::FaultNotInMask(uint32_t mask, const char* operation,
                             const Site& site) {
  Fault(absl::StrFormat("%s by lane %d, which is not in its mask %08x",
                        operation, thread_->lane, mask),
        site);
}

uint64_t Machine::Meet(uint32_t mask, const char* operation, uint64_t operand,
                       uint32_t parameter, WarpCombine combine,
                       const Site& site) {
  Thread& self = *thread_;
  Warp& warp = *self.warp;
  const uint32_t bit = uint32_t{1} << self.lane;
  if ((mask & bit) == 0) FaultNotInMask(mask, operation, site);
  self.operand = operand;
  self.parameter = parameter;
  const auto mine = std::find_if(
      warp.meetings.begin(), warp.meetings.end(), [&](const Rendezvous& it) {
        return it.mask == mask && it.combine == combine &&
               (it.operation == operation ||
                std::strcmp(it.operation, operation) == 0) &&
               SamePlace(it.site, site);
      });
  const auto i = static_cast<size_t>(mine - warp.meetings.begin());
  if (mine == warp.meetings.end()) {
    warp.meetings.push_back({mask, 0, operation, combine, site});
  }
  warp.meetings[i].arrived |= bit;
  for (size_t other = 0; other < warp.meetings.size(); ++other) {
    if (other != i) CheckMeeting(warp.meetings[i], warp.meetings[other]);
  }
  if (CompleteMeeting(warp, i)) {
    self.site = site;
    Reschedule();  // It was woken like the others.
  } else {
    Wait(operation, site);
  }
  return self.result;
}

bool Machine::CompleteMeeting(Warp& warp, size_t meeting) {
  const Rendezvous& it = warp.meetings[meeting];
  const uint32_t arrived = it.arrived;
  if (arrived != (it.mask & warp.lanes & ~warp.exited) || arrived == 0) {
    return false;
  }
  if (it.combine != nullptr) it.combine(warp, arrived);
  warp.meetings.erase(warp.meetings.begin() +
                      static_cast<std::ptrdiff_t>(meeting));
  WakeLanes(warp, arrived);
  return true;
}

// Apart from the code that runs often, whose frames should be small.
void Machine::FaultAtBarrier(uint32_t id, uint32_t expected,
                             const char* operation, const Site& site) {
  if (id >= kNamedBarriers) {
    Fault(absl::StrCat(operation, " with barrier ", id, ": there are ",
                       kNamedBarriers),
          site);
  }
  const BlockBarrier& barrier = block().barriers[id];
  if (barrier.expected != expected) {
    Fault(absl::StrCat(operation, " with barrier ", id, " for ", expected,
                       " threads, but others arrived for ", barrier.expected,
                       " at ", ToString(barrier.site)),
          site);
  }
  Fault(absl::StrCat("divergent barrier: ", operation, ", but others are in ",
                     barrier.operation, " at ", ToString(barrier.site)),
        site);
}

uint32_t Machine::ArriveAtBarrier(uint32_t id, uint32_t expected, bool wait,
                                  const char* operation, bool operand,
                                  const Site& site) {
  if (id >= kNamedBarriers) FaultAtBarrier(id, expected, operation, site);
  Thread& self = *thread_;
  Block& block = *self.warp->block;
  BlockBarrier& barrier = block.barriers[id];
  if (barrier.arrived == 0) {
    barrier.operation = operation;
    barrier.expected = expected;
    barrier.site = site;
    barrier.nonzero = 0;
  } else if (barrier.expected != expected ||
             (expected == 0 && !SamePlace(barrier.site, site))) {
    FaultAtBarrier(id, expected, operation, site);
  }
  ++barrier.arrived;
  barrier.nonzero += operand;
  if (wait) self.warp->at_barrier[id] |= uint32_t{1} << self.lane;
  const bool complete = CompleteBarrier(block, id);
  if (!wait) {
    self.site = site;
    MayYield();
    return 0;
  }
  if (complete) {
    self.site = site;
    Reschedule();  // It was woken like the others.
  } else {
    Wait(operation, site);
  }
  return barrier.released_nonzero;
}

bool Machine::CompleteBarrier(Block& block, uint32_t id) {
  BlockBarrier& barrier = block.barriers[id];
  const uint32_t expected =
      barrier.expected == 0 ? block.live_threads : barrier.expected;
  if (barrier.arrived != expected) return false;
  barrier.arrived = 0;
  barrier.released_nonzero = barrier.nonzero;
  for (Warp& warp : block.warps) {
    WakeLanes(warp, warp.at_barrier[id]);
    warp.at_barrier[id] = 0;
  }
  return true;
}

}  // namespace tilework::emulator
