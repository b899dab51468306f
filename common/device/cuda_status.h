// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Errors of the CUDA runtime as statuses.

#ifndef TILEWORK_COMMON_DEVICE_CUDA_STATUS_H_
#define TILEWORK_COMMON_DEVICE_CUDA_STATUS_H_

#include <cuda_runtime.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace tilework::device_internal {

// OK, or an Internal error "<what>: <text> (<name>)", Unavailable where there
// is no device or driver. Clears the error.
template <typename... What>
absl::Status CudaStatus(cudaError_t error, const What&... what) {
  if (error == cudaSuccess) return absl::OkStatus();
  (void)cudaGetLastError();
  const std::string message =
      absl::StrCat(what..., ": ", cudaGetErrorString(error), " (",
                   cudaGetErrorName(error), ")");
  switch (error) {
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorSystemDriverMismatch:
    case cudaErrorDevicesUnavailable:
      return absl::UnavailableError(message);
    case cudaErrorMemoryAllocation:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::InternalError(message);
  }
}

// Makes a device the current one of the thread, and the one before it at the
// end.
class CurrentDevice {
 public:
  explicit CurrentDevice(int ordinal) {
    if (cudaGetDevice(&before_) == cudaSuccess && before_ != ordinal) {
      changed_ = cudaSetDevice(ordinal) == cudaSuccess;
    }
  }
  ~CurrentDevice() {
    if (changed_) (void)cudaSetDevice(before_);
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
  bool changed_ = false;
};

}  // namespace tilework::device_internal

#endif  // TILEWORK_COMMON_DEVICE_CUDA_STATUS_H_
