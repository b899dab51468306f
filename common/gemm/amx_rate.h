// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_GEMM_AMX_RATE_H_
#define TILEWORK_COMMON_GEMM_AMX_RATE_H_

#include "tilework/common/parallel/thread_pool.h"

namespace tilework {

// What MeasureFlopRates() (flop_rate.h) is for AMX: operations a second of bf16
// products of tiles that stay in registers, of all threads together. 0 if the
// unit is not usable. Its numbers are random: zeros would be faster.
double MeasureAmxRate(const ThreadPool& pool);

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_AMX_RATE_H_
