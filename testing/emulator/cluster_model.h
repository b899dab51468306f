// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Barriers of clusters, named barriers, elections, and what must run at the
// same time.

#ifndef TILEWORK_TESTING_EMULATOR_CLUSTER_MODEL_H_
#define TILEWORK_TESTING_EMULATOR_CLUSTER_MODEL_H_

#include <cstdint>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

void ClusterArrive(const Site& site);
void ClusterWait(const Site& site);

// bar.sync or bar.arrive.
void NamedBarrier(uint32_t id, uint32_t threads, bool wait,
                  const char* operation, const Site& site);

// A lane that the seed chooses, the same for the same mask.
bool ElectSync(uint32_t mask, const Site& site);

// A fault if the launch did not ask that all blocks run at the same time.
void RequireCoResident(const char* operation, const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_CLUSTER_MODEL_H_
