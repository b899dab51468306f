// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/gemm/quant_scheme.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/dtype/mx.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

constexpr Enumerator kSchemes[] = {
    {0, "NONE"},      {1, "PER_TENSOR"}, {2, "PER_SEGMENT"}, {3, "PER_CHANNEL"},
    {4, "PER_TOKEN"}, {5, "MX"},         {6, "MX_COMPACT"},  {7, "BLOCK128"}};

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

bool HasShape(const ConstTensor& tensor, int64_t rows, int64_t cols) {
  return tensor.rank() == 2 && tensor.dim(0) == rows && tensor.dim(1) == cols;
}

std::optional<QuantScheme> InferF32Scales(int64_t k, int64_t n,
                                          const ConstTensor& scales) {
  if (scales.rank() == 1 && scales.dim(0) == 1) return QuantScheme::kPerTensor;
  if (scales.rank() == 1 && scales.dim(0) == n) return QuantScheme::kPerChannel;
  if (HasShape(scales, CeilDiv(k, kScaleBlock), CeilDiv(n, kScaleBlock))) {
    return QuantScheme::kBlock128;
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(QuantScheme scheme) {
  return kSchemes[static_cast<size_t>(scheme)].name;
}

absl::Span<const Enumerator> QuantSchemes() { return kSchemes; }

std::optional<QuantScheme> InferWeightScheme(const ConstTensor& data,
                                             const ConstTensor& scales) {
  if (!scales.present()) return QuantScheme::kNone;
  if (data.rank() < 2) return std::nullopt;
  const int64_t k = data.dim(-2);
  const int64_t n = data.dim(-1);
  if (scales.dtype() == DType::kF32) return InferF32Scales(k, n, scales);
  if (HasShape(scales, CeilDiv(k, kMxBlockSize), n)) return QuantScheme::kMx;
  if (HasShape(scales, CeilDiv(k, kScaleBlock), CeilDiv(n, kScaleBlock))) {
    return QuantScheme::kMxCompact;
  }
  return std::nullopt;
}

}  // namespace tilework
