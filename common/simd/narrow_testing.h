// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The functions of narrow-inl.h as plain ones that dispatch to a SIMD target,
// for their test.

#ifndef TILEWORK_COMMON_SIMD_NARROW_TESTING_H_
#define TILEWORK_COMMON_SIMD_NARROW_TESTING_H_

#include <cstddef>
#include <cstdint>

#include "tilework/common/dtype/narrow.h"

namespace tilework::narrow_testing {

enum class NarrowType { kE4M3, kE4M3_240, kE5M2, kE8M0, kE2M1 };

// Calls f with a value-initialized T for the storage type T.
template <typename F>
void VisitNarrow(NarrowType type, const F& f) {
  switch (type) {
    case NarrowType::kE4M3:
      return f(Float8E4M3{});
    case NarrowType::kE4M3_240:
      return f(Float8E4M3_240{});
    case NarrowType::kE5M2:
      return f(Float8E5M2{});
    case NarrowType::kE8M0:
      return f(E8M0{});
    case NarrowType::kE2M1:
      return f(Float4E2M1Pair{});
  }
}

// Floats in a vector.
size_t Lanes();

// One vector: all of it if `count` is Lanes(), else its first `count` lanes.
// Load gives a whole one.
void Load(NarrowType type, const void* from, size_t count, float* to);
void Store(const float* from, size_t count, NarrowType type, void* to);

// Any number of consecutive elements.
void LoadAll(NarrowType type, const void* from, int64_t size, float* to);
void StoreAll(const float* from, int64_t size, NarrowType type, void* to);

// Four vectors to a type of 8 bits with mantissa. `in_range`: none is NaN or
// above the type's largest number.
void StoreFour(const float* from, NarrowType type, bool in_range, void* to);

// Rounds to a type of 8 bits with mantissa.
void RoundAll(NarrowType type, int64_t size, float* row);

}  // namespace tilework::narrow_testing

#endif  // TILEWORK_COMMON_SIMD_NARROW_TESTING_H_
