// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/safetensors.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/device_mirror.h"
#include "tilework/testing/tested_kernel.h"
#include "tilework/tools/argument_builder.h"
#include "tilework/tools/commands.h"

namespace tilework {
namespace {

absl::StatusOr<ArgumentRequest> MakeRequest(const RunOptions& options,
                                            const SafetensorsFile& file) {
  ArgumentRequest request;
  for (const NamedTensor& tensor : file.tensors()) {
    request.tensors[tensor.name].data = tensor.tensor;
  }
  for (const NamedText& shape : options.shapes) {
    const absl::StatusOr<Dims> dims = ParseShape(shape.value);
    if (!dims.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("--shape ", shape.name, ": ", dims.status().message()));
    }
    request.tensors[shape.name].shape = *dims;
  }
  for (const NamedText& dtype : options.dtypes) {
    const DType type = DTypeFromName(dtype.value);
    if (type == DType::kNone) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--dtype ", dtype.name, ": there is no dtype \"", dtype.value, "\""));
    }
    request.tensors[dtype.name].dtype = type;
  }
  for (const NamedText& attribute : options.attributes) {
    request.attributes[attribute.name] = attribute.value;
  }
  request.outputs.insert(options.outputs.begin(), options.outputs.end());
  return request;
}

// What the file format cannot name is written as bytes.
ConstTensor Nameable(const Tensor& tensor) {
  if (tensor.dtype() != DType::kF8E4M3_240) return tensor;
  return ConstTensor(tensor.data(), DType::kU8, tensor.shape(),
                     tensor.strides());
}

// Copies the tensors to the device, runs, and copies the results back.
absl::Status RunOnDevice(const BuiltArguments& built) {
  const auto context = DeviceContext::Create();
  if (!context.ok()) return context.status();
  DeviceMirror mirror(**context);
  absl::Status status = mirror.Add(built.arguments());
  if (status.ok()) status = mirror.Upload();
  if (status.ok()) status = built.arguments().Run(**context);
  if (status.ok()) status = (*context)->Synchronize();
  if (status.ok()) status = mirror.Download();
  return status;
}

absl::Status RunOnHost(const BuiltArguments& built, int threads) {
  HostContext context(threads);
  return built.arguments().Run(context);
}

}  // namespace

absl::Status Run(const RunOptions& options) {
  const auto kernels = FindKernels({options.kernel}, options.context);
  if (!kernels.ok()) return kernels.status();
  const auto file = SafetensorsFile::Open(options.in);
  if (!file.ok()) return file.status();
  const auto request = MakeRequest(options, *file);
  if (!request.ok()) return request.status();
  const auto built = BuiltArguments::Build(*(*kernels)[0], *request);
  if (!built.ok()) return built.status();
  absl::Status status = options.context == "device"
                            ? RunOnDevice(*built)
                            : RunOnHost(*built, options.threads);
  if (!status.ok()) return status;
  std::vector<NamedTensor> results;
  for (const BuiltArguments::Output& output : built->outputs()) {
    results.push_back({output.name, Nameable(output.tensor)});
  }
  return WriteSafetensors(options.out, results);
}

}  // namespace tilework
