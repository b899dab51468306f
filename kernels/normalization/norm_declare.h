// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the declarations of the normalizations share.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_DECLARE_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_DECLARE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// Values of dtype attributes.
inline constexpr Enumerator kFloatTypeNames[] = {
    {static_cast<int64_t>(DType::kF32), "f32"},
    {static_cast<int64_t>(DType::kBF16), "bf16"},
    {static_cast<int64_t>(DType::kF16), "f16"},
};

// residual of the type of `input` or f32; residual_out of residual's type and
// only with it.
void DeclareResidual(const ConstTensor& input, const ConstTensor& residual,
                     const Tensor& residual_out, SchemaVisitor& v);

// A residual of any type, whose sum must be asked for.
void DeclareResidualSum(const ConstTensor& residual, const Tensor& sum,
                        std::string_view sum_name, SchemaVisitor& v);

void DeclareHiddenActual(const std::optional<int64_t>& hidden_actual,
                         SchemaVisitor& v);

void DeclareGammaOffset(const float& gamma_offset, SchemaVisitor& v);

void DeclareEps(const float& eps, SchemaVisitor& v);

// The gradient of gamma or beta, f32 or of the type of gamma.
void DeclareParameterGradient(std::string_view name, const Tensor& gradient,
                              const ConstTensor& gamma, std::string_view help,
                              SchemaVisitor& v);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_DECLARE_H_
