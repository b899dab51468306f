// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_SIMD_SIMD_PATH_H_
#define TILEWORK_COMMON_SIMD_SIMD_PATH_H_

#include <string>
#include <vector>

namespace tilework {

// The SIMD target that kernels run on: "AVX3_ZEN4".
std::string SimdPath();

// All targets that were compiled, best first, and those of them that this
// machine can run.
std::vector<std::string> CompiledSimdTargets();
std::vector<std::string> UsableSimdTargets();

}  // namespace tilework

#endif  // TILEWORK_COMMON_SIMD_SIMD_PATH_H_
