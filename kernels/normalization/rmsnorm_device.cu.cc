// Copyright 2026 The tilework Authors
// SPDX-License-Identifier: Apache-2.0

// The floor is that of norm_device.h: input and output, and residual and gate
// where there are any, once each. A row of heads (H = 64, 128) takes 8 or 16
// lanes of a warp and no barrier, a row of thousands one barrier.

#include <cstdint>

#include "absl/status/status.h"
#include "tilework/common/device/block.h"
#include "tilework/common/device/cuda.h"
#include "tilework/common/device/device_context.h"
#include "tilework/common/device/elements.h"
#include "tilework/common/device/launch.h"
#include "tilework/common/device/row.h"
#include "tilework/common/device/shared_memory.h"
#include "tilework/common/device/tensor_rows.h"
#include "tilework/common/dtype/dtype.h"
#include "tilework/common/schema/device_call.h"
#include "tilework/kernels/normalization/norm_device.h"
#include "tilework/kernels/normalization/norm_device_plan.h"
#include "tilework/kernels/normalization/rmsnorm.h"

namespace tilework {
namespace {

// A group of a row is a row here; `groups` of them lie behind each other.
struct Params {
  RowShape shape;
  HiddenRows hidden;
  InputRows gate;     // may be absent, as may
  RowInMemory gamma;  // this one
  OutputRows output;
  RowScalars rstd;
  int64_t groups;
  float divisor;
  float eps;
  float gamma_offset;
  DType cast_type;  // to which h * r is rounded
  RmsNormGateMode gate_mode;
};

struct SharedStorage {
  BlockReduceStorage<1> reduce;
};

// x = x * silu(gate).
template <bool kAligned, int kPacks>
__device__ void MultiplySilu(const RowInMemory& gate, const RowLoop& part,
                             int first, float (&x)[kPacks][kEight]) {
  TILEWORK_UNROLL
  for (int i = 0; i < kPacks; ++i) {
    float z[1][kEight];
    LoadFloats<kAligned>(gate, part, first + i, z);
    TILEWORK_UNROLL
    for (int j = 0; j < kEight; ++j) {
      x[i][j] *= z[0][j] * (1.0f / (1.0f + expf(-z[0][j])));
    }
  }
}

template <int kPacks>
class Row {
 public:
  static constexpr bool kAligned = kAlignedPacks<kPacks>;

  __device__ Row(const Params& p, const RowLoop& part, int64_t row,
                 int64_t column)
      : p_(p),
        part_(part),
        hidden_(p.hidden, row, column),
        gate_(p.gate.Row(row, column)),
        gamma_(VectorFrom(p.gamma, column)),
        output_(p.output.Row(row, column)) {}

  // The numbers whose squares count. `is_last`: they are not loaded again.
  __device__ void Load(int first, bool is_last,
                       float (&x)[kPacks][kEight]) const {
    LoadHidden<kAligned>(hidden_, part_, first, is_last, x);
    if (p_.gate_mode != RmsNormGateMode::kPre) return;
    MultiplySilu<kAligned>(gate_, part_, first, x);
  }
  __device__ void Store(int first, float r, float (&x)[kPacks][kEight]) const {
    MultiplyBy(r, x);
    RoundTo(p_.cast_type, x);
    MultiplyWeight<kAligned>(gamma_, p_.gamma_offset, part_, first, x);
    if (p_.gate_mode == RmsNormGateMode::kPost) {
      MultiplySilu<kAligned>(gate_, part_, first, x);
    }
    StorePacks<kAligned>(x, output_, part_, first);
  }

