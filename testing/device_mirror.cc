// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/device_mirror.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/fields.h"
#include "tilework/common/schema/schema_visitor.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/argument_maker.h"
#include "tilework/testing/tensors.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

// The tensors that are given, and the members that they are.
class FieldVisitor final : public SchemaVisitor {
 public:
  struct Field {
    Direction direction;
    TensorField field;
  };
  std::vector<Field> fields;

  void Kernel(const KernelInfo& /*info*/) override {}

 private:
  void VisitTensor(Direction direction, std::string_view /*name*/,
                   const TensorField& tensor,
                   const TensorSpec& /*spec*/) override {
    if (tensor.view().present()) fields.push_back({direction, tensor});
  }
  void VisitAttribute(std::string_view, const AttributeField&,
                      const AttributeSpec&) override {}
};

// The host owns all tensors of a call, those that are read only too.
Tensor Mutable(const ConstTensor& tensor) {
  return Tensor(const_cast<void*>(tensor.data()), tensor.dtype(),
                tensor.shape(), tensor.strides(), tensor.space());
}

// From the first element to the last.
int64_t ExtentBytes(const ConstTensor& tensor) {
  if (tensor.NumElements() == 0) return 0;
  int64_t last = 0;
  for (int i = 0; i < tensor.rank(); ++i) {
    last += (tensor.dim(i) - 1) * tensor.stride(i);
  }
  return (last / PackFactor(tensor.dtype()) + 1) *
         static_cast<int64_t>(SizeOf(tensor.dtype()));
}

}  // namespace

DeviceMirror::~DeviceMirror() {
  // What went wrong was reported before.
  context_.Synchronize().IgnoreError();
  for (const Redirected& tensor : redirected_) tensor.field.set(tensor.view);
}

absl::Status DeviceMirror::AddMemory(unsigned char* host, int64_t bytes,
                                     bool writable, int64_t offset) {
  absl::StatusOr<DeviceBuffer> buffer = DeviceBuffer::Allocate(
      DType::kU8, {std::max<int64_t>(1, bytes + offset)}, context_);
  if (!buffer.ok()) return buffer.status();
  auto* device = static_cast<unsigned char*>(buffer->view().data()) + offset;
  memory_.push_back({host, bytes, writable, *std::move(buffer), device});
  return absl::OkStatus();
}

void DeviceMirror::AddTensor(const TensorField& field, const Tensor& view) {
  redirected_.push_back({field, view});
  void* data = view.data();
  MemorySpace space = MemorySpace::kHost;
  if (view.space() == MemorySpace::kHost) {
    space = MemorySpace::kDevice;
    const auto* first = static_cast<unsigned char*>(data);
    for (const Memory& memory : memory_) {
      // Even where the address is a fault, and part of no array.
      const bool before = std::less<>()(first, memory.host);
      if (!before && std::less<>()(first, memory.host + memory.bytes)) {
        data = memory.device + (first - memory.host);
        break;
      }
    }
  }
  field.set(Tensor(data, view.dtype(), view.shape(), view.strides(), space));
}

absl::Status DeviceMirror::Add(AnyArguments& arguments) {
  FieldVisitor visitor;
  arguments.Show(visitor);
  for (const FieldVisitor::Field& field : visitor.fields) {
    const Tensor view = Mutable(field.field.view());
    absl::Status status =
        AddMemory(static_cast<unsigned char*>(view.data()), ExtentBytes(view),
                  field.direction != Direction::kInput, 0);
    if (!status.ok()) return status;
    AddTensor(field.field, view);
  }
  return absl::OkStatus();
}

absl::Status DeviceMirror::Add(MadeArguments& made, Extent extent) {
  constexpr int64_t kAlignment = 64;  // that tensors may have on the host
  constexpr int64_t kPadding = 256;   // of the emulator's device memory
  for (const MadeArguments::MadeTensor& tensor : made.tensors) {
    if (tensor.memory == nullptr) continue;
    unsigned char* host = tensor.memory->mutable_bytes();
    const Tensor view = tensor.memory->view();
    auto bytes = static_cast<int64_t>(tensor.memory->bytes().size());
    auto offset = static_cast<int64_t>(reinterpret_cast<uintptr_t>(host) %
                                       uintptr_t{kAlignment});
    if (extent == Extent::kUpToTheEnd && view.NumElements() > 0) {
      bytes =
          static_cast<unsigned char*>(view.data()) - host + ExtentBytes(view);
      // As near the end of what is padded as the alignment allows.
      const int64_t rest = (kPadding - (bytes + offset) % kPadding) % kPadding;
      offset += rest / kAlignment * kAlignment;
    }
    absl::Status status = AddMemory(host, bytes, /*writable=*/true, offset);
    if (!status.ok()) return status;
  }
  for (const MadeArguments::MadeTensor& tensor : made.tensors) {
    if (tensor.view.present()) AddTensor(tensor.field, tensor.view);
  }
  return absl::OkStatus();
}

absl::Status DeviceMirror::Upload() {
  for (const Memory& memory : memory_) {
    absl::Status status =
        CopyToDevice(memory.host, memory.device, memory.bytes, context_);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DeviceMirror::Download() {
  for (const Memory& memory : memory_) {
    if (!memory.writable) continue;
    absl::Status status =
        CopyToHost(memory.device, memory.host, memory.bytes, context_);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace tilework
