// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Copies on the device of the tensors of a call whose arguments are in host
// memory:
//
//   DeviceMirror mirror(context);
//   status = mirror.Add(arguments);     // or those of a test, with their
//   guards status = mirror.Upload(); status = arguments.Run(context);    // on
//   the copies status = mirror.Download();

#ifndef TILEWORK_TESTING_DEVICE_MIRROR_H_
#define TILEWORK_TESTING_DEVICE_MIRROR_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {

class DeviceMirror {
 public:
  explicit DeviceMirror(DeviceContext& context) : context_(context) {}
  // Waits for the device; the arguments are as they were before Add().
  ~DeviceMirror();
  DeviceMirror(const DeviceMirror&) = delete;
  DeviceMirror& operator=(const DeviceMirror&) = delete;

  // Lets all tensors of `arguments` be copies on the device. Copies lie at
  // multiples of 256 bytes.
  absl::Status Add(AnyArguments& arguments);
  // The same with all memory of `made`, its guards among it, or only up to the
  // last element: the emulator stops at accesses beyond. Copies are aligned as
  // the tensors are on the host. A tensor that is said to be in device memory
  // already, which is a fault, stays where it is and is said to be in host
  // memory then.
  enum class Extent { kWithGuards, kUpToTheEnd };
  absl::Status Add(MadeArguments& made, Extent extent = Extent::kWithGuards);

  // Copies all bytes to the device; back, those that the kernel may have
  // written.
  absl::Status Upload();
  absl::Status Download();

 private:
  struct Memory {
    unsigned char* host;
    int64_t bytes;
    bool writable;
    DeviceBuffer buffer;
    unsigned char* device;
  };
  struct Redirected {
    TensorField field;
    Tensor view;  // on the host
  };

  // `offset` bytes past the beginning of a buffer, whose end is its own.
  absl::Status AddMemory(unsigned char* host, int64_t bytes, bool writable,
                         int64_t offset);
  void AddTensor(const TensorField& field, const Tensor& view);

  DeviceContext& context_;
  std::vector<Memory> memory_;
  std::vector<Redirected> redirected_;
};

}  // namespace tilework

#endif  // TILEWORK_TESTING_DEVICE_MIRROR_H_
