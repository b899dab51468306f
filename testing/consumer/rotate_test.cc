// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Rotates one head by a quarter turn: (1, 2, 3, 4) becomes (-3, -4, 1, 2).

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "absl/base/options.h"
#include "absl/status/status.h"
#include "hwy/base.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/kernels/rope/rope.h"

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

// The libraries are this workspace's, not those that tilework would declare.
static_assert(std::string_view(STRING(ABSL_OPTION_INLINE_NAMESPACE_NAME)) ==
              "consumer");
static_assert(HWY_PATCH == 77);

int main() {
  using tilework::DType;
  std::array<float, 4> x = {1, 2, 3, 4};
  const std::array<float, 2> cos = {0, 0};
  const std::array<float, 2> sin = {1, 1};

  // One batch, one token, one head of four elements, in place.
  tilework::HostContext context;
  const absl::Status status =
      tilework::Rope({.x_in = {x.data(), DType::kF32, {1, 1, 1, 4}},
                      .x_out = {x.data(), DType::kF32, {1, 1, 1, 4}},
                      .cos = {cos.data(), DType::kF32, {1, 2}},
                      .sin = {sin.data(), DType::kF32, {1, 2}}},
                     context);

  std::printf("%s: %g %g %g %g\n", status.ToString().c_str(), x[0], x[1], x[2],
              x[3]);
  const std::array<float, 4> expected = {-3, -4, 1, 2};
  return status.ok() && std::ranges::equal(x, expected) ? 0 : 1;
}
