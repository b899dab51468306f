// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/parallel/read_bandwidth.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/thread_pool.h"
#include "tilework/common/tensor/tensor.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/parallel/read_bandwidth.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The exclusive or of `size` bytes, a multiple of 1 KiB.
uint64_t ReadAll(const uint8_t* HWY_RESTRICT from, size_t size) {
  const hn::CappedTag<uint8_t, 128> d;
  const size_t lanes = hn::Lanes(d);
  auto a = hn::Zero(d);
  auto b = hn::Zero(d);
  auto e = hn::Zero(d);
  auto f = hn::Zero(d);
  for (size_t i = 0; i < size; i += 4 * lanes) {
    a = hn::Xor(a, hn::Load(d, from + i));
    b = hn::Xor(b, hn::Load(d, from + i + lanes));
    e = hn::Xor(e, hn::Load(d, from + i + 2 * lanes));
    f = hn::Xor(f, hn::Load(d, from + i + 3 * lanes));
  }
  const hn::Repartition<uint64_t, decltype(d)> d64;
  return hn::ReduceSum(d64,
                       hn::BitCast(d64, hn::Xor(hn::Xor(a, b), hn::Xor(e, f))));
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(ReadAll);

double MeasureReadBandwidth(ThreadPool& pool) {
  constexpr int64_t kSize = int64_t{512} << 20;
  constexpr int64_t kTask = int64_t{1} << 20;
  constexpr int kPasses = 7;
  const Buffer buffer = Buffer::Zeros(DType::kU8, {kSize});
  const uint8_t* data = buffer.data<uint8_t>();
  std::vector<uint64_t> sums(static_cast<size_t>(kSize / kTask));
  std::vector<double> seconds;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    pool.ParallelFor(kSize / kTask, [&](int64_t task, int /*thread*/) {
      // Kept, so that the reading cannot be left out.
      sums[static_cast<size_t>(task)] =
          HWY_DYNAMIC_DISPATCH(ReadAll)(data + task * kTask, kTask);
    });
    seconds.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + kPasses / 2,
                   seconds.end());
  return static_cast<double>(kSize) / seconds[kPasses / 2];
}

}  // namespace tilework
#endif  // HWY_ONCE
