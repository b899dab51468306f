// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the declarations of the quantization kernels share.

#ifndef TILEWORK_KERNELS_QUANTIZE_QUANTIZE_DECLARE_H_
#define TILEWORK_KERNELS_QUANTIZE_QUANTIZE_DECLARE_H_

#include <cstdint>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {

inline constexpr DType kFloat8Types[] = {DType::kF8E4M3, DType::kF8E4M3_240,
                                         DType::kF8E5M2};

// Of scales that may also say that there was no number.
inline constexpr Values kScaleOrNaNValues = {
    .domain = Domain::FiniteAbove(0).OrNaN(), .checked = true};

// Which elements share a scale; before the tensors.
void DeclareGranularity(const QuantizationGranularity& granularity,
                        const int64_t& group_size, SchemaVisitor& v);

// The shapes of a tensor with such scales: "... H", or "... M H" for blocks.
Shapes ShapesFor(QuantizationGranularity granularity);

// `x`, with the symbols of ShapesFor(), has no empty rows, and for TENSOR an
// element.
void DeclareNotEmpty(std::string_view name, const ConstTensor& x,
                     QuantizationGranularity granularity, SchemaVisitor& v);

// The shapes of the scales, after a tensor with the symbols of ShapesFor().
Shapes DeclareScaleShapes(QuantizationGranularity granularity,
                          int64_t group_size, SchemaVisitor& v);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_QUANTIZE_QUANTIZE_DECLARE_H_
