// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef TILEWORK_COMMON_QUANTIZE_SCALE_VALUES_H_
#define TILEWORK_COMMON_QUANTIZE_SCALE_VALUES_H_

#include "tilework/common/schema/domain.h"
#include "tilework/common/schema/schema_visitor.h"

namespace tilework {

// What scales that are read must be: those in host memory are checked.
inline constexpr Values kScaleValues = {.domain = Domain::FiniteAbove(0),
                                        .checked = true};

}  // namespace tilework

#endif  // TILEWORK_COMMON_QUANTIZE_SCALE_VALUES_H_
