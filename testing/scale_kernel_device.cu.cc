// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_buffer.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/schema/check_arguments.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/common/tensor/tensor.h"
#include "tilework/testing/scale_kernel.h"

namespace tilework {
namespace {

constexpr int64_t kBlock = 128;

struct Problem {
  float* x;
  float* y;
  int64_t rows;
  int64_t columns;
  int64_t x_strides[2];
  int64_t y_strides[2];
  float factor;
  ScaleBug bug;
};

Problem MakeProblem(const ScaleArgs& args, ScaleBug bug) {
  return {.x = const_cast<float*>(args.x.data<float>()),
          .y = args.y.data<float>(),
          .rows = args.x.dim(0),
          .columns = args.x.dim(1),
          .x_strides = {args.x.stride(0), args.x.stride(1)},
          .y_strides = {args.y.stride(0), args.y.stride(1)},
          .factor = args.factor,
          .bug = bug};
}

// A thread for each element. `turn` counts them in the order in which they
// come.
__global__ void ScaleKernel(Problem problem, int* turn) {
  const int64_t i = int64_t{blockIdx.x} * kBlock + threadIdx.x;
  const int64_t size = problem.rows * problem.columns;
  if (i >= size) return;
  const ScaleBug bug = problem.bug;
  const int64_t row = i / problem.columns;
  const int64_t column = i % problem.columns;
  float* x =
      problem.x + row * problem.x_strides[0] + column * problem.x_strides[1];
  float* y =
      problem.y + row * problem.y_strides[0] + column * problem.y_strides[1];
  float value = problem.factor * *x;
  if (bug == ScaleBug::kReadsBehind) value += 0 * (i == size - 1 ? x[64] : 0);
  if (bug == ScaleBug::kWrongValue && i == size - 1) value += 1;
  if (bug == ScaleBug::kDependsOnRows) {
    value += 1e-6f * static_cast<float>(problem.rows);
  }
  if (bug == ScaleBug::kDependsOnThreads) {
    value += 1e-6f * static_cast<float>(atomicAdd(turn, 1) % 2);
  }
  if (bug == ScaleBug::kRoundsOtherwise) value *= 1 + 0x1p-23f;
  if (bug == ScaleBug::kWritesItsInput && i == 0) *x += 1;
  if (bug != ScaleBug::kForgetsTheLast || i != size - 1) *y = value;
  if (bug == ScaleBug::kWritesBehind && i == size - 1) y[1] = 0;
}

absl::Status LaunchScale(const ScaleArgs& args, ScaleBug bug,
                         DeviceContext& context) {
  DeviceScratchScope scope(context);
  static int64_t count = 1 << 20;
  if (bug == ScaleBug::kGrowsScratch) count *= 2;
  const absl::StatusOr<int*> turn =
      scope.Allocate<int>(bug == ScaleBug::kGrowsScratch ? count : 1);
  if (!turn.ok()) return turn.status();
  absl::Status status = FillOnDevice(*turn, 0, sizeof(int), context);
  if (!status.ok()) return status;
  const int64_t size = args.x.NumElements();
  if (size == 0) return absl::OkStatus();
  return Launch(ScaleKernel,
                {.kernel = "scale",
                 .grid = {static_cast<uint32_t>((size + kBlock - 1) / kBlock)},
                 .block = {kBlock}},
                context, MakeProblem(args, bug), *turn);
}

}  // namespace

absl::Status ScaleOnDevice(const ScaleArgs& args, ScaleBug bug,
                           DeviceContext& context) {
  const bool ok = CheckArguments(args, MemorySpace::kDevice).ok();
  if (bug == ScaleBug::kChecksNothing && !ok) return absl::OkStatus();
  if (bug == ScaleBug::kWritesBeforeChecking && args.y.data() != nullptr &&
      args.y.space() == MemorySpace::kDevice) {
    absl::Status status = FillOnDevice(args.y.data(), 0, 1, context);
    if (!status.ok()) return status;
  }
  return CallOnDevice(args, context,
                      [&] { return LaunchScale(args, bug, context); });
}

}  // namespace tilework
