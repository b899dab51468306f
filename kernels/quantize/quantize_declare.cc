// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/quantize/quantize_declare.h"

#include <cstdint>
#include <string_view>

#include "tilework/common/schema/argument_checker.h"
#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/quantize/boxes.h"
#include "tilework/kernels/quantize/granularity.h"

namespace tilework {
namespace {

constexpr Enumerator kGranularities[] = {
    {0, "ROW"}, {1, "GROUP"}, {2, "BLOCK2D"}, {3, "TENSOR"}};

void CheckNotEmpty(std::string_view name, const ConstTensor& x,
                   QuantizationGranularity granularity,
                   ArgumentChecker& check) {
  switch (granularity) {
    case QuantizationGranularity::kRow:
    case QuantizationGranularity::kGroup:
      check.Require(check["H"] >= 1 || !HasRows(x), name, " is ", x.shape(),
                    ": H = 0, expected >= 1");
      return;
    case QuantizationGranularity::kBlock2d:
      return;
    case QuantizationGranularity::kTensor:
      check.Require(x.NumElements() > 0, name, " is ", x.shape(),
                    ": no elements, expected some for granularity TENSOR");
      return;
  }
}

}  // namespace

void DeclareGranularity(const QuantizationGranularity& granularity,
                        const int64_t& group_size, SchemaVisitor& v) {
  v.Attribute("granularity", granularity,
              {.domain = Domain::OneOf(kGranularities),
               .help = "what shares a scale: a row, a group of a row, a block "
                       "of the last two dimensions, or all elements"});
  v.Attribute("group_size", group_size,
              {.domain = Domain::AtLeast(1),
               .help = "G, the size of groups and, both ways, of blocks"});
}

Shapes ShapesFor(QuantizationGranularity granularity) {
  const bool is_block = granularity == QuantizationGranularity::kBlock2d;
  return {{"... H", "", !is_block}, {"... M H", "BLOCK2D", is_block}};
}

void DeclareNotEmpty(std::string_view name, const ConstTensor& x,
                     QuantizationGranularity granularity, SchemaVisitor& v) {
  v.Rule("H >= 1 if there are rows of ROW or GROUP; TENSOR needs an element",
         [&](ArgumentChecker& check) {
           CheckNotEmpty(name, x, granularity, check);
         });
}

Shapes DeclareScaleShapes(QuantizationGranularity granularity,
                          int64_t group_size, SchemaVisitor& v) {
  using enum QuantizationGranularity;
  v.Bind("H/G", "ceil(H / group_size)",
         [&] { return CeilDiv(v["H"], group_size); });
  v.Bind("M/G", "ceil(M / group_size)",
         [&] { return CeilDiv(v["M"], group_size); });
  return {{"... 1 | ...", "ROW", granularity == kRow},
          {"... H/G", "GROUP", granularity == kGroup},
          {"... M/G H/G", "BLOCK2D", granularity == kBlock2d},
          {"1*", "TENSOR", granularity == kTensor}};
}

}  // namespace tilework
