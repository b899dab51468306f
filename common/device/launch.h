// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// Launching kernels. Include it in *.cu.cc files alone.
//
//   __global__ void AddKernel(const float* a, float* b, int64_t n);
//
//   absl::Status status = Launch(
//       AddKernel, {.kernel = "add", .grid = {128}, .block = {256}}, context,
//       a, b, n);

#ifndef TILEWORK_COMMON_DEVICE_LAUNCH_H_
#define TILEWORK_COMMON_DEVICE_LAUNCH_H_

#include <tuple>
#include <type_traits>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch_shape.h"

namespace tilework {

namespace device_internal {

#if defined(TILEWORK_EMULATED)
// Runs `body` for each thread.
absl::Status LaunchEmulated(const LaunchShape& shape, DeviceContext& context,
                            absl::FunctionRef<void()> body);
#else
absl::Status LaunchCuda(const LaunchShape& shape, DeviceContext& context,
                        const void* kernel, void** params);
#endif

}  // namespace device_internal

// Enqueues kernel(args...). An error names the kernel, what was asked and what
// was there.
template <typename... Params, typename... Args>
absl::Status Launch(void (*kernel)(Params...), const LaunchShape& shape,
                    DeviceContext& context, const Args&... args) {
  static_assert(sizeof...(Params) == sizeof...(Args));
#if defined(TILEWORK_EMULATED)
  return device_internal::LaunchEmulated(
      shape, context, [&] { kernel(static_cast<Params>(args)...); });
#else
  std::tuple<std::remove_const_t<Params>...> values(
      static_cast<Params>(args)...);
  return std::apply(
      [&](auto&... value) {
        void* params[] = {static_cast<void*>(&value)..., nullptr};
        return device_internal::LaunchCuda(
            shape, context, reinterpret_cast<const void*>(kernel), params);
      },
      values);
#endif
}

}  // namespace tilework

#endif  // TILEWORK_COMMON_DEVICE_LAUNCH_H_