 private:
  const Params& p_;
  const RowLoop& part_;
  HiddenRow hidden_;
  RowInMemory gate_;
  RowInMemory gamma_;
  RowInMemory output_;
};

__device__ inline int64_t RowOfGroup(const Params& p, int64_t index) {
  return p.groups == 1 ? index : index / p.groups;
}

template <int kPacks>
__device__ void PrefetchNextGroup(const Params& p, const RowLoop& part) {
  if (!part.HasNext()) return;
  const int64_t index = part.next_index();
  const int64_t row = RowOfGroup(p, index);
  const int64_t column = (index - row * p.groups) * p.shape.size;
  PrefetchPacks<kPacks>(p.hidden.input.Row(row, column), part);
  PrefetchPacks<kPacks>(p.hidden.residual.Row(row, column), part);
  PrefetchPacks<kPacks>(p.gate.Row(row, column), part);
}

template <int kPacks>
__global__ void __launch_bounds__(kNormThreads, 1)
    RmsNormKernel(const __grid_constant__ Params p) {
  auto& shared = SharedMemory<SharedStorage>();
  BlockReducer reducer(shared.reduce, p.shape.threads);
  for (RowLoop part(p.shape); part.More(); part.Next()) {
    const int64_t index = part.index();
    const int64_t index_of_row = RowOfGroup(p, index);
    const Row<kPacks> row(p, part, index_of_row,
                          (index - index_of_row * p.groups) * p.shape.size);
    PrefetchNextGroup<kPacks>(p, part);
    const bool fits = p.shape.packs == kPacks;
    float x[kPacks][kEight];
    PackSum squares;
    float r = 0;
    TILEWORK_NO_UNROLL
    for (int pass = 0; pass < 2; ++pass) {
      if (pass == 1) {
        const float sum = reducer.Sum(squares.Total());
        r = ReciprocalDeviation(sum / p.divisor, p.eps);
        if (p.rstd.present() && part.IsFirstThread()) p.rstd.Store(index, r);
      }
      for (int first = 0; first < p.shape.packs; first += kPacks) {
        if (pass == 0 || !fits) row.Load(first, fits || pass == 1, x);
        if (pass == 0) {
          AddSquares(x, squares);
        } else {
          row.Store(first, r, x);
        }
      }
    }
  }
}

absl::Status LaunchRmsNorm(const RmsNormArgs& args, DeviceContext& context) {
  if (args.input.NumElements() == 0) return absl::OkStatus();
  const int64_t h = args.input.dim(-1);
  const int64_t size = args.group_size.value_or(h);
  const int64_t groups = h / size;
  const int64_t rows = args.input.NumElements() / size;
  Params p = {.hidden = {.input = InputRowsOf(args.input, size),
                         .residual = InputRowsOf(args.residual, size),
                         .residual_out = OutputRowsOf(args.residual_out, size)},
              .gate = InputRowsOf(args.gate, size),
              .gamma = VectorOf(args.gamma, size),
              .output = OutputRowsOf(args.output, size),
              .rstd = RowScalars(args.rstd),
              .groups = groups,
              .divisor = static_cast<float>(
                  groups > 1 ? size : args.hidden_actual.value_or(size)),
              .eps = args.eps,
              .gamma_offset = args.gamma_offset,
              .cast_type = args.cast_mode == RmsNormCastMode::kLlama
                               ? args.input.dtype()
                               : DType::kF32,
              .gate_mode = args.gate_mode};
  const NormDevicePlan plan = PlanNorm(
      size, AreAligned(size, {p.hidden.input, p.hidden.residual, p.gate},
                       {p.hidden.residual_out, p.output}, {p.gamma}));
  p.shape = NormRowShape(rows, size, plan);
  const auto kernel =
      plan.packs_per_tile == 4 ? RmsNormKernel<4> : RmsNormKernel<1>;
  return Launch(
      kernel,
      NormLaunchShape("rmsnorm", rows, plan, sizeof(SharedStorage), context),
      context, p);
}

}  // namespace

absl::Status RmsNorm(const RmsNormArgs& args, DeviceContext& context) {
  return CallOnDevice(args, context,
                      [&] { return LaunchRmsNorm(args, context); });
}

}  // namespace tilework
