// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// What every device kernel does around its work: it checks the arguments, and
// reports the call where the environment has TILEWORK_VERBOSE=1:
//
//   absl::Status Rope(const RopeArgs& args, DeviceContext& context) {
//     return CallOnDevice(args, context,
//                         [&] { return LaunchRope(args, context); });
//   }
//
// A report waits for the device before and after the work, so that its time is
// that of the call: with it, a call cannot be captured in a graph.

#ifndef TILEWORK_COMMON_SCHEMA_DEVICE_CALL_H_
#define TILEWORK_COMMON_SCHEMA_DEVICE_CALL_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {

// The line about a call that took `seconds`; `declare` shows its arguments.
//   rmsnorm input=bf16[8, 4096] output=bf16[8, 4096]: NVIDIA H100 80GB HBM3,
//   0.13 MB, 0.004 ms, 32.1 GB/s
// The emulator's speed means nothing: it has no GB/s there.
std::string DeviceCallReport(absl::FunctionRef<void(SchemaVisitor&)> declare,
                             const DeviceProperties& properties,
                             double seconds);

namespace device_call_internal {

// Calls `run`, whose arguments have been checked, and reports it.
absl::Status RunOnDevice(absl::FunctionRef<void(SchemaVisitor&)> declare,
                         DeviceContext& context,
                         absl::FunctionRef<absl::Status()> run);

}  // namespace device_call_internal

// Checks `args`, whose tensors must be in device memory, and calls `run`, which
// returns an absl::Status. Its errors come with the kernel's name before them.
template <typename Args, typename Run>
absl::Status CallOnDevice(const Args& args, DeviceContext& context,
                          const Run& run) {
  absl::Status status = CheckArguments(args, MemorySpace::kDevice);
  if (!status.ok()) return status;
  return device_call_internal::RunOnDevice(
      [&](SchemaVisitor& visitor) { Declare(args, visitor); }, context, run);
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_SCHEMA_DEVICE_CALL_H_
