// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/schema/schema_visitor.h"

#include <string_view>

#include "tilework/common/dtype/dtype.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

DTypes SameAs(const ConstTensor& tensor, std::string_view text) {
  return DTypes({tensor.dtype()}, text);
}

DTypes SameAsOr(const ConstTensor& tensor, DType other, std::string_view text) {
  if (tensor.dtype() == other) return DTypes({other}, text);
  return DTypes({tensor.dtype(), other}, text);
}

}  // namespace tilework
