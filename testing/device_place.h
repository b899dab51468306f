// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// A device as a place for the checks of kernel_kit.h.

#ifndef TILEWORK_TESTING_DEVICE_PLACE_H_
#define TILEWORK_TESTING_DEVICE_PLACE_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/kernel_place.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

// All memory of the arguments is copied to the device and, whatever the kernel
// returns, back. In the emulator every other call is without the guards behind
// the tensors, so that reading beyond them is seen too.
class DevicePlace final : public KernelPlace {
 public:
  // How calls are enqueued: as they are, or as a graph that has captured them.
  enum class Calls { kPlain, kCaptured };
  explicit DevicePlace(DeviceContext& context, Calls calls = Calls::kPlain)
      : context_(context), calls_(calls) {}

  absl::Status Run(MadeArguments& made) override;
  absl::Status Check(MadeArguments& made) override;
  int64_t ScratchBytes() override { return context_.arena().capacity(); }
  // Rows that several warps, or all of a block, share.
  MakerOptions Suitable(const MakerOptions& options) const override;

 private:
  DeviceContext& context_;
  Calls calls_;
  bool with_guards_ = true;  // the next call
};

// Refused by name, before anything is written: arguments in host memory by the
// device part, and those in device memory by the host part. Returns what is
// wrong, or nothing.
std::string CheckMemorySpaces(const TestedKernel& kernel, uint64_t seed,
                              HostContext& host, DeviceContext& device);

}  // namespace tilework

#endif  // TILEWORK_TESTING_DEVICE_PLACE_H_
