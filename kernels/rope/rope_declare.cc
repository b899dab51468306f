// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rope_declare.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

int64_t RotaryDim(const std::optional<int64_t>& rotary_dim,
                  const SchemaVisitor& v) {
  const int64_t d = v["D"];
  const int64_t r = rotary_dim.value_or(d);
  return r >= 0 && r <= d ? r : d;
}

void DeclareRotatedRange(const bool& contiguous_layout,
                         const std::optional<int64_t>& rotary_dim,
                         const int64_t& rotary_offset, SchemaVisitor& v) {
  v.Attribute("contiguous_layout", contiguous_layout,
              {.help = "pairs are elements i and h + i (Llama), not 2i and 2i "
                       "+ 1 (GPT-J)"});
  v.Attribute("rotary_dim", rotary_dim,
              {.domain = Domain::EvenBetween(2, {v["D"], "D"}),
               .absent = "D",
               .help = "R, how many elements of a head are rotated"});
  v.Rule("D is even if rotary_dim is not given", [&](ArgumentChecker& check) {
    check.Require(rotary_dim.has_value() || check["D"] % 2 == 0,
                  "rotary_dim is ", check["D"],
                  ", expected an even number in 2..", check["D"]);
  });
  const int64_t r = RotaryDim(rotary_dim, v);
  v.Attribute("rotary_offset", rotary_offset,
              {.domain = Domain::Between(0, {v["D"] - r, "D - rotary_dim"}),
               .help = "the first of them"});
  v.Bind("h", "rotary_dim / 2", [&] { return r / 2; });
}

void DeclareCosSin(const ConstTensor& cos, const ConstTensor& sin,
                   const std::optional<int64_t>& rotary_dim,
                   const Shapes& shapes, const Presence& presence,
                   SchemaVisitor& v) {
  const int64_t r = RotaryDim(rotary_dim, v);
  const Values values = {.domain = Domain::Between(-1, 1)};
  v.Symbol("W", Domain::Either({r / 2, "rotary_dim / 2"}, {r, "rotary_dim"}));
  v.Input("cos", cos,
          {.shape = shapes,
           .dtypes = kFloatTypes,
           .presence = presence,
           .values = values,
           .help = "cosines; a column for each pair, or for each member"});
  v.Input("sin", sin,
          {.shape = shapes,
           .dtypes = kFloatTypes,
           .presence = presence,
           .values = values,
           .help = "sines"});
  v.Rule("cos and sin have the same shape", [&](ArgumentChecker& check) {
    check.Require(cos.shape() == sin.shape(), "cos is ", cos.shape(),
                  " but sin is ", sin.shape());
  });
}

void DeclarePositions(const ConstTensor& positions, const Presence& presence,
                      const Domain& range, SchemaVisitor& v) {
  v.Input("positions", positions,
          {.shape = "B S | 1 S | S",
           .dtypes = kIndexTypes,
           .presence = presence,
           .values = {.domain = range, .checked = true},
           .help = "of each token"});
}

void DeclareRowsForTokens(std::string_view text, bool applies,
                          std::string_view table_name, const ConstTensor& table,
                          std::string_view x_name, const ConstTensor& x,
                          SchemaVisitor& v) {
  v.Rule(text, [&](ArgumentChecker& check) {
    check.Require(!applies || check["P"] >= check["S"], table_name, " is ",
                  table.shape(), ": ", check["P"],
                  " positions, but S = ", check["S"], " (from ", x_name, " ",
                  x.shape(), ")");
  });
}

}  // namespace tilework
