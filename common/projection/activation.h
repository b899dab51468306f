// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The activation functions of projections.

#ifndef TILEWORK_COMMON_PROJECTION_ACTIVATION_H_
#define TILEWORK_COMMON_PROJECTION_ACTIVATION_H_

#include <cstdint>
#include <string_view>

namespace tilework {

class SchemaVisitor;

// Max error, relative to max(|f|, 2^-5): 2^-20. NaN stays NaN.
enum class ActFnType : uint8_t {
  kNone,  // x
  kSiLU,  // x / (1 + e^-x)
  kReLU,  // max(x, 0)
};

// Shows a kernel's attribute `name` to `v`; `help` says what is activated.
void DeclareActivation(std::string_view name, const ActFnType& activation,
                       std::string_view help, SchemaVisitor& v);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_ACTIVATION_H_
