// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "tilework/testing/device_capture.h"

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#if !defined(TILEWORK_EMULATED)
#include "tilework/common/device/cuda_status.h"
#endif

namespace tilework {

#if defined(TILEWORK_EMULATED)

absl::Status RunCaptured(DeviceContext& /*context*/,
                         absl::FunctionRef<absl::Status()> run) {
  return run();
}

#else

absl::Status RunCaptured(DeviceContext& context,
                         absl::FunctionRef<absl::Status()> run) {
  using device_internal::CudaStatus;
  const device_internal::CurrentDevice current(context.ordinal());
  auto* stream = static_cast<cudaStream_t>(context.stream());
  absl::Status status = CudaStatus(
      cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal),
      "beginning to capture");
  if (!status.ok()) return status;
  status = run();
  cudaGraph_t graph = nullptr;
  status.Update(CudaStatus(cudaStreamEndCapture(stream, &graph), "capturing"));
  cudaGraphExec_t instance = nullptr;
  if (status.ok()) {
    status = CudaStatus(cudaGraphInstantiate(&instance, graph, 0),
                        "making a graph of what was captured");
  }
  if (status.ok()) {
    status = CudaStatus(cudaGraphLaunch(instance, stream), "running a graph");
  }
  status.Update(context.Synchronize());
  if (instance != nullptr) (void)cudaGraphExecDestroy(instance);
  if (graph != nullptr) (void)cudaGraphDestroy(graph);
  return status;
}

#endif

}  // namespace tilework
