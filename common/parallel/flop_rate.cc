// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/parallel/flop_rate.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tilework/common/parallel/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/parallel/flop_rate.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Independent sums: enough to hide the latency of two units.
constexpr int kSums = 12;

// Returns the operations done; `result` keeps them from being left out.
double MultiplyF32(int64_t repetitions, float& result) {
  const hn::ScalableTag<float> df;
  const auto a = hn::Set(df, 0.999f);
  // Equal sums would be computed once.
  auto s0 = hn::Iota(df, 0), s1 = hn::Iota(df, 1), s2 = hn::Iota(df, 2),
       s3 = hn::Iota(df, 3), s4 = hn::Iota(df, 4), s5 = hn::Iota(df, 5),
       s6 = hn::Iota(df, 6), s7 = hn::Iota(df, 7), s8 = hn::Iota(df, 8),
       s9 = hn::Iota(df, 9), s10 = hn::Iota(df, 10), s11 = hn::Iota(df, 11);
  for (int64_t i = 0; i < repetitions; ++i) {
    s0 = hn::MulAdd(s0, a, a);
    s1 = hn::MulAdd(s1, a, a);
    s2 = hn::MulAdd(s2, a, a);
    s3 = hn::MulAdd(s3, a, a);
    s4 = hn::MulAdd(s4, a, a);
    s5 = hn::MulAdd(s5, a, a);
    s6 = hn::MulAdd(s6, a, a);
    s7 = hn::MulAdd(s7, a, a);
    s8 = hn::MulAdd(s8, a, a);
    s9 = hn::MulAdd(s9, a, a);
    s10 = hn::MulAdd(s10, a, a);
    s11 = hn::MulAdd(s11, a, a);
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)),
              hn::Add(hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)),
                      hn::Add(hn::Add(s8, s9), hn::Add(s10, s11))));
  result = hn::ReduceSum(df, sum);
  return 2.0 * static_cast<double>(hn::Lanes(df)) * kSums *
         static_cast<double>(repetitions);
}

double MultiplyBF16(int64_t repetitions, float& result) {
  const hn::ScalableTag<float> df;
  const hn::Repartition<hwy::bfloat16_t, decltype(df)> dbf;
  const auto a = hn::BitCast(
      dbf, hn::Set(hn::RebindToUnsigned<decltype(df)>(), 0x3F7F3F7Fu));
  auto unused = hn::Zero(df);
  auto s0 = hn::Iota(df, 0), s1 = hn::Iota(df, 1), s2 = hn::Iota(df, 2),
       s3 = hn::Iota(df, 3), s4 = hn::Iota(df, 4), s5 = hn::Iota(df, 5),
       s6 = hn::Iota(df, 6), s7 = hn::Iota(df, 7), s8 = hn::Iota(df, 8),
       s9 = hn::Iota(df, 9), s10 = hn::Iota(df, 10), s11 = hn::Iota(df, 11);
  for (int64_t i = 0; i < repetitions; ++i) {
    s0 = hn::ReorderWidenMulAccumulate(df, a, a, s0, unused);
    s1 = hn::ReorderWidenMulAccumulate(df, a, a, s1, unused);
    s2 = hn::ReorderWidenMulAccumulate(df, a, a, s2, unused);
    s3 = hn::ReorderWidenMulAccumulate(df, a, a, s3, unused);
    s4 = hn::ReorderWidenMulAccumulate(df, a, a, s4, unused);
    s5 = hn::ReorderWidenMulAccumulate(df, a, a, s5, unused);
    s6 = hn::ReorderWidenMulAccumulate(df, a, a, s6, unused);
    s7 = hn::ReorderWidenMulAccumulate(df, a, a, s7, unused);
    s8 = hn::ReorderWidenMulAccumulate(df, a, a, s8, unused);
    s9 = hn::ReorderWidenMulAccumulate(df, a, a, s9, unused);
    s10 = hn::ReorderWidenMulAccumulate(df, a, a, s10, unused);
    s11 = hn::ReorderWidenMulAccumulate(df, a, a, s11, unused);
  }
  const auto sum =
      hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)),
              hn::Add(hn::Add(hn::Add(s4, s5), hn::Add(s6, s7)),
                      hn::Add(hn::Add(s8, s9), hn::Add(s10, s11))));
  result = hn::ReduceSum(df, hn::Add(sum, unused));
  return 4.0 * static_cast<double>(hn::Lanes(df)) * kSums *
         static_cast<double>(repetitions);
}

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
namespace {

HWY_EXPORT(MultiplyF32);
HWY_EXPORT(MultiplyBF16);

}  // namespace

double BestFlopRate(const ThreadPool& pool,
                    absl::FunctionRef<double(int64_t, float&)> multiply) {
  constexpr int kPasses = 7;
  constexpr int64_t kRepetitions = 400000;
  const int threads = pool.num_threads();
  std::vector<double> flops(static_cast<size_t>(threads));
  std::vector<float> results(static_cast<size_t>(threads));
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    pool.ParallelFor(threads, [&](int64_t task, int /*thread*/) {
      const size_t i = static_cast<size_t>(task);
      flops[i] = multiply(kRepetitions, results[i]);
    });
    const std::chrono::duration<double> elapsed =
        std::chrono::steady_clock::now() - start;
    double total = 0;
    for (const double value : flops) total += value;
    best = std::max(best, total / elapsed.count());
  }
  return best;
}

FlopRates MeasureFlopRates(const ThreadPool& pool) {
  return {.f32 = BestFlopRate(pool,
                              [](int64_t repetitions, float& result) {
                                return HWY_DYNAMIC_DISPATCH(MultiplyF32)(
                                    repetitions, result);
                              }),
          .bf16 = BestFlopRate(pool, [](int64_t repetitions, float& result) {
            return HWY_DYNAMIC_DISPATCH(MultiplyBF16)(repetitions, result);
          })};
}

}  // namespace tilework
#endif  // HWY_ONCE
