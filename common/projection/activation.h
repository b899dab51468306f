// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The activation functions of projections.

#ifndef TILEWORK_COMMON_PROJECTION_ACTIVATION_H_
#define TILEWORK_COMMON_PROJECTION_ACTIVATION_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace tilework {

class SchemaVisitor;

// Max error: 2^-20 * max(|f|, 2^-5). NaN stays NaN, and infinity where the
// limit is.
enum class ActFnType : uint8_t {
  kNone = 0,            // x
  kSiLU = 1,            // x * sigma(x), sigma(x) = 1 / (1 + e^-x)
  kGELU = 2,            // x / 2 * (1 + erf(x / sqrt 2))
  kGELUTanhApprox = 3,  // x / 2 * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
  kSwish = 4,           // x * sigma(1.702 x)
  kReLU = 5,            // max(x, 0)
  kReLU2 = 6,           // max(x, 0)^2
  kSigmoid = 7,         // sigma(x)
  kTanh = 8,            // tanh(x)
};

// A function with the factor inside sigma, for kSiLU and kSwish alone.
struct Activation {
  ActFnType type = ActFnType::kNone;
  float sigma_factor = 1;

  constexpr Activation() = default;
  // NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Activation(ActFnType type, std::optional<float> factor = {})
      : type(type),
        sigma_factor(factor.value_or(type == ActFnType::kSwish ? 1.702f : 1)) {}
};

// Shows a kernel's attribute `name` to `v`; `help` says what is activated.
void DeclareActivation(std::string_view name, const ActFnType& activation,
                       std::string_view help, SchemaVisitor& v);

}  // namespace tilework

#endif  // TILEWORK_COMMON_PROJECTION_ACTIVATION_H_
