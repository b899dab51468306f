// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the argument checks of the quantization kernels share.

#ifndef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_CHECK_H_
#define TILEWORK_KERNELS_QUANTIZE_QUANTIZE_CHECK_H_

#include <cstdint>
#include <string_view>

#include "absl/types/span.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {

inline constexpr DType kFloat8Types[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                                         DType::kF8E5M2};

// A shape with exactly one element, of any rank.
inline constexpr std::string_view kOneElement =
    "|1|1 1|1 1 1|1 1 1 1|1 1 1 1 1|1 1 1 1 1 1";

// All values of a scale, of type f32 or e8m0, are finite and > 0. Where
// `allow_nan`, they may be NaN. Reads the tensor, so call it last.
void CheckScaleValues(std::string_view name, const ConstTensor& scale,
                      bool allow_nan, ArgumentChecker& check);

// The pattern of a tensor with such scales: "... H", or "... M H" for blocks.
std::string_view ShapeFor(QuantizationGranularity granularity);

// A granularity that exists, and a group size in its range.
void CheckGranularity(QuantizationGranularity granularity, int64_t group_size,
                      ArgumentChecker& check);

// `x`, of the shape ShapeFor(), has no empty rows, and for TENSOR an element.
void CheckNotEmpty(std::string_view name, const ConstTensor& x,
                   QuantizationGranularity granularity, ArgumentChecker& check);

// `scale` has the shape that goes with ShapeFor(), to which a tensor before it
// was bound.
void CheckScaleShape(std::string_view name, const ConstTensor& scale,
                     QuantizationGranularity granularity, int64_t group_size,
                     absl::Span<const DType> dtypes, ArgumentChecker& check);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_QUANTIZE_CHECK_H_
