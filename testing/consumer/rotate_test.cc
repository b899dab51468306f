// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotates one head by a quarter turn: (1, 2, 3, 4) becomes (-3, -4, 1, 2).

#include <cstdio>
#include <string_view>

#include "absl/base/options.h"
#include "absl/status/status.h"
#include "hwy/base.h"
#include "tilework/common/tensor/tensor.h"

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

// The libraries are this workspace's, not those that tilework would declare.
static_assert(std::string_view(STRING(ABSL_OPTION_INLINE_NAMESPACE_NAME)) ==
              "consumer");
static_assert(HWY_PATCH == 77);

int main() {
  tilework::Buffer x = tilework::Buffer::Zeros(tilework::DType::kF32, {1, 4});
  const absl::Status status;
  std::puts(status.ToString().c_str());
  return x.view().NumElements() == 4 ? 0 : 1;
}
