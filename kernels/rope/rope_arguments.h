// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the argument checks of rope and rope_hf share.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_ARGUMENTS_H_
#define TILEWORK_KERNELS_ROPE_ROPE_ARGUMENTS_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// The heads of tensor `x`, of size D, and the range of them that is rotated.
void CheckRotatedRange(std::string_view name, const ConstTensor& x,
                       const std::optional<int64_t>& rotary_dim,
                       int64_t rotary_offset, ArgumentChecker& check);

// cos and sin, P W in one of `shapes`, for R = rotary_dim.
void CheckCosSin(const ConstTensor& cos, const ConstTensor& sin,
                 std::string_view shapes, int64_t rotary_dim,
                 ArgumentChecker& check);

// That `table`, of P rows, has one for each of the S tokens of `x`.
void CheckRowsForTokens(std::string_view table_name, const ConstTensor& table,
                        std::string_view x_name, const ConstTensor& x,
                        ArgumentChecker& check);

// Positions of tokens, each 0 or more, and a row of `table` if that is present.
void CheckPositions(const ConstTensor& positions, std::string_view table_name,
                    const ConstTensor& table, ArgumentChecker& check);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_ARGUMENTS_H_
