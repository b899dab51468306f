// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/device_context.h"

#include <cstdint>
#include <utility>

namespace tilework {

int64_t DeviceArena::capacity() const {
  int64_t bytes = 0;
  for (const Block& block : blocks_) bytes += block.size;
  return bytes;
}

DeviceContext::DeviceContext(int ordinal, void* stream, bool owns_stream,
                             DeviceProperties properties)
    : ordinal_(ordinal),
      stream_(stream),
      owns_stream_(owns_stream),
      properties_(std::move(properties)),
      arena_(ordinal) {}

}  // namespace tilework
