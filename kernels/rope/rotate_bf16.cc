// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/kernels/rope/rotate_tasks.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/kernels/rope/rotate_bf16.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/kernels/rope/rotate_columns-inl.h"
#include "tilework/kernels/rope/rotate_heads-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {
namespace {
void Heads(const HeadTask& task) { RotateHeadsOf<BFloat16>(task); }
void Columns(const ColumnTask& task) { RotateColumnsOf<BFloat16>(task); }
}  // namespace
// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {
HWY_EXPORT(Heads);
HWY_EXPORT(Columns);
void RotateHeads(const HeadTask& task, BFloat16) {
  HWY_DYNAMIC_DISPATCH(Heads)(task);
}
void RotateColumns(const ColumnTask& task, BFloat16) {
  HWY_DYNAMIC_DISPATCH(Columns)(task);
}
}  // namespace tilework
#endif  // HWY_ONCE
