// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/common/device/device_buffer.h"

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/tensor/tensor.h"

namespace tilework {
namespace {

absl::Status CheckCopy(std::string_view name, const ConstTensor& from,
                       MemorySpace from_space, const Tensor& to,
                       MemorySpace to_space) {
  const auto refuse = [&](auto... text) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", text...));
  };
  if (from.dtype() != to.dtype() || !(from.shape() == to.shape())) {
    return refuse("from ", ToString(from), " to ", ToString(to));
  }
  if (!from.IsContiguous() || !to.IsContiguous()) {
    return refuse("a tensor is not contiguous");
  }
  if (from.space() != from_space || to.space() != to_space) {
    return refuse("from ", Name(from.space()), " to ", Name(to.space()),
                  " memory");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyToDevice(const ConstTensor& host, const Tensor& device,
                          DeviceContext& context) {
  absl::Status status = CheckCopy("CopyToDevice", host, MemorySpace::kHost,
                                  device, MemorySpace::kDevice);
  if (!status.ok()) return status;
  return CopyToDevice(host.data(), device.data(), host.NumBytes(), context);
}

absl::Status CopyToHost(const ConstTensor& device, const Tensor& host,
                        DeviceContext& context) {
  absl::Status status = CheckCopy("CopyToHost", device, MemorySpace::kDevice,
                                  host, MemorySpace::kHost);
  if (!status.ok()) return status;
  return CopyToHost(device.data(), host.data(), host.NumBytes(), context);
}

}  // namespace tilework
