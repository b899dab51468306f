// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The ceiling of matrix products: how fast the vector units of this machine
// multiply and add.

#ifndef TILEWORK_COMMON_PARALLEL_FLOP_RATE_H_
#define TILEWORK_COMMON_PARALLEL_FLOP_RATE_H_

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "tilework/common/parallel/thread_pool.h"

namespace tilework {

// Operations a second, a multiplication and an addition counted as two, of all
// threads of `pool` together: the best of several passes. Takes about 0.1 s.
struct FlopRates {
  double f32;   // of f32 products
  double bf16;  // of bf16 products that are added in f32
};
FlopRates MeasureFlopRates(const ThreadPool& pool);

// The same of what `multiply` does: it repeats something, returns how many
// operations it did, and sets `result` to something that depends on them all.
double BestFlopRate(
    const ThreadPool& pool,
    absl::FunctionRef<double(int64_t repetitions, float& result)> multiply);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PARALLEL_FLOP_RATE_H_
