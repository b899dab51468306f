// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/parallel/host_context.h"
#include "tilework/common/tensor/safetensors.h"
#include "tilework/common/tensor/tensor.h"
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

}  // namespace

absl::Status Run(const RunOptions& options) {
  const auto kernels = FindKernels({options.kernel});
  if (!kernels.ok()) return kernels.status();
  if (options.context == "device") {
    return absl::UnimplementedError(absl::StrCat(
        options.kernel, " has no device part in this build of tilework"));
  }
  if (options.context != "host") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--context is \"", options.context, "\", expected host or device"));
  }
  const auto file = SafetensorsFile::Open(options.in);
  if (!file.ok()) return file.status();
  const auto request = MakeRequest(options, *file);
  if (!request.ok()) return request.status();
  const auto built = BuiltArguments::Build(*(*kernels)[0], *request);
  if (!built.ok()) return built.status();
  HostContext context(options.threads);
  if (absl::Status status = built->arguments().Run(context); !status.ok()) {
    return status;
  }
  std::vector<NamedTensor> results;
  for (const BuiltArguments::Output& output : built->outputs()) {
    results.push_back({output.name, Nameable(output.tensor)});
  }
  return WriteSafetensors(options.out, results);
}

}  // namespace tilework
