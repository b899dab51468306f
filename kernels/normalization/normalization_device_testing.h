// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Calls of device parts with arguments on the host.

#ifndef TILEWORK_KERNELS_NORMALIZATION_NORMALIZATION_DEVICE_TESTING_H_
#define TILEWORK_KERNELS_NORMALIZATION_NORMALIZATION_DEVICE_TESTING_H_

#include <vector>

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/device_mirror.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

// One call of `Run`, the device part of a kernel.
template <typename Args>
class DeviceCall final : public AnyArguments {
 public:
  using RunFunction = absl::Status(const Args& args, DeviceContext& context);

  DeviceCall(const Args& args, RunFunction* run) : args_(args), run_(run) {}

  void Show(SchemaVisitor& visitor) override { Declare(args_, visitor); }
  absl::Status Check() const override { return Validate(args_); }
  absl::Status CheckOnDevice() const override {
    return CheckArguments(args_, MemorySpace::kDevice);
  }
  absl::Status Run(HostContext& /*context*/) const override {
    return absl::UnimplementedError("a call on the device");
  }
  absl::Status Run(DeviceContext& context) const override {
    return run_(args_, context);
  }
  std::vector<ExpectedTensor> Expect() const override { return {}; }
  double Flops() const override { return 0; }

 private:
  Args args_;
  RunFunction* run_;
};

// Calls `run` with copies of all tensors on the device, and copies back what it
// wrote. No tensor may be another's view.
template <typename Args>
absl::Status RunOnDevice(absl::Status (*run)(const Args&, DeviceContext&),
                         const Args& args, DeviceContext& context) {
  DeviceCall<Args> call(args, run);
  DeviceMirror mirror(context);
  absl::Status status = mirror.Add(call);
  if (status.ok()) status = mirror.Upload();
  if (status.ok()) status = call.Run(context);
  if (status.ok()) status = context.Synchronize();
  if (status.ok()) status = mirror.Download();
  return status;
}

}  // namespace tilework

#endif  // TILEWORK_KERNELS_NORMALIZATION_NORMALIZATION_DEVICE_TESTING_H_
