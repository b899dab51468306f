// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/simd/narrow_testing.h"

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tilework/common/dtype/narrow.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/simd/narrow_testing.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep

// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/simd/narrow-inl.h"
#include "tilework/common/simd/rows-inl.h"
#include "tilework/common/simd/store_four-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using narrow_testing::NarrowType;
using narrow_testing::VisitNarrow;

size_t LanesImpl() { return hn::Lanes(hn::ScalableTag<float>()); }

void LoadImpl(NarrowType type, const void* from, size_t count, float* to) {
  VisitNarrow(type, [&](auto t) HWY_ATTR {
    const hn::ScalableTag<float> df;
    const auto* typed = static_cast<const decltype(t)*>(from);
    hn::StoreU(LoadUpTo(df, typed, count), df, to);
  });
}

void StoreImpl(const float* from, size_t count, NarrowType type, void* to) {
  VisitNarrow(type, [&](auto t) HWY_ATTR {
    const hn::ScalableTag<float> df;
    StoreUpTo(hn::LoadU(df, from), df, static_cast<decltype(t)*>(to), count);
  });
}

void LoadAllImpl(NarrowType type, const void* from, int64_t size, float* to) {
  VisitNarrow(type, [&](auto t) HWY_ATTR {
    using T = decltype(t);
    const auto* typed = static_cast<const T*>(from);
    if constexpr (std::is_same_v<T, Float4E2M1Pair>) {
      ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
        StoreUpTo(LoadUpTo(df, typed + i / 2, count), df, to + i, count);
      });
    } else {
      LoadRow(typed, 1, size, to);
    }
  });
}

void StoreAllImpl(const float* from, int64_t size, NarrowType type, void* to) {
  VisitNarrow(type, [&](auto t) HWY_ATTR {
    using T = decltype(t);
    auto* typed = static_cast<T*>(to);
    if constexpr (std::is_same_v<T, Float4E2M1Pair>) {
      ForEachVector(size, [&](auto df, int64_t i, size_t count) HWY_ATTR {
        StoreUpTo(LoadUpTo(df, from + i, count), df, typed + i / 2, count);
      });
    } else {
      StoreRow(from, 1, size, typed);
    }
  });
}

void StoreFourImpl(const float* from, NarrowType type, bool in_range,
                   void* to) {
  VisitNarrow(type, [&](auto t) HWY_ATTR {
    using T = decltype(t);
    if constexpr (Float8<T>) {
      const hn::ScalableTag<float> df;
      ReadAhead nothing;
      const auto same = [](auto v) HWY_ATTR { return v; };
      const int64_t size = static_cast<int64_t>(4 * hn::Lanes(df));
      auto* codes = static_cast<T*>(to);
      if (in_range) {
        StoreByFours<true>(df, from, size, same, false, codes, nothing);
      } else {
        StoreByFours<false>(df, from, size, same, false, codes, nothing);
      }
    }
  });
}

void RoundAllImpl(NarrowType type, int64_t size, float* row) {
  VisitNarrow(type, [&](auto t) HWY_ATTR {
    using T = decltype(t);
    if constexpr (Float8<T>) RoundRow<T>(size, row);
  });
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(LanesImpl);
HWY_EXPORT(LoadImpl);
HWY_EXPORT(StoreImpl);
HWY_EXPORT(LoadAllImpl);
HWY_EXPORT(StoreAllImpl);
HWY_EXPORT(RoundAllImpl);
HWY_EXPORT(StoreFourImpl);

namespace narrow_testing {

size_t Lanes() { return HWY_DYNAMIC_DISPATCH(LanesImpl)(); }

void Load(NarrowType type, const void* from, size_t count, float* to) {
  HWY_DYNAMIC_DISPATCH(LoadImpl)(type, from, count, to);
}

void Store(const float* from, size_t count, NarrowType type, void* to) {
  HWY_DYNAMIC_DISPATCH(StoreImpl)(from, count, type, to);
}

void LoadAll(NarrowType type, const void* from, int64_t size, float* to) {
  HWY_DYNAMIC_DISPATCH(LoadAllImpl)(type, from, size, to);
}

void StoreAll(const float* from, int64_t size, NarrowType type, void* to) {
  HWY_DYNAMIC_DISPATCH(StoreAllImpl)(from, size, type, to);
}

void StoreFour(const float* from, NarrowType type, bool in_range, void* to) {
  HWY_DYNAMIC_DISPATCH(StoreFourImpl)(from, type, in_range, to);
}

void RoundAll(NarrowType type, int64_t size, float* row) {
  HWY_DYNAMIC_DISPATCH(RoundAllImpl)(type, size, row);
}

}  // namespace narrow_testing
}  // namespace tilework
#endif  // HWY_ONCE
