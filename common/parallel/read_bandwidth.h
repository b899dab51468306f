// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The ceiling of everything that streams weights: how fast this machine reads
// memory.

#ifndef TILEWORK_COMMON_PARALLEL_READ_BANDWIDTH_H_
#define TILEWORK_COMMON_PARALLEL_READ_BANDWIDTH_H_

#include "tilework/common/parallel/thread_pool.h"

namespace tilework {

// Bytes a second that the threads of `pool` read together from an array of 512
// MiB, which no cache holds: the median of several passes. Takes about 0.3 s.
double MeasureReadBandwidth(ThreadPool& pool);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PARALLEL_READ_BANDWIDTH_H_
