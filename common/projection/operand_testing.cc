// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/projection/operand_testing.h"

#include "tilework/common/parallel/arena.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/projection/operand.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tilework/common/projection/operand_testing.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.
#include "hwy/highway.h"
#include "tilework/common/projection/operand-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tilework {
namespace HWY_NAMESPACE {

void PrepareImpl(const OperandArgs& args, ScratchScope& scratch,
                 HostContext& context, Operand& result) {
  result = PrepareOperand(args, scratch, context);
}

// NOLINTNEXTLINE(google-readability-namespace-comments)
}  // namespace HWY_NAMESPACE
}  // namespace tilework
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tilework {

HWY_EXPORT(PrepareImpl);

Operand PrepareOperandOnTarget(const OperandArgs& args, ScratchScope& scratch,
                               HostContext& context) {
  Operand result;
  HWY_DYNAMIC_DISPATCH(PrepareImpl)(args, scratch, context, result);
  return result;
}

}  // namespace tilework
#endif  // HWY_ONCE
