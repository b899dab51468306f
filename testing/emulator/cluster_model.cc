// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/cluster_model.h"

#include <bit>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "tilework/testing/emulator/machine.h"
#include "tilework/testing/emulator/rng.h"

namespace tilework::emulator {
namespace {

void CombineElect(Warp& warp, uint32_t lanes) {
  const uint64_t seed = Machine::Current()->schedule().seed;
  uint32_t skip = static_cast<uint32_t>(
      Mix(Mix(seed) ^ lanes) % static_cast<uint32_t>(std::popcount(lanes)));
  for (uint32_t left = lanes; left != 0; left &= left - 1) {
    warp.threads[std::countr_zero(left)].result = skip-- == 0;
  }
}

}  // namespace

void ClusterArrive(const Site& site) {
  Machine& machine = ThisMachine(site);
  Thread& thread = machine.thread();
  Cluster& cluster = *machine.block().cluster;
  if (thread.arrived_in_cluster) {
    machine.Fault("barrier.cluster.arrive twice without barrier.cluster.wait",
                  site);
  }
  thread.arrived_in_cluster = true;
  thread.cluster_phase = cluster.phase;
  thread.site = site;
  if (++cluster.arrived == cluster.live_threads) {
    cluster.arrived = 0;
    ++cluster.phase;
    machine.Notify();
  }
  machine.MayYield();
}

void ClusterWait(const Site& site) {
  Machine& machine = ThisMachine(site);
  Thread& thread = machine.thread();
  const Cluster& cluster = *machine.block().cluster;
  if (!thread.arrived_in_cluster) {
    machine.Fault("barrier.cluster.wait without barrier.cluster.arrive", site);
  }
  machine.WaitUntil([&] { return cluster.phase != thread.cluster_phase; },
                    "barrier.cluster.wait", site);
  thread.arrived_in_cluster = false;
}

void NamedBarrier(uint32_t id, uint32_t threads, bool wait,
                  const char* operation, const Site& site) {
  Machine& machine = ThisMachine(site);
  if (threads == 0 || threads % kWarpSize != 0 ||
      threads > machine.block().threads.size()) {
    machine.Fault(absl::StrCat(operation, " for ", threads,
                               " threads, which are no whole warps of a block "
                               "of ",
                               machine.block().threads.size()),
                  site);
  }
  machine.ArriveAtBarrier(id, threads, wait, operation, false, site);
}

bool ElectSync(uint32_t mask, const Site& site) {
  return ThisMachine(site).Meet(mask, "elect.sync", 0, 0, &CombineElect,
                                site) != 0;
}

void RequireCoResident(const char* operation, const Site& site) {
  Machine& machine = ThisMachine(site);
  if (machine.shape().co_resident) return;
  machine.Fault(absl::StrCat(operation, " in a launch that is not co_resident"),
                site);
}

}  // namespace tilework::emulator
