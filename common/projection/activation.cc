// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/projection/activation.h"

#include <string_view>

#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {
namespace {

constexpr Enumerator kActivations[] = {
    {0, "NONE"},  {1, "SiLU"}, {2, "GELU"},  {3, "GELU_Tanh_Approx"},
    {4, "Swish"}, {5, "ReLU"}, {6, "ReLU2"}, {7, "Sigmoid"},
    {8, "Tanh"}};

}  // namespace

void DeclareActivation(std::string_view name, const ActFnType& activation,
                       std::string_view help, SchemaVisitor& v) {
  v.Attribute(name, activation,
              {.domain = Domain::OneOf(kActivations), .help = help});
}

}  // namespace tilework
