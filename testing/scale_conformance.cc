// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include "absl/status/status.h"
#include "tilework/testing/scale_kernel.h"
#include "tilework/testing/tested_kernel.h"

namespace tilework {
namespace {

absl::Status OnDevice(const ScaleArgs& args, DeviceContext& context) {
  return ScaleOnDevice(args, ScaleBug::kNone, context);
}

const Tested<ScaleArgs> kKernel({
    .run = ScaleOnHost,
    .expect = ScaleExpected,
    .cases = {{"small", "x=f32[3,5]"}},
    .simd = false,
    .run_device = OnDevice,
    .device_cases = {{"large", "x=f32[3000,5000]"}},
    .bits_as_host = true,
});

}  // namespace
}  // namespace tilework
