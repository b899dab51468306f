// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// mbarrier objects as PTX has them. What is in the 8 bytes is opaque; here, a
// mark of the object, so that stores to them are found. Objects of other blocks
// of the cluster are a fault, but where bytes are completed.

#ifndef TILEWORK_TESTING_EMULATOR_MBARRIER_MODEL_H_
#define TILEWORK_TESTING_EMULATOR_MBARRIER_MODEL_H_

#include <cstdint>

#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

void MbarrierInit(void* object, uint32_t count, const Site& site);
void MbarrierInval(void* object, const Site& site);
// One arrival; more than the phase awaits are a fault.
void MbarrierArrive(void* object, const Site& site);
// The same at this place in the block with this rank in the cluster.
void MbarrierArriveCluster(void* object, uint32_t rank, const Site& site);
// Changes the number of bytes that the phase awaits; it may fall below 0 until
// they are expected.
void MbarrierExpectTx(void* object, uint32_t bytes, const Site& site);
void MbarrierArriveExpectTx(void* object, uint32_t bytes, const Site& site);
void MbarrierCompleteTx(void* object, uint32_t bytes, const Site& site);
// The same by the async proxy: the barrier's initialization must have been
// fenced.
void MbarrierAsyncCompleteTx(void* object, uint32_t bytes, const Site& site);
// One more arrival awaited in this phase, for cp.async.mbarrier.arrive.
void MbarrierAddPending(void* object, const Site& site);
void MbarrierAsyncArrive(void* object, const Site& site);
// Whether the phase of this parity has completed, where the current one has the
// other or is the one after it.
bool MbarrierTestWaitParity(void* object, uint32_t parity, const Site& site);
void MbarrierWaitParity(void* object, uint32_t parity, const Site& site);
// Initializations so far are seen by the cluster and the async proxy.
void FenceMbarrierInit(const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_MBARRIER_MODEL_H_
