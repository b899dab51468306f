// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/emulator/tensor_reduce.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tilework/common/dtype/dtype.h"

namespace tilework::emulator {
namespace {

// Sums are made in `Wide`; integers wrap around, hence unsigned ones.
template <typename T, typename Wide>
bool Add(const std::byte* from, uint32_t bytes, std::byte* to) {
  for (uint32_t i = 0; i < bytes; i += sizeof(T)) {
    T a;
    T b;
    std::memcpy(&a, from + i, sizeof(T));
    std::memcpy(&b, to + i, sizeof(T));
    const T sum(static_cast<Wide>(a) + static_cast<Wide>(b));
    std::memcpy(to + i, &sum, sizeof(T));
  }
  return true;
}

}  // namespace

bool AddElements(DType dtype, const std::byte* from, uint32_t bytes,
                 std::byte* to) {
  switch (dtype) {
    case DType::kF32:
      return Add<float, float>(from, bytes, to);
    case DType::kBF16:
      return Add<BFloat16, float>(from, bytes, to);
    case DType::kF16:
      return Add<Float16, float>(from, bytes, to);
    case DType::kI32:
      return Add<uint32_t, uint32_t>(from, bytes, to);
    case DType::kI64:
      return Add<uint64_t, uint64_t>(from, bytes, to);
    default:
      return false;
  }
}

}  // namespace tilework::emulator
