// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Where the checks of kernel_kit.h run a kernel. Arguments are made, and
// results are read, in host memory, wherever that is.

#ifndef TILEWORK_TESTING_KERNEL_PLACE_H_
#define TILEWORK_TESTING_KERNEL_PLACE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/testing/argument_maker.h"

namespace tilework {

class KernelPlace {
 public:
  virtual ~KernelPlace() = default;
  // Runs the kernel; the results are in the memory of `made` then.
  virtual absl::Status Run(MadeArguments& made) = 0;
  // What the kernel should say of the arguments.
  virtual absl::Status Check(MadeArguments& made) = 0;
  // Bytes held for scratch memory.
  virtual int64_t ScratchBytes() = 0;
  // The arguments that suit the place, where `options` suit the host.
  virtual MakerOptions Suitable(const MakerOptions& options) const = 0;
};

class HostPlace final : public KernelPlace {
 public:
  explicit HostPlace(HostContext& context) : context_(context) {}

  absl::Status Run(MadeArguments& made) override {
    return made.arguments->Run(context_);
  }
  absl::Status Check(MadeArguments& made) override {
    return made.arguments->Check();
  }
  int64_t ScratchBytes() override {
    return static_cast<int64_t>(context_.arena().capacity());
  }
  MakerOptions Suitable(const MakerOptions& options) const override {
    return options;
  }

 private:
  HostContext& context_;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_KERNEL_PLACE_H_
