// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the argument checks of the normalizations share.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORM_CHECK_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORM_CHECK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/types/span.h"
#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// A tensor of a call, for CheckOverlap().
struct NamedTensor {
  std::string_view name;
  ConstTensor tensor;
  // An output may be one of these inputs, view for view.
  std::array<std::string_view, 3> in_place = {};
};

// No output overlaps an input, but for those that may be in place, or another
// output.
void CheckOverlap(absl::Span<const NamedTensor> inputs,
                  absl::Span<const NamedTensor> outputs,
                  ArgumentChecker& check);

// `residual`, of one of two types, and `residual_out`, which needs it; both of
// the shape "... H".
void CheckResidual(const ConstTensor& input, const ConstTensor& residual,
                   const Tensor& residual_out, ArgumentChecker& check);

// H >= 1, where H is the last dimension of the tensor `name`.
void CheckRowSize(std::string_view name, const ConstTensor& tensor,
                  ArgumentChecker& check);

// In 1..H, if given.
void CheckHiddenActual(std::optional<int64_t> hidden_actual,
                       ArgumentChecker& check);

// 0 or 1.
void CheckGammaOffset(float gamma_offset, ArgumentChecker& check);

// [H], of type f32 or that of gamma.
void CheckParameterGradient(std::string_view name, const Tensor& gradient,
                            const ConstTensor& gamma, ArgumentChecker& check);

// >= 0 and finite.
void CheckEps(float eps, ArgumentChecker& check);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORM_CHECK_H_
