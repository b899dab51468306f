// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A small kernel for tests of what tests or runs any kernel; on the device with
// a fault, if wanted.

#ifndef TILEWORK_TESTING_SCALE_KERNEL_H_
#define TILEWORK_TESTING_SCALE_KERNEL_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/tensors.h"

namespace tilework {

class DeviceContext;

// y = factor * x, f32 [T, H].
struct ScaleArgs {
  ConstTensor x;
  Tensor y;
  float factor = 1;
};

// What can be wrong with it.
enum class ScaleBug : uint8_t {
  kNone,
  kWrongValue,
  kForgetsTheLast,
  kWritesBehind,
  kWritesItsInput,
  kGrowsScratch,
  kDependsOnThreads,  // on the device: on their order
  kDependsOnRows,
  kChecksNothing,
  kWritesBeforeChecking,
  kRoundsOtherwise,  // than the host
  kReadsBehind,
};

void Declare(const ScaleArgs& args, SchemaVisitor& visitor);
absl::Status Validate(const ScaleArgs& args);
std::vector<ExpectedTensor> ScaleExpected(const ScaleArgs& args);

absl::Status ScaleOnHost(const ScaleArgs& args, HostContext& context);
absl::Status ScaleOnDevice(const ScaleArgs& args, ScaleBug bug,
                           DeviceContext& context);

}  // namespace tilework

#endif  // TILEWORK_TESTING_SCALE_KERNEL_H_
