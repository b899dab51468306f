// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/device_place.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/device_capture.h"
#include "tilework/testing/device_mirror.h"
#include "tilework/testing/random.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

absl::Status DevicePlace::Run(MadeArguments& made) {
  using enum DeviceMirror::Extent;
  DeviceMirror mirror(context_);
  absl::Status status =
      mirror.Add(made, with_guards_ ? kWithGuards : kUpToTheEnd);
  if (context_.properties().emulated) with_guards_ = !with_guards_;
  if (status.ok()) status = mirror.Upload();
  if (!status.ok()) return status;
  const auto run = [&] { return made.arguments->Run(context_); };
  status = calls_ == Calls::kPlain ? run() : RunCaptured(context_, run);
  status.Update(context_.Synchronize());
  status.Update(mirror.Download());
  return status;
}

absl::Status DevicePlace::Check(MadeArguments& made) {
  DeviceMirror mirror(context_);
  if (absl::Status status = mirror.Add(made); !status.ok()) return status;
  return made.arguments->CheckOnDevice();
}

MakerOptions DevicePlace::Suitable(const MakerOptions& options) const {
  MakerOptions suitable = options;
  suitable.long_sizes = true;
  suitable.max_elements *= 2;
  return suitable;
}

std::string CheckMemorySpaces(const TestedKernel& kernel, uint64_t seed,
                              HostContext& host, DeviceContext& device) {
  Random random(seed);
  MadeArguments made =
      MakeArguments(kernel, random, {.max_elements = 2048, .empty = false});
  const auto before = made.Bytes();
  const auto check = [&](const absl::Status& status, MemorySpace space,
                         MemorySpace expected) -> std::string {
    const std::string message =
        absl::StrCat(" is in ", Name(space), " memory but the context is a ",
                     Name(expected), " context");
    if (status.code() == absl::StatusCode::kInvalidArgument &&
        absl::StartsWith(status.message(), absl::StrCat(kernel.name(), ": ")) &&
        absl::EndsWith(status.message(), message)) {
      return made.Bytes() == before ? "" : "something was written";
    }
    return absl::StrCat("tensors in ", Name(space), " memory, and the ",
                        Name(expected), " part says ", status.ToString());
  };
  using enum MemorySpace;
  std::string failure = check(made.arguments->Run(device), kHost, kDevice);
  if (!failure.empty()) return failure;
  DeviceMirror mirror(device);
  absl::Status status = mirror.Add(made);
  if (status.ok()) status = mirror.Upload();
  if (!status.ok()) return status.ToString();
  const absl::Status refused = made.arguments->Run(host);
  status = mirror.Download();
  return status.ok() ? check(refused, kDevice, kHost) : status.ToString();
}

}  // namespace tilework
