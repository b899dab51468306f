// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/parallel/copy_bandwidth.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/thread_pool.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

void ParallelCopy(const ConstTensor& from, const Tensor& to,
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

double MeasureCopyBandwidth(const ThreadPool& pool) {
  constexpr int64_t kSize = int64_t{128} << 20;
  constexpr int kPasses = 9;
  const Buffer from = Buffer::Zeros(DType::kU8, {kSize});
  Buffer to = Buffer::Zeros(DType::kU8, {kSize});
  std::vector<double> seconds;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    ParallelCopy(from.view(), to.view(), pool);
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + kPasses / 2,
                   seconds.end());
  return 2.0 * static_cast<double>(kSize) / seconds[kPasses / 2];
}

}  // namespace tilework
