// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/simd/simd_path.h"

#include <cstdint>
#include <string>
#include <vector>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/simd/simd_path.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "hwy/targets.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {

int64_t Target() { return HWY_TARGET; }

}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
namespace {

HWY_EXPORT(Target);

std::vector<std::string> TargetNames(int64_t targets) {
  std::vector<std::string> names;
  for (int bit = 0; bit < 63; ++bit) {
    const int64_t target = int64_t{1} << bit;
    if ((targets & target) != 0) names.push_back(hwy::TargetName(target));
  }
  return names;
}

}  // namespace

std::string SimdPath() {
  return hwy::TargetName(HWY_DYNAMIC_DISPATCH(Target)());
}

std::vector<std::string> CompiledSimdTargets() {
  return TargetNames(HWY_TARGETS);
}

std::vector<std::string> UsableSimdTargets() {
  return TargetNames(HWY_TARGETS & hwy::SupportedTargets());
}

}  // namespace tilework
#endif  // HWY_ONCE
