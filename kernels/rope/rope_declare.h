// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What the declarations of rope and rope_hf share.

#ifndef TILEWORK_KERNELS_ROPE_ROPE_DECLARE_H_
#define TILEWORK_KERNELS_ROPE_ROPE_DECLARE_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// R; D where it is absent or has been refused.
int64_t RotaryDim(const std::optional<int64_t>& rotary_dim,
                  const SchemaVisitor& v);

// Which elements of the heads, of size D, are rotated, and h.
void DeclareRotatedRange(const bool& contiguous_layout,
                         const std::optional<int64_t>& rotary_dim,
                         const int64_t& rotary_offset, SchemaVisitor& v);

// cos and sin, P W in one of `shapes`, for R = rotary_dim.
void DeclareCosSin(const ConstTensor& cos, const ConstTensor& sin,
                   const std::optional<int64_t>& rotary_dim,
                   const Shapes& shapes, const Presence& presence,
                   SchemaVisitor& v);

// Positions of tokens, in `range`.
void DeclarePositions(const ConstTensor& positions, const Presence& presence,
                      const Domain& range, SchemaVisitor& v);

// Where `applies`, `table`, of P rows, has one for each of the S tokens of `x`;
// `text` says so.
void DeclareRowsForTokens(std::string_view text, bool applies,
                          std::string_view table_name, const ConstTensor& table,
                          std::string_view x_name, const ConstTensor& x,
                          SchemaVisitor& v);

}  // namespace tilework

#endif  // TILEWORK_KERNELS_ROPE_ROPE_DECLARE_H_
