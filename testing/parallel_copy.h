// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A copy by all threads: what bounds kernels that read and write memory once.

#ifndef TILEWORK_TESTING_PARALLEL_COPY_H_
#define TILEWORK_TESTING_PARALLEL_COPY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tilework/common/parallel/thread_pool.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Copies the bytes of a contiguous tensor to another of the same size, in
// pieces as kernels cut their work.
inline void ParallelCopy(const ConstTensor& from, const Tensor& to,
                         const ThreadPool& pool) {
  constexpr int64_t kPiece = int64_t{1} << 17;
  const int64_t bytes = from.NumBytes();
  pool.ParallelFor((bytes + kPiece - 1) / kPiece, [&](int64_t task, int) {
    const int64_t begin = task * kPiece;
    std::memcpy(static_cast<char*>(to.data()) + begin,
                static_cast<const char*>(from.data()) + begin,
                static_cast<size_t>(std::min(kPiece, bytes - begin)));
  });
}

}  // namespace tilework

#endif  // TILEWORK_TESTING_PARALLEL_COPY_H_
