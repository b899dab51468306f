// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A copy by all threads: what bounds kernels that read and write memory once.

#ifndef TILEWORK_COMMON_PARALLEL_COPY_BANDWIDTH_H_
#define TILEWORK_COMMON_PARALLEL_COPY_BANDWIDTH_H_

#include "tilework/common/parallel/thread_pool.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Copies the bytes of a contiguous tensor to another of the same size, in
// pieces as kernels cut their work.
void ParallelCopy(const ConstTensor& from, const Tensor& to,
                  const ThreadPool& pool);

// Bytes a second, read and written ones both counted, of a copy that no cache
// holds: the median of several passes. Takes about 0.2 s.
double MeasureCopyBandwidth(const ThreadPool& pool);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PARALLEL_COPY_BANDWIDTH_H_
