// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// How the numbers of a matrix operand are stored: codes and what they are to be
// multiplied with.

#ifndef TILEWORK_COMMON_GEMM_QUANT_SCHEME_H_
#define TILEWORK_COMMON_GEMM_QUANT_SCHEME_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// number = code * scale. Scales of an activation [M, K] and of a weight [K, N];
// a last block that is short has its own scale.
enum class QuantScheme : uint8_t {
  kNone = 0,        // f32, bf16 or f16 without scales
  kPerTensor = 1,   // fp8; f32 [1]
  kPerSegment = 2,  // fp8 weight; f32 [3]: the columns of Q, K and V
  kPerChannel = 3,  // fp8 weight; f32 [N]
  kPerToken = 4,    // fp8 activation; f32 [M]
  kMx = 5,          // f8e4m3, f8e5m2 or f4e2m1; e8m0 [M, ceil(K / 32)] or
                    // [ceil(K / 32), N]
  kMxCompact = 6,   // f8e4m3 weight; e8m0 [ceil(K / 128), ceil(N / 128)]
  kBlock128 = 7,    // f8e4m3; f32 [M, ceil(K / 128)] or
                    // [ceil(K / 128), ceil(N / 128)]
};

// The size of the blocks of kBlock128 and kMxCompact.
inline constexpr int64_t kScaleBlock = 128;

// "PER_TENSOR".
std::string_view Name(QuantScheme scheme);
// All of them, for schemas.
absl::Span<const Enumerator> QuantSchemes();

// Whether scales belong to blocks of the contraction, so that they apply inside
// the sum.
constexpr bool ScalesInsideSum(QuantScheme scheme) {
  return scheme >= QuantScheme::kMx;
}

// The scheme of a weight [K, N] that follows from its types and shapes, if one
// does. Where two fit, they are the same numbers, but for N = 3, which may be
// kPerSegment: that is never guessed.
std::optional<QuantScheme> InferWeightScheme(const ConstTensor& data,
                                             const ConstTensor& scales);

}  // namespace tilework

#endif  // TILEWORK_COMMON_GEMM_QUANT_SCHEME_H_
