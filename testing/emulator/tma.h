// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The model of the tensor memory accelerator (common/device/tma.h says what it
// is of).
//
// What a copy will write into shared memory is poison from when it is issued.
// It arrives in two pieces for each block, each of which completes its bytes.
// Stores read shared memory in one step and write global memory in another.
//
// Faults: addresses, sizes and coordinates that are not as PTX wants them; what
// is no tensor map, or of another rank; an mbarrier in another block than the
// memory; memory that ordinary stores have written without a fence of the
// proxy. Not modelled, and faults as well: swizzled boxes that are narrower
// than the swizzle. Global memory is not checked for fences.

#ifndef TILEWORK_TESTING_EMULATOR_TMA_H_
#define TILEWORK_TESTING_EMULATOR_TMA_H_

#include <cstdint>

#include "absl/types/span.h"
#include "tilework/common/device/tensor_map.h"
#include "tilework/testing/emulator/machine.h"

namespace tilework::emulator {

void CpAsyncBulkToShared(void* shared, const void* global, uint32_t bytes,
                         void* mbarrier, const Site& site);
void CpAsyncBulkToSharedMulticast(void* shared, const void* global,
                                  uint32_t bytes, void* mbarrier,
                                  uint16_t blocks, const Site& site);
void CpAsyncBulkToGlobal(void* global, const void* shared, uint32_t bytes,
                         const Site& site);
void CpAsyncBulkToSharedCluster(void* cluster_shared, const void* shared,
                                uint32_t bytes, void* mbarrier,
                                const Site& site);
void CpAsyncBulkPrefetchL2(const void* global, uint32_t bytes,
                           const Site& site);

using Coordinates = absl::Span<const int32_t>;

void CpAsyncBulkTensorToShared(void* shared, const TensorMap& map,
                               Coordinates coordinates, void* mbarrier,
                               const Site& site);
void CpAsyncBulkTensorToSharedMulticast(void* shared, const TensorMap& map,
                                        Coordinates coordinates, void* mbarrier,
                                        uint16_t blocks, const Site& site);
void CpAsyncBulkTensorToGlobal(const TensorMap& map, Coordinates coordinates,
                               const void* shared, const Site& site);
void CpReduceAsyncBulkTensorAdd(const TensorMap& map, Coordinates coordinates,
                                const void* shared, const Site& site);
void CpAsyncBulkPrefetchTensor(const TensorMap& map, Coordinates coordinates,
                               const Site& site);
void PrefetchTensormap(const TensorMap& map, const Site& site);

void CpAsyncBulkCommitGroup(const Site& site);
void CpAsyncBulkWaitGroup(uint32_t pending, const Site& site);
void CpAsyncBulkWaitGroupRead(uint32_t pending, const Site& site);

}  // namespace tilework::emulator

#endif  // TILEWORK_TESTING_EMULATOR_TMA_H_
