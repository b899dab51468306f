// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Launches on a GPU.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tilework/common/device/cuda_status.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/launch_shape.h"

namespace tilework::device_internal {
namespace {

dim3 ToDim3(const LaunchDims& dims) { return {dims.x, dims.y, dims.z}; }

std::string Describe(const LaunchShape& shape) {
  return absl::StrCat(shape.kernel, ": a launch of ", ToString(shape.grid),
                      " blocks of ", ToString(shape.block),
                      " threads in clusters of ", ToString(shape.cluster),
                      " with ", shape.shared_bytes,
                      " bytes of shared memory each");
}

// What a kernel needs before it may be launched so.
cudaError_t Prepare(const void* kernel, const LaunchShape& shape) {
  constexpr int64_t kWithoutAsking = int64_t{48} << 10;
  constexpr int64_t kPortableCluster = 8;
  cudaError_t error = cudaSuccess;
  if (shape.shared_bytes > kWithoutAsking) {
    error = cudaFuncSetAttribute(kernel,
                                 cudaFuncAttributeMaxDynamicSharedMemorySize,
                                 static_cast<int>(shape.shared_bytes));
  }
  if (error == cudaSuccess && shape.cluster.Count() > kPortableCluster) {
    error = cudaFuncSetAttribute(
        kernel, cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
  }
  return error;
}

absl::Status CheckKernelCoResident(const void* kernel, const LaunchShape& shape,
                                   const cudaLaunchConfig_t& config,
                                   const DeviceProperties& properties) {
  if (shape.cluster.Count() > 1) {
    int clusters = 0;
    const cudaError_t error =
        cudaOccupancyMaxActiveClusters(&clusters, kernel, &config);
    if (error != cudaSuccess) return CudaStatus(error, Describe(shape));
    const int64_t asked = shape.grid.Count() / shape.cluster.Count();
    if (asked <= clusters) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(Describe(shape), " at the same time: ", asked,
                     " clusters, but the device holds ", clusters));
  }
  int blocks = 0;
  const cudaError_t error = cudaOccupancyMaxActiveBlocksPerMultiprocessor(
      &blocks, kernel, static_cast<int>(shape.block.Count()),
      static_cast<size_t>(shape.shared_bytes));
  if (error != cudaSuccess) return CudaStatus(error, Describe(shape));
  return CheckCoResident(shape, blocks, properties);
}

}  // namespace

absl::Status LaunchCuda(const LaunchShape& shape, DeviceContext& context,
                        const void* kernel, void** params) {
  absl::Status status = CheckLaunchShape(shape, context.properties());
  if (!status.ok()) return status;
  const CurrentDevice current(context.ordinal());
  if (const cudaError_t error = Prepare(kernel, shape); error != cudaSuccess) {
    return CudaStatus(error, Describe(shape));
  }
  cudaLaunchAttribute attributes[2] = {};
  cudaLaunchConfig_t config = {};
  config.gridDim = ToDim3(shape.grid);
  config.blockDim = ToDim3(shape.block);
  config.dynamicSmemBytes = static_cast<size_t>(shape.shared_bytes);
  config.stream = static_cast<cudaStream_t>(context.stream());
  config.attrs = attributes;
  if (shape.cluster.Count() > 1) {
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim = {shape.cluster.x, shape.cluster.y,
                                shape.cluster.z};
  }
  if (shape.co_resident) {
    status = CheckKernelCoResident(kernel, shape, config, context.properties());
    if (!status.ok()) return status;
    cudaLaunchAttribute& attribute = attributes[config.numAttrs++];
    attribute.id = cudaLaunchAttributeCooperative;
    attribute.val.cooperative = 1;
  }
  return CudaStatus(cudaLaunchKernelExC(&config, kernel, params),
                    Describe(shape));
}

}  // namespace tilework::device_internal
